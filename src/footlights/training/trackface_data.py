"""Batches for TrackFace: shards are taken off their light once, pieces of tracks are drawn by seed and number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footlights.core.facelight import COARSE, CODES, OFFSET, coarse, deviation_of, log_light
from footlights.models.trackface import DETAIL_LIMIT, REFERENCES, SCALE_UNIT, SIGMA_UNIT
from footlights.training.shards import whole_shards
from footlights.training.trackface_render import SIDE, TrackFacts

Half = NDArray[np.float16]
Values = NDArray[np.float32]

_CLEAN = 0.08
"""Share of samples whose input is the truth: on a clean picture the net must do nothing."""
_NO_REFERENCES, _FOREIGN = 0.2, 0.25
"""Shares of samples without references, and with some of the same person's other tapes."""
_SPREAD = 2
_FEATURES = ((-0.24, -0.2, 0.16, 0.09), (0.24, -0.2, 0.16, 0.09), (0.0, 0.32, 0.2, 0.11))
"""Eyes and mouth in a crop: x, y of the middle and spread, crop ±1."""


@dataclass(frozen=True, slots=True)
class Track:
    """One face of one tape without its light."""

    facts: TrackFacts
    fine: Half
    """Log detail of what FieldLift made `(T, 256, 256)`."""
    truth: Half
    deviations: Values
    """`(T,)`: what detail is divided by."""
    brightness: Half
    """Codes and offset over their mean `(T, 32, 32)`: how much a change of log light counts in the picture."""
    sharpness: Values
    """`(T,)` variance of finest detail, to choose references."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Pieces of tracks."""

    detail: Values
    """`(B, T + 2, S, S)`, neighbours at both ends included, not yet divided."""
    truth: Values
    """`(B, T, S, S)`."""
    deviations: Values
    """`(B, T)`."""
    there: Values
    """`(B, T, 2)`: whether before and after are there."""
    facts: Values
    """`(B, 2)`: noise and size on their planes."""
    places: Values
    """`(B, 2, S, S)`."""
    weights: Values
    """`(B, T, S, S)` of the error."""
    references: Values
    """`(B, 3, S, S)`, in their own units."""
    present: Values
    """`(B, 3)`."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a batch."""

    count: int
    instants: int
    side: int


def load_tracks(folder: Path, limit: int = 0) -> list[Track]:
    """Tracks of a folder's shards that show a whole face, at most those of `limit` shards: the program restores no
    larger face."""
    found = whole_shards(folder, "trackface_render")
    return [track for path in found[: limit or None] for track in load_shard(path)]


def load_shard(folder: Path) -> list[Track]:
    """The tracks of one shard that show a whole face."""
    facts = read_facts(folder)
    base, truth = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("base", "truth"))
    return [_track(each, base[number], truth[number]) for number, each in enumerate(facts) if each.whole]


def read_facts(folder: Path) -> list[TrackFacts]:
    """What is known of a shard's tracks."""
    entries: list[dict[str, Any]] = json.loads((folder / "facts.json").read_text("utf-8"))
    return [TrackFacts(**{**entry, "corner": tuple(entry["corner"])}) for entry in entries]


def _track(facts: TrackFacts, base: Half, truth: Half) -> Track:
    share = COARSE if facts.whole else 2 * COARSE
    fine = np.stack([_fine(each, share) for each in base])
    bright = base.astype(np.float32).reshape(len(base), 32, SIDE // 32, 32, SIDE // 32).mean(axis=(2, 4))
    bright = np.maximum(bright, 0) * CODES + OFFSET
    fine_bands = np.diff(fine[:, ::2, ::2], axis=2)
    return Track(
        facts=facts,
        fine=fine.astype(np.float16),
        truth=np.stack([_fine(each, share) for each in truth]).astype(np.float16),
        deviations=np.array([deviation_of(each) for each in fine], np.float32),
        brightness=(bright / bright.mean(axis=(1, 2), keepdims=True)).astype(np.float16),
        sharpness=fine_bands.var(axis=(1, 2)) * facts.scale,
    )


def _fine(luma: Half, share: float) -> Values:
    log = log_light(luma.astype(np.float32))
    return np.asarray(log - coarse(log, share), np.float32)


@dataclass(frozen=True, slots=True)
class Pool:
    """Tracks and who is in them."""

    tracks: Sequence[Track]
    people: dict[str, list[int]]

    @staticmethod
    def of(tracks: Sequence[Track]) -> Pool:
        """The pool of some tracks."""
        people: dict[str, list[int]] = {}
        for number, track in enumerate(tracks):
            people.setdefault(track.facts.identity, []).append(number)
        return Pool(tracks, people)


def draw_batch(pool: Pool, shape: Shape, seed: int, number: int) -> Batch:
    """Batch `number` of a run."""
    rng = np.random.default_rng((seed, number))
    chosen = rng.choice(len(pool.tracks), shape.count)
    return stacked([_draw(pool, int(index), shape, rng) for index in chosen])


def whole_track(pool: Pool, index: int) -> Batch:
    """A whole track at its full side, with the references the program would choose: for validation."""
    track = pool.tracks[index]
    count = len(track.fine)
    window = (slice(0, SIDE), slice(0, SIDE))
    picked = [(each, instant, 0) for each, instant in _own_sharpest(track)]
    return _piece(track, range(count), window, picked, clean=False)


def stacked(pieces: Sequence[Batch]) -> Batch:
    """Batches of one as one batch."""
    return Batch(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in Batch.__dataclass_fields__))


def _draw(pool: Pool, index: int, shape: Shape, rng: np.random.Generator) -> Batch:
    track = pool.tracks[index]
    start = int(rng.integers(0, len(track.fine) - shape.instants + 1))
    # Places near the middle of the crop, where the face is, come more often.
    top, left = (int(np.clip(rng.normal(0.5, 0.28), 0, 1) * (SIDE - shape.side)) // 8 * 8 for _ in range(2))
    window = (slice(top, top + shape.side), slice(left, left + shape.side))
    picked = _references(pool, index, rng)
    piece = _piece(track, range(start, start + shape.instants), window, picked, clean=bool(rng.random() < _CLEAN))
    return _mirrored(piece) if rng.random() < 0.5 else piece


def _references(pool: Pool, index: int, rng: np.random.Generator) -> list[tuple[Track, int, int]]:
    """None, or the sharpest instants of this track as the program chooses them, or now and then of the same person on
    another tape where the face is larger: what attention is to find there must be true detail at times. Each with the
    instants to both sides that are averaged with it, as the program averages what it follows."""
    draw = rng.random()
    if draw < _NO_REFERENCES:
        return []
    own = pool.tracks[index]
    found: list[tuple[Track, int]] = []
    if draw < _NO_REFERENCES + _FOREIGN:
        others = [pool.tracks[number] for number in pool.people[own.facts.identity] if number != index]
        larger = [track for track in others if track.facts.height > own.facts.height]
        larger.sort(key=lambda track: -track.facts.height)
        found = [(track, int(rng.integers(len(track.fine)))) for track in larger[:2]]
    spread = _SPREAD if rng.random() < 0.5 else 0
    picked = [*found, *_own_sharpest(own)][: int(rng.integers(1, REFERENCES + 1))]
    return [(track, instant, spread) for track, instant in picked]


def _own_sharpest(own: Track) -> list[tuple[Track, int]]:
    """References as the program chooses them: of the track itself."""
    best = [int(instant) for instant in np.argsort(-own.sharpness)]
    return [(own, instant) for instant in (best[0], best[len(best) // 2], best[1])][:REFERENCES]


def _piece(
    track: Track,
    instants: range,
    window: tuple[slice, slice],
    picked: Sequence[tuple[Track, int, int]],
    *,
    clean: bool,
) -> Batch:
    rows, columns = window
    last = len(track.fine) - 1
    padded = [min(max(instant, 0), last) for instant in range(instants.start - 1, instants.stop + 1)]
    there = [[instant > 0, instant < last] for instant in instants]
    source = track.truth if clean else track.fine
    # A clean picture has as many lines as the crop and no noise.
    facts = [0.0, 2.0] if clean else [track.facts.sigma / SIGMA_UNIT, track.facts.scale / SCALE_UNIT]
    references = np.zeros((REFERENCES, rows.stop - rows.start, columns.stop - columns.start), np.float32)
    for number, (other, instant, spread) in enumerate(picked):
        fine = other.fine[max(instant - spread, 0) : instant + spread + 1].astype(np.float32).mean(axis=0)
        references[number] = fine[rows, columns] / max(float(np.std(fine)), 0.03)
    present = np.arange(REFERENCES) < len(picked)
    places = _places(track.facts)[:, rows, columns]
    weights = _weights(track, instants, places, window)
    return Batch(
        detail=source[padded][:, rows, columns].astype(np.float32)[None],
        truth=track.truth[instants.start : instants.stop, rows, columns].astype(np.float32)[None],
        deviations=track.deviations[instants.start : instants.stop][None],
        there=np.array(there, np.float32)[None],
        facts=np.array([facts], np.float32),
        places=places[None],
        weights=weights[None],
        references=np.clip(references, -DETAIL_LIMIT, DETAIL_LIMIT)[None],
        present=present.astype(np.float32)[None],
    )


def _places(facts: TrackFacts) -> Values:
    """Where the samples of a track's window lie in its crop, ±1 at the crop's edges."""
    grid = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    zoom = 1.0 if facts.whole else 0.5
    x, y = grid * zoom + 2 * facts.corner[0], grid * zoom + 2 * facts.corner[1]
    both = np.broadcast_arrays(x[None, :], y[:, None])
    return np.stack(both).astype(np.float32)


def _weights(track: Track, instants: range, places: Values, window: tuple[slice, slice]) -> Values:
    """Of the error: the face before its surroundings, eyes and mouth before the face, and light as it is seen."""
    x, y = places
    face = 0.15 + 0.85 / (1 + np.exp(12 * (np.hypot(x / 0.62, y / 0.8) - 1)))
    for middle_x, middle_y, wide, high in _FEATURES:
        face = face + 1.5 * np.exp(-0.5 * (((x - middle_x) / wide) ** 2 + ((y - middle_y) / high) ** 2))
    seen = track.brightness[instants.start : instants.stop].astype(np.float32)
    step = SIDE // 32
    light = seen.repeat(step, axis=1).repeat(step, axis=2)[:, window[0], window[1]]
    return np.asarray(face[None] * np.clip(light, 0.35, 2.5), np.float32)


def _mirrored(piece: Batch) -> Batch:
    places = piece.places[..., ::-1].copy()
    places[:, 0] *= -1
    flipped = {name: getattr(piece, name)[..., ::-1].copy() for name in ("detail", "truth", "weights", "references")}
    return Batch(
        deviations=piece.deviations,
        there=piece.there,
        facts=piece.facts,
        present=piece.present,
        places=places,
        **flipped,
    )
