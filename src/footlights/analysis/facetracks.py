"""Faces followed through a shot: found on key frames, followed by their landmarks to both sides, then made steady.

Pictures come with square samples, one field each. They are looked at in runs, so that a long shot takes no more memory
than a short one; only numbers and a few crops are kept of a run. Every run is looked at three times: key frames by the
detector; forwards and, from where a face turned up first, backwards by the mesh; and by optical flow on each face.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis import faceflow, facelife
from footlights.analysis.facepaths import Look, Track, concluded, guesses, span_of
from footlights.core.faces import FACE_SHARE, REFERENCE_SIDE, ShotFaces
from footlights.models.facemesh import FaceMesh, brightness, square_of
from footlights.models.faces import Detector, FaceFinder, Picture
from footlights.models.landmarks import Mesh, Square, crop_of, pose_of
from footlights.models.stagemarks import SURE, StageMarks

Values = NDArray[np.float64]

VERSION = 7
LEAST = 32.0
"""Lines of the tape: a smaller face is too little to be told from another."""
_KEY = 10
"""Pictures from one key frame to the next."""
_RUN = 24 * _KEY
_PRESENCE = 0.5
_MISSES = 6
"""Pictures a face may be lost for before its track ends."""
_SIZES = (0.6, 1.6)
_STEP = 0.7
"""Heights of the face that it may move from one picture to the next."""
_SAME = 0.35
"""Sides of the crop within which two middles belong to one face."""
_SHORTEST = 12
_FOUND = 0.4
"""Share of its key frames on which the detector must see a track again."""
_MOMENTS = 6
_APART = 15
"""Pictures between two kept moments."""
_AROUND = 2
"""Pictures on each side that a kept crop is the mean of."""
_CLIPPED = 250


@dataclass(frozen=True, slots=True)
class Limits:
    """What is followed."""

    most: int = 6
    """Faces at once."""
    least: float = LEAST
    """Height in lines."""


class FaceTracker:
    """Follows the faces of one shot after another; holds the nets."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        detector: Detector = "stageface",
        marks: bool = True,
        threads: int = 0,
    ) -> None:
        """`marks`: follow StageFace's faces by StageMarks too, where the mesh sees nobody."""
        self._limits = limits or Limits()
        self._finder, self._mesh = FaceFinder(detector, marks=marks, threads=threads), FaceMesh(threads=threads)
        self._marks = StageMarks(threads=threads) if detector == "stageface" and marks else None

    def follow(
        self, shot: int, pictures: Iterable[Picture], progress: Callable[[int], None] = lambda done: None
    ) -> ShotFaces:
        """All faces of a shot, whose pictures are given from its first to its last."""
        tracks: list[Track] = []
        left_out = done = 0
        shape = (0, 0)
        for run in _runs(pictures):
            shape = run.pictures[0].shape[:2]
            left_out = max(left_out, self._look_at(run, tracks))
            for track in tracks:
                _follow_points(track, run)
            done = run.first + len(run.pictures)
            progress(done)
        believed = [track for track in tracks if self._believed(track)]
        return ShotFaces(
            shot=shot,
            instants=done,
            width=shape[1],
            height=shape[0],
            faces=tuple(concluded(track) for track in believed),
            left_out=left_out,
            dropped=len(tracks) - len(believed),
        )

    def _believed(self, track: Track) -> bool:
        enough = len(track.looks) >= _SHORTEST and track.hits >= max(1.0, _FOUND * track.keys)
        return enough and track.size * FACE_SHARE >= self._limits.least

    def _look_at(self, run: _Run, tracks: list[Track]) -> int:
        """Follow known faces through a run and find new ones; returns how many were too many."""
        left_out = 0
        for instant in run.new:
            for track in tracks:
                if not track.ended:
                    self._go_on(track, run, instant, 1)
            if instant % _KEY == 0 or instant == run.stop - 1:
                left_out = max(left_out, self._search(run, instant, tracks))
        return left_out

    def _search(self, run: _Run, instant: int, tracks: list[Track]) -> int:
        """A key frame: who of the followed is seen again, and who is new."""
        present = [track for track in tracks if not track.ended and instant in track.looks]
        for track in present:
            track.keys += 1
        # A box is about as high as its face; those at the limit are measured by their landmarks.
        room = 4 * self._limits.most
        found = self._finder.find(run.at(instant), least=0.7 * self._limits.least, most=room)
        fresh: list[Look] = []
        for face in found:
            look = self._see(run, instant, square_of(face), passes=2)
            if look is None:
                continue
            known = next((track for track in present if _same(track.looks[instant], look)), None)
            if known is not None:
                known.hits += 1
                present.remove(known)
            elif not any(_same(other, look) for other in fresh) and look.crop[0] * FACE_SHARE >= self._limits.least:
                fresh.append(look)
        fresh.sort(key=lambda look: -look.crop[0])
        room = max(self._limits.most - sum(not track.ended for track in tracks), 0)
        for look in fresh[:room]:
            self._begin(look, run, instant, tracks)
        return len(fresh[room:])

    def _begin(self, look: Look, run: _Run, instant: int, tracks: list[Track]) -> None:
        """A new face: followed back to where it came from, or joined to the track that had lost it there."""
        track = Track({instant: look}, keys=1, hits=1)
        for earlier in range(instant - 1, run.first - 1, -1):
            if not self._go_on(track, run, earlier, -1):
                break
            if earlier not in track.looks:
                continue
            lost = next((other for other in tracks if _meets(other, earlier, track.looks[earlier])), None)
            if lost is not None:
                lost.looks = {**track.looks, **lost.looks}
                lost.keys, lost.hits, lost.ended = lost.keys + 1, lost.hits + 1, False
                return
        tracks.append(track)

    def _go_on(self, track: Track, run: _Run, instant: int, way: int) -> bool:
        """Look for the face in the next picture on its way; False where it was lost for too long."""
        last = track.last if way > 0 else min(track.looks)
        now = track.looks[last]
        before = track.looks.get(last - way)
        step = (now.crop[2:] - before.crop[2:]) / 2 if before is not None else np.zeros(2)
        square = Square(now.square.x + step[0], now.square.y + step[1], now.square.side, now.square.turn)
        look = self._see(run, instant, square, passes=1)
        if look is not None and _plausible(now, look, abs(instant - last)):
            track.saw(instant, look)
            return True
        lost = abs(instant - last) > _MISSES
        if way > 0 and lost:
            track.ended = True
        return not lost

    def _see(self, run: _Run, instant: int, square: Square, passes: int) -> Look | None:
        """The face in a square by the mesh, or, where that sees nobody, by StageMarks."""
        picture, peak = run.at(instant), run.peak(instant)
        mesh = _again(lambda at: self._mesh.look(picture, at, peak), square, passes)
        if mesh.presence > _PRESENCE:
            return Look(crop_of(mesh), pose_of(mesh), mesh.presence, mesh.square, facelife.shape_of(mesh))
        if self._marks is None:
            return None
        marks = self._marks
        mesh = _again(lambda at: marks.look(picture, at), square, passes)
        # Their landmarks are too few and too even to tell a living face from a picture.
        return Look(crop_of(mesh), pose_of(mesh), mesh.presence, mesh.square, None) if mesh.presence > SURE else None


def _again(look: Callable[[Square], Mesh], square: Square, passes: int) -> Mesh:
    """The last of some looks, each where the one before has seen the face."""
    mesh = look(square)
    for _ in range(passes - 1):
        mesh = look(mesh.square)
    return mesh


class _Run:
    """Consecutive pictures of a shot, the last of the run before among them."""

    def __init__(self, first: int, pictures: Sequence[Picture], fresh: int) -> None:
        self.first, self.pictures = first, pictures
        self.new = range(first + len(pictures) - fresh, first + len(pictures))
        """Instants that no run before has looked at."""
        self._peaks: dict[int, float] = {}

    @property
    def stop(self) -> int:
        return self.first + len(self.pictures)

    def __contains__(self, instant: int) -> bool:
        return self.first <= instant < self.stop

    def at(self, instant: int) -> Picture:
        return self.pictures[instant - self.first]

    def peak(self, instant: int) -> float:
        if instant not in self._peaks:
            self._peaks[instant] = brightness(self.at(instant))
        return self._peaks[instant]


def _runs(pictures: Iterable[Picture]) -> Iterator[_Run]:
    held: list[Picture] = []
    first, fresh = 0, 0
    for picture in pictures:
        held.append(picture)
        fresh += 1
        if fresh == _RUN:
            yield _Run(first, held, fresh)
            # Kept crops look two pictures around them, and a step needs both its pictures.
            keep = 2 * _AROUND + 1
            first, held, fresh = first + len(held) - keep, held[-keep:], 0
    if fresh:
        yield _Run(first, held, fresh)


def _same(one: Look, other: Look) -> bool:
    apart = float(np.hypot(*(one.crop[2:] - other.crop[2:])))
    ratio = float(one.crop[0] / other.crop[0])
    return apart < _SAME * max(one.crop[0], other.crop[0]) and _SIZES[0] < ratio < _SIZES[1]


def _meets(track: Track, instant: int, look: Look) -> bool:
    return instant in track.looks and _same(track.looks[instant], look)


def _plausible(now: Look, then: Look, pictures: int) -> bool:
    """Whether one face can have become the other in so many pictures."""
    step = float(np.hypot(*(then.crop[2:] - now.crop[2:]))) / (now.crop[0] * FACE_SHARE)
    return _SIZES[0] < then.crop[0] / now.crop[0] < _SIZES[1] and step < _STEP * pictures


def _follow_points(track: Track, run: _Run) -> None:
    """Motion from picture to picture, sharpness and light on the face, and crops of its best moments."""
    inside = [instant for instant in span_of(track) if instant in run and instant not in track.judged]
    if not inside:
        return
    guessed = guesses(track)
    first = min(track.looks)
    for instant in inside:
        crop = guessed[instant - first]
        seen = faceflow.cut(run.at(instant), crop, faceflow.SIDE)
        track.judged[instant] = _judged(seen)
    for instant in range(max(inside[0] - 1, first, run.first), inside[-1]):
        crop = guessed[instant - first]
        before, after = (faceflow.grey(faceflow.cut(run.at(i), crop, faceflow.SIDE)) for i in (instant, instant + 1))
        found = faceflow.motion(before, after)
        if found is not None:
            change = faceflow.moved(crop, found) - crop
            height = crop[0] * FACE_SHARE
            step = np.array([np.log(np.abs(found.turn)), change[1], change[2] / height, change[3] / height])
            track.steps[instant] = (step, faceflow.variances(found))
    _keep_moments(track, run, inside)


def _judged(crop: Picture) -> tuple[float, float]:
    small = cv2.resize(crop, (128, 128), interpolation=cv2.INTER_AREA)
    luma = small.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    log = cv2.GaussianBlur(np.log(luma + 8), (0, 0), 1.0)
    sharp = float(cv2.Laplacian(log, cv2.CV_32F)[24:104, 24:104].var())
    return sharp, float((small.max(axis=2) >= _CLIPPED).mean())


def _keep_moments(track: Track, run: _Run, inside: Sequence[int]) -> None:
    """Of what was seen, the best moments; they lie apart so that they show different things."""
    for instant in sorted(inside, key=lambda i: -_quality(track, i)):
        quality = _quality(track, instant)
        near = [kept for kept in track.kept if abs(kept[1] - instant) < _APART]
        if quality <= 0 or any(kept[0] >= quality for kept in near):
            continue
        rest = [kept for kept in track.kept if abs(kept[1] - instant) >= _APART]
        if len(rest) >= _MOMENTS and min(kept[0] for kept in rest) >= quality:
            break
        crop = track.looks[instant].crop
        rest.append((quality, instant, crop, _mean_crop(track, run, instant)))
        track.kept = sorted(rest, key=lambda kept: -kept[0])[:_MOMENTS]


def _quality(track: Track, instant: int) -> float:
    if instant not in track.looks:
        return 0.0
    sharp, clipped = track.judged[instant]
    look = track.looks[instant]
    turned = float(np.clip((75 - abs(look.pose[0])) / 45, 0, 1))
    return look.presence * sharp * (1 - clipped) * turned * float(look.crop[0])


def _mean_crop(track: Track, run: _Run, instant: int) -> Picture:
    """The mean of the pictures around, each carried here by the motion seen between them."""
    crop = track.looks[instant].crop
    total = faceflow.cut(run.at(instant), crop, REFERENCE_SIDE, cv2.INTER_CUBIC).astype(np.float32)
    count = 1
    for way in (1, -1):
        carried = crop
        for distance in range(1, _AROUND + 1):
            other = instant + way * distance
            step = track.steps.get(min(other, other - way))
            if other not in run or step is None:
                break
            carried = _carried(carried, step[0], way)
            total += faceflow.cut(run.at(other), carried, REFERENCE_SIDE, cv2.INTER_CUBIC)
            count += 1
    return np.asarray(np.clip(total / count + 0.5, 0, 255), np.uint8)


def _carried(crop: Values, step: Values, way: int) -> Values:
    height = crop[0] * FACE_SHARE
    change = way * step
    return np.array([crop[0] * np.exp(change[0]), crop[1] + change[1], *(crop[2:] + change[2:] * height)])
