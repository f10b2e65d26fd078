"""Faces restored where they were followed: crops along steady paths, light taken off, detail by TrackFace, light put
back, and only the difference of detail laid over the picture through a soft mask.

How much of it shows follows from what is known: the size of the face, how sure the landmarks are, how far it is turned
away, how much of it is clipped, and whether the restored face still is the person on the tape. Where nothing of that
holds the picture passes bit by bit. Coarse colour is the picture's own by construction (`core/facelight.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane, join
from footlights.core.colour import rgb_to_ycbcr, ycbcr_to_rgb
from footlights.core.facelight import relight, split
from footlights.core.faces import FACE_SHARE, ShotFaces, TrackedFace
from footlights.core.likeness import Beside, Likeness
from footlights.core.plans import Region
from footlights.core.signal import Matrix
from footlights.errors import ParameterError
from footlights.metrics.faces import ramped
from footlights.models import trackface
from footlights.models.faceid import Vector, described, descriptor, similarity
from footlights.models.trackface import FaceCrop, Memory, TrackFace
from footlights.restoration.base import Contract, Touch, bound, stage
from footlights.restoration.regions import rectangle

Values = NDArray[np.float64]

_WARM_UP = 8
"""Pictures after which the memory has forgotten how it began."""
_SIDE = 256
"""Samples of a crop's side."""
HIGHEST = trackface.HIGHEST
"""Lines of the largest face that is restored; beyond, the tape holds the detail itself and the net would take some."""
_SIZE, _YAW, _CLIPPED, _ALIKE = (32.0, 56.0), (45.0, 75.0), (0.3, 0.6), (0.5, 0.7)
_RAMP = 0.08
"""Most that the share of a face changes from one picture to the next."""
_AGAIN = 0.15
"""Share of what is typical of a face in this picture in that of the last ones: it must not flicker."""
_OVAL = (0.0, 0.02, 0.29, 0.37)
"""Middle and half axes of the mask in sides of the crop: the face with its outline, which is as much of a likeness as
eyes and mouth; without most of the hair and the throat."""
_FEATHER = 0.35
"""Of the half axes, over which the mask falls off."""


@dataclass(slots=True)
class _Walk:
    """One face on its way through the pictures."""

    number: int
    """Of the face in its shot."""
    face: TrackedFace
    side: int
    weights: Values
    references: tuple[Plane, ...]
    known: Vector | None
    """Descriptor of the sharpest reference."""
    memory: Memory | None = None
    typical: float | None = None
    """Likeness to a mean face, over the last pictures."""
    before: FaceCrop | None = None
    trust: float = 1.0
    crops: dict[int, tuple[FaceCrop, Plane]] = field(default_factory=dict)
    """By picture: what the net is given and its R'G'B'."""

    def shows(self, instant: int) -> bool:
        """Whether anything of it is to be shown there."""
        place = instant - self.face.path.first
        return 0 <= place < len(self.weights) and bool(self.weights[place] > 0)

    def within(self, instant: int) -> bool:
        """Whether the memory needs to see it: something shows there or soon."""
        place = instant - self.face.path.first
        return 0 <= place < len(self.weights) and bool(self.weights[place : place + _WARM_UP + 1].any())


@stage("faces.restore", version=8)
class RestoreFaces:
    """TrackFace on the faces of the shot; without tracked faces every picture passes unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        strength: float = 1.0
        """Share of the restored detail that is shown at most, 0..1; 0 is the identity."""
        sigma: float = 1.0
        """Luma noise of the shot in 8-bit codes, 0..40."""
        raster: tuple[int, ...] = (720, 480)
        """Samples and lines of the tape."""
        crop: tuple[int, ...] = (0, 0, 0, 0)
        """Samples cut off at left, top, right and bottom before the picture was enlarged."""
        pillar: int = 0
        """Black columns at the left and at the right."""
        refused: tuple[int, ...] = ()
        """Faces of the shot, by number, that stay as they are."""

        def __post_init__(self) -> None:
            bound("faces.restore.strength", self.strength, 0, 1)
            bound("faces.restore.sigma", self.sigma, 0, 40, "codes")
            if len(self.raster) != 2 or min(self.raster) < 16:
                raise ParameterError("faces.restore.raster", self.raster, "give samples and lines of the tape")
            if len(self.crop) != 4 or any(side < 0 for side in self.crop):
                raise ParameterError("faces.restore.crop", self.crop, "give left, top, right and bottom")
            if any(number < 0 for number in self.refused):
                raise ParameterError("faces.restore.refused", self.refused, "give numbers of faces, from 0 on")

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touched: list[Touch] = []
        self.likeness: list[Likeness] = []
        self.least: dict[int, Beside] = {}
        self._shot: ShotFaces | None = None
        self._start = 0
        self._net: TrackFace | None = None

    @staticmethod
    def weights(params: Params) -> str:
        """TrackFace's, whatever the parameters."""
        del params
        return trackface.reference()

    @property
    def contract(self) -> Contract:
        return Contract(before=_WARM_UP, after=1, display=True)

    def guide(self, shot: ShotFaces, start: int) -> None:
        """The faces that were followed, and the number of the picture that shows the shot's first instant."""
        self._shot, self._start = shot, start

    def run(self, clip: Clip) -> Clip:
        """Clip of T pictures → those behind the warm-up and before the last, faces restored."""
        return join(list(self.stream(iter([clip])))).take(clip.frames.shrink(_WARM_UP, 1))

    def stream(self, blocks: Iterator[Clip]) -> Iterator[Clip]:
        """Every picture of a run, one clip each."""
        walks = self._walks()
        if not walks:
            yield from blocks
            return
        self._net = self._net or TrackFace()
        held: Clip | None = None
        for one in _singles(blocks):
            self._see(walks, one)
            if held is not None:
                yield self._shown(walks, held)
            held = one
        if held is not None:
            yield self._shown(walks, held)

    def _walks(self) -> list[_Walk]:
        if self._shot is None or self.params.strength == 0:
            return []
        found = []
        for number, face in enumerate(self._shot.faces):
            weights = shares(face, self._shot.instants)
            if number not in self.params.refused and face.height <= HIGHEST and weights.any():
                references = _references(face, _SIDE)
                known = descriptor(references[0]) if references else None
                found.append(_Walk(number, face, _SIDE, weights, references, known))
        return found

    def _see(self, walks: list[_Walk], one: Clip) -> None:
        """Cut the faces out of a picture that has just come in."""
        instant = one.frames.start - self._start
        for walk in walks:
            if walk.within(instant):
                rgb, luma = _cut(one, self._matrix(walk, instant, one), walk.side)
                scale = float(walk.face.path.crop[instant - walk.face.path.first, 0]) / walk.side
                crop = FaceCrop(luma, scale, self.params.sigma, 0.0, walk.references)
                walk.crops[instant] = (crop, rgb)

    def _shown(self, walks: list[_Walk], one: Clip) -> Clip:
        """The picture with its faces restored; the same arrays where there is none to show."""
        instant = one.frames.start - self._start
        luma, chroma, area = one.luma, one.chroma, 0.0
        places: list[Region] = []
        for walk in walks:
            found = self._restored(walk, instant, one.signal.matrix)
            if found is None:
                continue
            if luma is one.luma:
                luma, chroma = one.luma.copy(), one.chroma.copy()
            change, shown = found[0] * found[1], found[1]
            matrix = self._matrix(walk, instant, one)
            _lay(luma[0], change[0], matrix)
            for plane, own in zip(chroma[0], change[1:], strict=True):
                _lay(plane, own, _halved(matrix, one))
            places.append(_place(matrix, walk.side, luma[0].shape))
            area += float(shown.mean()) * abs(np.linalg.det(matrix[:, :2])) * walk.side**2 / luma[0].size
        if area:
            self.touched.append(Touch(one.frames.start, area, regions=tuple(places)))
        return one.with_pictures(luma, chroma)

    def _restored(self, walk: _Walk, instant: int, matrix: Matrix) -> tuple[Plane, Plane] | None:
        """Change of Y'CbCr `(3, P, P)` and how much of it shows, in the crop; None where nothing shows."""
        own = walk.crops.pop(instant, None)
        if own is None:
            walk.memory = walk.before = walk.typical = None
            return None
        assert self._net is not None
        crop, rgb = own
        light = split(rgb, crop.luma)
        source, typical = described(crop.luma)
        walk.typical = typical if walk.typical is None else walk.typical + _AGAIN * (typical - walk.typical)
        shares = trackface.shares_in(rgb, walk.typical)
        now = FaceCrop(crop.luma, crop.scale, crop.sigma, light.deviation, crop.references, *shares)
        after = walk.crops.get(instant + 1)
        detail, walk.memory = self._net.step(now, walk.before, after[0] if after else None, walk.memory)
        walk.before = now
        if not walk.shows(instant) or not any(shares):
            return None
        lit = relight(light, detail)
        change = np.tensordot(rgb_to_ycbcr(matrix).astype(np.float32), lit - rgb, 1)
        alike = self._compared(walk, instant, (source, descriptor(crop.luma + change[0])), (rgb, lit))
        walk.trust = min(walk.trust + _RAMP, float(smooth(np.array(alike), *_ALIKE)))
        share = self.params.strength * walk.trust * float(walk.weights[instant - walk.face.path.first])
        return (np.asarray(change, np.float32), mask(walk.side) * np.float32(share)) if share > 0 else None

    def _compared(self, walk: _Walk, instant: int, seen: tuple[Vector, Vector], crops: tuple[Plane, Plane]) -> float:
        """How alike source and restored face are, -1..1; noted, with the crops where they are least alike."""
        source, restored = seen
        alike, frame = similarity(source, restored), instant + self._start
        loss = 0.0 if walk.known is None else similarity(walk.known, source) - similarity(walk.known, restored)
        self.likeness.append(Likeness(walk.number, frame, alike, loss))
        if walk.number not in self.least or alike < self.least[walk.number].to_source:
            self.least[walk.number] = Beside(alike, frame, *(_shown(rgb) for rgb in crops))
        return alike

    def _matrix(self, walk: _Walk, instant: int, one: Clip) -> Values:
        """`(2, 3)`: samples of the crop → samples of the enlarged picture's luma."""
        assert self._shot is not None
        params, shot = self.params, self._shot
        left, top, right, bottom = params.crop
        across = (one.width - 2 * params.pillar) / (params.raster[0] - left - right)
        down = one.height / (params.raster[1] - top - bottom)
        # Square samples → the tape's, whose centres lie half a sample from the edge in either raster.
        step = np.array([params.raster[0] / shot.width, params.raster[1] / shot.height])
        scale = step * (across, down)
        shift = (0.5 * step - (left, top)) * (across, down) - 0.5 + (params.pillar, 0)
        found = walk.face.path.matrix(instant, walk.side) * scale[:, None]
        found[:, 2] += shift
        return found


def shares(face: TrackedFace, instants: int) -> Values:
    """How much of a restored face may show `(T,)` 0..1: it fades in and out where a track begins and ends inside the
    shot, and stands in full right behind a cut; nothing of what is taken for a picture of a face."""
    path = face.path
    height = path.crop[:, 0] * FACE_SHARE
    yaw = np.abs(np.where(np.isfinite(path.pose[:, 0]), path.pose[:, 0], 90.0))
    wanted = path.presence * smooth(height, *_SIZE) * (1 - smooth(yaw, *_YAW)) * (1 - smooth(path.clipped, *_CLIPPED))
    if not path.landmarks or not face.alive:
        wanted = np.zeros_like(wanted)
    head, tail = int(path.first > 0), int(path.first + len(path) < instants)
    found = ramped(np.pad(wanted, (head, tail)), _RAMP)
    return found[head : len(found) - tail]


def of_size(height: float) -> float:
    """How much of a restored face of so many lines may show, 0..1: a small face is little more than its noise."""
    return float(smooth(np.array(height), *_SIZE)) if height <= HIGHEST else 0.0


def smooth(values: Values, low: float, high: float) -> Values:
    """0 below `low`, 1 above `high`, smooth between."""
    x = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float64)


def mask(side: int) -> Plane:
    """Where in its crop a face is `(P, P)`, 0..1."""
    grid = (np.arange(side) + 0.5) / side - 0.5
    x, y, a, b = _OVAL
    radius = np.hypot((grid[None, :] - x) / a, (grid[:, None] - y) / b)
    return np.asarray(1 - smooth(radius, 1 - _FEATHER, 1.0), np.float32)


def _shown(rgb: Plane) -> NDArray[np.uint8]:
    """`(3, P, P)` as 8-bit samples `(P, P, 3)`."""
    return np.asarray(np.clip(np.moveaxis(rgb, 0, -1) * 255 + 0.5, 0, 255), np.uint8)


def _references(face: TrackedFace, side: int) -> tuple[Plane, ...]:
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    crops = [crop.astype(np.float32) @ weights / np.float32(255) for crop in face.crops[: trackface.REFERENCES]]
    return tuple(
        np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), np.float32) for crop in crops
    )


def _singles(blocks: Iterator[Clip]) -> Iterator[Clip]:
    for block in blocks:
        for part in block.frames.split(1):
            yield block.take(part)


def _cut(one: Clip, matrix: Values, side: int) -> tuple[Plane, Plane]:
    """R'G'B' `(3, P, P)` and luma `(P, P)` of the crop."""
    luma = _warped(one.luma[0], matrix, side)
    planes = [luma, *(_warped(plane, _halved(matrix, one), side) for plane in one.chroma[0])]
    rgb = cv2.transform(np.stack(planes, axis=-1), ycbcr_to_rgb(one.signal.matrix).astype(np.float32))
    return np.ascontiguousarray(np.moveaxis(rgb, -1, 0), np.float32), luma


def _warped(plane: Plane, matrix: Values, side: int) -> Plane:
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(plane, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _halved(matrix: Values, one: Clip) -> Values:
    """The same for chroma, which lies on every second sample of luma and between two of its lines."""
    if one.chroma.shape[-1] == one.width:
        return matrix
    halved = matrix / 2
    halved[1, 2] -= 0.25
    return np.asarray(halved)


def _place(matrix: Values, side: int, shape: tuple[int, ...]) -> Region:
    """The rectangle of a picture in which a crop lies."""
    corners = matrix @ np.array([[0, side, 0, side], [0, 0, side, side], [1, 1, 1, 1]])
    (left, top), (right, bottom) = corners.min(axis=1).tolist(), corners.max(axis=1).tolist()
    return rectangle(left, top, right, bottom, shape)


def _lay(plane: Plane, change: Plane, matrix: Values) -> None:
    """Add a change in the crop to a plane, in place."""
    side, (height, width) = change.shape[-1], plane.shape
    corners = matrix @ np.array([[0, side, 0, side], [0, 0, side, side], [1, 1, 1, 1]])
    left, top = np.maximum(np.floor(corners.min(axis=1)).astype(int) - 2, 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=1)).astype(int) + 3, (width, height))
    if right <= left or bottom <= top:
        return
    moved = matrix.copy()
    moved[:, 2] -= (left, top)
    size = (int(right - left), int(bottom - top))
    plane[top:bottom, left:right] += cv2.warpAffine(np.ascontiguousarray(change), moved, size, flags=cv2.INTER_CUBIC)
