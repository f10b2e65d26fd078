"""FieldLift's conventions: how fields become the net's input, and how its residuals become pictures. No torch here.

One step takes a woven frame and its neighbours and gives the picture at the instants of both fields, clean at the
size of the tape (`D`) and as residuals at four times its size. The grid of the net has one cell per 2×2 samples of the
frame, H/2 × W/2: a cell holds two samples of a top line, two of the bottom line below it, and one sample of each
colour difference per field (4:2:2), so that no plane ever mixes two instants. Top field first is the one order the
net knows: a tape with the bottom field first is turned upside down before and after.

Motion is measured outside the net (dense inverse search, Kroeger et al. 2016) between fields of one parity, on the
net's grid. Neighbours and state are fetched by whole cells, which never blurs what travels on through many frames;
the rest of the motion, less than half a cell, goes in as planes of its own. The graph is left with convolutions,
ReLU and pixel shuffles, which every inference engine does well.

References: Sajjadi et al., "Frame-recurrent video super-resolution", 2018; Fuoli et al., "Efficient video
super-resolution through recurrent latent space propagation", 2019; Shi et al., "Real-time single image and video
super-resolution using an efficient sub-pixel convolutional neural network", 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core import subcarrier
from footlights.core.clip import Plane
from footlights.errors import ParameterError, UsageError, did_you_mean

Cells = NDArray[np.intp]

FRAME_PLANES = 8
"""Planes of a packed frame: luma top even, top odd, bottom even, bottom odd column; Cb top, bottom; Cr top, bottom."""
WINDOW_PLANES = 3 * FRAME_PLANES + 6 + 4 + 1
"""Planes of a step's input: current, previous, next frame; validity of their fields; motion remainders; noise."""
INSTANTS = 2
"""Pictures a step gives: the first and the second field's instant."""
CLEAN_PLANES = 3
"""Residuals at the size of the tape: Y, Cb, Cr."""
SCALE = 4
"""Of the fine luma residual against the tape; the fine chroma residual has half of it."""
_COARSE = 4
"""Samples per side of a cell of coarse light."""
_WIDE_COLOUR, _NEAR_COLOUR = 5.0, 1.2
"""Standard deviations, in cells of coarse light, of the two scales at which a field's colour is kept."""
_WIDE_NOISE, _NEAR_NOISE = np.float32(1.25), np.float32(3.5)
"""Times the noise at the finer scale that a difference must exceed; at the wider one noise is half as strong."""
_LEAST_NOISE = 0.6
"""8-bit codes of noise that every field is reckoned to have: coding, and what the net itself errs by."""
_LEAST_COLOUR_NOISE = 0.25
"""The same of chroma, which the net leaves nearer to its fields."""
_NOISE_POWERS = 5.0
"""Times the power of the noise that a field must differ by from the clean picture before that is taken for detail: more
than 1 because codecs hide noise from the measure and because its local power varies."""
_NEARBY = (7, 5)
"""Samples and lines of a field over which that power is taken."""
OUT_PLANES = CLEAN_PLANES + SCALE**2 + 2 * (SCALE // 2) ** 2

SIGMA_UNIT = 8.0
"""Noise of this many 8-bit codes is 1 on the noise plane."""
REACH = 31.0
"""Cells: motion beyond this is cut off. 62 samples a frame are 31 samples a field."""


@dataclass(frozen=True, slots=True)
class Size:
    """Widths and depths of one net."""

    name: str
    width: int
    """Channels on the net's grid."""
    deep: int
    """Channels on the grid of half its size."""
    before: int
    """Residual blocks before the deep part."""
    below: int
    """Residual blocks in the deep part."""
    after: int
    """Residual blocks after it."""
    state: int
    """Channels that are carried to the next frame."""
    tail: int
    """Channels at the size of the tape, for each of the two instants."""

    def macs(self, height: int = 480, width: int = 720) -> int:
        """Multiply-accumulates of one step, both instants, for a tape of this size."""
        cells = height * width // 4
        block = 2 * 9 * self.width**2
        grid = 9 * (WINDOW_PLANES + CLEAN_PLANES + self.state) * self.width + (self.before + self.after) * block
        grid += 9 * self.width * INSTANTS * 4 * self.tail
        deep = 9 * self.width * self.deep + self.below * 2 * 9 * self.deep**2 + self.deep * 4 * self.width
        tape = INSTANTS * 9 * self.tail * (self.tail + OUT_PLANES)
        return cells * grid + cells // 4 * deep + 4 * cells * tape


SIZES = {
    size.name: size
    for size in (
        Size("tiny", width=8, deep=8, before=1, below=1, after=1, state=4, tail=8),
        Size("S", width=64, deep=96, before=1, below=3, after=2, state=48, tail=24),
        Size("M", width=96, deep=128, before=3, below=4, after=4, state=64, tail=48),
    )
}
"""`tiny` is for tests. S is the default of a processor without matrix units, M of one with."""


def size_named(name: str) -> Size:
    """A size by name; UsageError for an unknown one."""
    try:
        return SIZES[name]
    except KeyError:
        known = did_you_mean(name, SIZES) or f"known: {', '.join(SIZES)}"
        raise UsageError(f"there is no FieldLift size {name!r}", known, "choose a known size") from None


def packed(luma: Plane, chroma: Plane) -> Plane:
    """Woven luma `(H, W)` and co-sited 4:2:2 chroma `(2, H, W/2)` → `(8, H/2, W/2)`."""
    height, width = luma.shape
    if height % 4 or width % 4 or chroma.shape != (2, height, width // 2):
        raise ParameterError(
            "fieldlift.frame", (luma.shape, chroma.shape), "give luma (H, W) and chroma (2, H, W/2), sides by 4"
        )
    planes = np.empty((FRAME_PLANES, height // 2, width // 2), np.float32)
    for field in (0, 1):
        planes[2 * field] = luma[field::2, 0::2]
        planes[2 * field + 1] = luma[field::2, 1::2]
        planes[4 + field] = chroma[0, field::2]
        planes[6 + field] = chroma[1, field::2]
    return planes


def fetched(planes: Plane, motion: Plane) -> tuple[Plane, Plane, Plane]:
    """Planes `(C, h, w)` of another frame brought to where they are now, by whole cells.

    `motion` `(2, h, w)` is x then y, in cells, from now to the other frame. Also gives what whole cells leave of the
    motion `(2, h, w)`, within ±0.5, and where the other frame has a cell to give `(h, w)`, 1 or 0.
    """
    rows, columns, inside = source_cells(motion)
    remainder = motion - np.rint(motion)
    # Picked along one axis, planes stay whole in memory: picked by two they came out cell by cell.
    flat = (rows * planes.shape[2] + columns).ravel()
    there = np.take(planes.reshape(len(planes), -1), flat, axis=1).reshape(planes.shape)
    return there, np.asarray(remainder, np.float32), inside


def source_cells(motion: Plane) -> tuple[Cells, Cells, Plane]:
    """Rows and columns that whole-cell motion `(2, h, w)` points to, held at the edge, and where it stays inside."""
    _, height, width = motion.shape
    whole = np.rint(motion).astype(np.intp)
    columns = np.arange(width) + whole[0]
    rows = np.arange(height)[:, None] + whole[1]
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1), inside.astype(np.float32)


def motion_between(now: Plane, other: Plane) -> Plane:
    """Motion `(2, h, w)` in cells from field `now` to `other`, luma `(h, 2w)` of one parity, nominal 0..1."""
    return motion(contrast(now), contrast(other))


def motion(now: NDArray[np.uint8], other: NDArray[np.uint8]) -> Plane:
    """Motion `(2, h, w)` in cells between two fields that `contrast` made ready."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    search.setFinestScale(1)
    flow = search.calc(now, other, None)
    return np.ascontiguousarray(np.clip(np.moveaxis(flow, -1, 0), -REACH, REACH), dtype=np.float32)


def contrast(field: Plane) -> NDArray[np.uint8]:
    """A field `(h, 2w)` as 8-bit picture on the net's grid `(h, w)`, brightness as its local rank within ±2 deviations:
    noise and stage light must not pass for motion."""
    height, width = field.shape
    small = cv2.resize(field, (width // 2, height), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.2)
    mean = cv2.blur(small, (33, 33))
    power = cv2.blur(small * small, (33, 33)) - mean * mean
    # 0.02 of full luma keeps the noise of flat and dark areas small.
    even = (small - mean) / (np.sqrt(np.maximum(power, 0)) + np.float32(0.02))
    return np.asarray(np.clip(even * 48 + 128, 0, 255), np.uint8)


def lines_doubled(field: Plane, parity: int) -> Plane:
    """A field `(…, h, w)` as a picture `(…, 2h, w)`: its own lines, and between them the mean of both neighbours."""
    height = field.shape[-2]
    picture = np.empty((*field.shape[:-2], 2 * height, field.shape[-1]), np.float32)
    picture[..., parity::2, :] = field
    if parity:
        above = np.concatenate([field[..., :1, :], field[..., :-1, :]], axis=-2)
        picture[..., 0::2, :] = (above + field) * np.float32(0.5)
    else:
        below = np.concatenate([field[..., 1:, :], field[..., -1:, :]], axis=-2)
        picture[..., 1::2, :] = (field + below) * np.float32(0.5)
    return picture


def columns_doubled(plane: Plane) -> Plane:
    """Co-sited half-width chroma `(…, w)` → `(…, 2w)`: its samples on even columns, means between them."""
    wide = np.empty((*plane.shape[:-1], 2 * plane.shape[-1]), np.float32)
    right = np.concatenate([plane[..., 1:], plane[..., -1:]], axis=-1)
    wide[..., 0::2] = plane
    wide[..., 1::2] = (plane + right) * np.float32(0.5)
    return wide


def base(planes: Plane) -> Plane:
    """What the clean residual is added to: packed frame `(8, h, w)` → Y, Cb, Cr at both instants `(2, 3, 2h, 2w)`."""
    _, height, width = planes.shape
    pictures = np.empty((INSTANTS, CLEAN_PLANES, 2 * height, 2 * width), np.float32)
    for field in (0, 1):
        luma = np.empty((height, 2 * width), np.float32)
        luma[:, 0::2], luma[:, 1::2] = planes[2 * field], planes[2 * field + 1]
        pictures[field, 0] = lines_doubled(luma, field)
        chroma = np.stack([planes[4 + field], planes[6 + field]])
        pictures[field, 1:] = columns_doubled(lines_doubled(chroma, field))
    return pictures


def residuals(height: int, width: int) -> tuple[Plane, Plane, Plane]:
    """Room for what a step gives on a grid of `(h, w)` cells, both instants: clean residuals `(2, 3, 2h, 2w)`, fine
    luma `(2, 1, 8h, 8w)` and fine chroma `(2, 2, 4h, 4w)`."""
    shapes = ((CLEAN_PLANES, 1), (1, SCALE), (2, SCALE // 2))
    clean, luma, chroma = (
        np.empty((INSTANTS, planes, 2 * scale * height, 2 * scale * width), np.float32) for planes, scale in shapes
    )
    return clean, luma, chroma


def light_kept(clean: Plane, field: Plane) -> Plane:
    """Clean luma `(H, W)` with the coarse light of the field it was made from, lines doubled `(H, W)`.

    What is coarser than a Gaussian of about 6 samples is no noise, no comb and no detail: it is the light of the stage,
    and there a net can only err.
    """
    height, width = clean.shape
    small = cv2.resize(field - clean, (width // _COARSE, height // _COARSE), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(clean + cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def colour_kept(clean: Plane, field: Plane) -> Plane:
    """A clean chroma plane `(H, W)` with the coarse colour of the field it was made from, lines doubled `(H, W)`,
    as far as they differ by more than noise.

    The net takes the colour of neighbours in time for the field's own: of a blue flash of one field it left a third to
    a half and tinted the fields around. Tape chroma is noisy, in streaks, so that not all of the difference is light:
    what it is made of beyond some 20 samples, and of some 6 on top, each comes back by Wiener's weight.
    """
    height, width = clean.shape
    lost = cv2.resize(field - clean, (width // _COARSE, height // _COARSE), interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(lost, (0, 0), _WIDE_COLOUR, borderType=cv2.BORDER_REPLICATE)
    near = cv2.GaussianBlur(lost - wide, (0, 0), _NEAR_COLOUR, borderType=cv2.BORDER_REPLICATE)
    # Light that changed is large and in few places, or wide: the median of what is neither is noise.
    noise = np.float32(1.4826 * np.median(np.abs(near)) + 1e-9)
    kept = wide * _share_of_signal(wide * wide, _WIDE_NOISE * noise)
    kept += near * _share_of_signal(cv2.blur(near * near, (3, 3)), _NEAR_NOISE * noise)
    return np.asarray(clean + cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _share_of_signal(power: Plane, noise: np.float32) -> Plane:
    """Wiener's weight: 0 where the power is what noise alone has."""
    return np.maximum(1 - noise**2 / np.maximum(power, np.float32(1e-18)), 0)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is given back of the detail that fields show beyond noise."""

    share: float = 0.0
    """Of luma, 0..1."""
    carrier: float = 0.0
    """Cycles per sample of a colour subcarrier around which no luma is given back, 0..0.5; 0 where there is none."""
    colour: float = 0.0
    """Of chroma, 0..1."""
    colour_sigma: float = 1.0
    """Chroma noise of the shot in 8-bit codes."""


def detail_kept(clean: Plane, field: Plane, parity: int, kept: Kept, sigma: float) -> Plane:
    """Clean luma `(H, W)` with the detail that its field `(H/2, W)` shows beyond noise of `sigma` 8-bit codes.

    A line of the field less what the net made of it is noise, and detail that was lost or drawn too strong. Wiener's
    weight (1 - noise/power, from the power nearby) lets pass what is larger than noise. Lines between get the mean of
    both. Of a tape that was composite, colour left on the subcarrier is larger than noise too: it is no detail.
    """
    lost = field - clean[parity::2]
    if kept.carrier:
        lost -= cv2.filter2D(lost, -1, subcarrier.band(kept.carrier)[None])
    return clean + lines_doubled(_beyond_noise(lost, kept.share, max(sigma, _LEAST_NOISE) / 219), parity)


def chroma_kept(clean: Plane, field: Plane, parity: int, kept: Kept) -> Plane:
    """The same for a plane of chroma.

    Clean tapes, which need no repair of colour, have edges and small patches of it that the net draws otherwise.
    """
    sigma = max(kept.colour_sigma, _LEAST_COLOUR_NOISE) / 224
    return clean + lines_doubled(_beyond_noise(field - clean[parity::2], kept.colour, sigma), parity)


def _beyond_noise(lost: Plane, share: float, sigma: float) -> Plane:
    """A share of what lines show more than a clean picture, by Wiener's weight."""
    power = np.maximum(cv2.blur(lost * lost, _NEARBY), np.float32(1e-9))
    return np.float32(share) * np.maximum(1 - np.float32(_NOISE_POWERS * sigma**2) / power, 0) * lost


def fine_luma(clean: Plane, residual: Plane) -> Plane:
    """Clean luma `(H, W)` and its fine residual `(4H, 4W)` → luma `(4H, 4W)` over a cubic base."""
    size = (clean.shape[1] * SCALE, clean.shape[0] * SCALE)
    # OpenCV's cubic kernel (a = -0.75) is torch's: training and running add to the same base.
    large = np.asarray(cv2.resize(clean, size, interpolation=cv2.INTER_CUBIC), np.float32)
    return np.add(large, residual, out=large)


def fine_chroma(clean: Plane, residual: Plane) -> Plane:
    """Clean chroma `(H, W)` and its fine residual `(2H, 2W)` → one chroma plane `(2H, 2W)` over a linear base."""
    size = (clean.shape[1] * SCALE // 2, clean.shape[0] * SCALE // 2)
    large = np.asarray(cv2.resize(clean, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return np.add(large, residual, out=large)


@dataclass(frozen=True, slots=True)
class Packed:
    """A frame as the net sees it."""

    planes: Plane
    """`(8, h, w)`."""
    valid: Plane
    """`(2, h, w)`: 1 where the top and the bottom field hold what the tape recorded there and then, 0 where not."""


def window(
    now: Packed, before: Packed | None, after: Packed | None, sigma: float, motion: tuple[Plane, Plane]
) -> Plane:
    """Input of one step `(35, h, w)`.

    `motion` leads from now to the frame before and to the one after, each `(2, h, w)` in cells. A neighbour beyond a
    cut is None: the frame itself stands in for it, marked invalid. `sigma` is the noise of luma in 8-bit codes.
    """
    parts, validity, rests = [now.planes], [now.valid], []
    for other, way in zip((before, after), motion, strict=True):
        if other is None:
            parts.append(now.planes)
            validity.append(np.zeros_like(now.valid))
            rests.append(np.zeros_like(way))
            continue
        planes, rest, inside = fetched(np.concatenate([other.planes, other.valid]), way)
        parts.append(planes[:FRAME_PLANES])
        validity.append(planes[FRAME_PLANES:] * inside)
        rests.append(rest)
    noise = np.full((1, *now.planes.shape[1:]), sigma / SIGMA_UNIT, np.float32)
    return np.concatenate([*parts, *validity, *rests, noise])


def carried(state: Plane, motion: Plane) -> Plane:
    """The state `(K, h, w)` of the frame before, brought to where things are now; zero where nothing is known."""
    fetched_state, _, inside = fetched(state, motion)
    fetched_state *= inside
    return fetched_state
