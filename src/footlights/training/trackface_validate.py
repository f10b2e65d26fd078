"""Validation of TrackFace on held-out faces: gain over FieldLift alone inside the face, by size and kind of face.

The detail goes back through `core.facelight.relight`, so that what is scored is what the program would show. Scores
are of luma inside the face's ellipse; tapes come from the project's own simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from footlights.core.facelight import CODES, LEAST_DEVIATION, OFFSET, FaceLight, relight
from footlights.metrics.fidelity import gmsd
from footlights.training.trackface_data import Batch, Pool, Track, whole_track

Values = NDArray[np.float32]
Restore = Callable[[Batch], tuple[Tensor, Tensor, Tensor]]

_HARM = 0.2
_BOX = (slice(40, 216), slice(56, 200))
_SIZES = ((0, 45, "small"), (45, 78, "medium"), (78, 1000, "large"))


@dataclass(frozen=True, slots=True)
class FaceScore:
    """One track."""

    track: Track
    base: float
    """Peak signal-to-noise ratio of FieldLift alone, dB, light of the base: only detail differs."""
    ours: float
    flicker: float
    """Mean square of the change of error from instant to instant, over the base's."""
    structure: float
    """Deviation of gradient magnitude similarity in the face's box, over the base's."""

    @property
    def gain(self) -> float:
        return self.ours - self.base


def check_tracks(restored: Restore, pool: Pool, most: int) -> list[FaceScore]:
    """Scores of `most` tracks spread over the pool; all if 0."""
    numbers = range(len(pool.tracks))
    if most and most < len(numbers):
        numbers = [int(number) for number in np.linspace(0, len(pool.tracks) - 1, most)]  # type: ignore[assignment]
    return [score_track(restored, pool, number) for number in numbers]


def score_track(restored: Restore, pool: Pool, number: int) -> FaceScore:
    """One track through the net and back into its light."""
    batch = whole_track(pool, number)
    with torch.no_grad():
        made, given, truth = (part.numpy()[0] for part in restored(batch))
    face = _ellipse(batch.places[0])
    bases, ours, truths = [], [], []
    for instant, deviation in enumerate(batch.deviations[0]):
        base = shown(given[instant], float(deviation))
        bases.append(base)
        ours.append(relit(base, made[instant] - given[instant], float(deviation)))
        truths.append(shown(truth[instant], float(deviation)))
    before, after = (np.stack(each) - np.stack(truths) for each in (bases, ours))
    flicker = [float(np.mean(np.diff(error, axis=0)[:, face] ** 2)) for error in (before, after)]
    return FaceScore(
        pool.tracks[number],
        base=_decibels(before[:, face]),
        ours=_decibels(after[:, face]),
        flicker=flicker[1] / max(flicker[0], 1e-12),
        structure=_unlike(ours, truths) / max(_unlike(bases, truths), 1e-6),
    )


def _unlike(made: Sequence[Values], truths: Sequence[Values]) -> float:
    return float(np.mean([gmsd(made[at][_BOX], truths[at][_BOX]) for at in (2, len(made) - 2)]))


def shown(detail: Values, deviation: float) -> Values:
    """Detail under an even light of half of full luma: every track is scored at one exposure."""
    return np.asarray((np.exp(detail * deviation) * (0.5 * CODES + OFFSET) - OFFSET) / CODES, np.float32)


def relit(base: Values, change: Values, deviation: float) -> Values:
    """Luma `(P, P)` with its detail changed, by way of the program's own relighting."""
    crop = np.stack([base] * 3)
    none = np.zeros_like(base)
    return relight(FaceLight(crop, none, max(deviation, LEAST_DEVIATION), (1.0, 1.0, 1.0)), change)[0]


def summary(scores: Sequence[FaceScore]) -> dict[str, str]:
    """Means for the journal."""
    row: dict[str, str] = {}
    for name, chosen in groups(scores).items():
        if chosen:
            row[f"{name}_gain"] = f"{np.mean([score.gain for score in chosen]):+.3f}"
    row["all_harmed"] = f"{sum(score.gain < -_HARM for score in scores)}/{len(scores)}"
    row["all_worst"] = f"{min(score.gain for score in scores):+.2f}"
    row["all_structure"] = f"{np.mean([score.structure for score in scores]):.4f}"
    row["all_flicker"] = f"{np.mean([score.flicker for score in scores]):.3f}"
    return row


def groups(scores: Sequence[FaceScore]) -> dict[str, list[FaceScore]]:
    """Scores by kind of face and by height."""
    found = {
        "all": list(scores),
        "real": [score for score in scores if score.track.facts.real],
        "synthetic": [score for score in scores if not score.track.facts.real],
    }
    for low, high, name in _SIZES:
        found[name] = [score for score in scores if low <= score.track.facts.height < high]
    return found


def write_face_sheet(restored: Restore, pool: Pool, path: Path, rows: int = 10) -> None:
    """A picture: columns base | ours | truth, two instants, light taken off."""
    lines = []
    for number in np.unique(np.linspace(0, len(pool.tracks) - 1, rows).astype(int)):
        batch = whole_track(pool, int(number))
        with torch.no_grad():
            made, given, truth = (part.numpy()[0] for part in restored(batch))
        cells = []
        for instant in (len(made) // 4, 3 * len(made) // 4 - 1):
            deviation = float(batch.deviations[0, instant])
            base = shown(given[instant], deviation)
            ours = relit(base, made[instant] - given[instant], deviation)
            cells += [base, ours, shown(truth[instant], deviation)]
        lines.append(np.concatenate(cells, axis=1))
    cv2.imwrite(str(path), np.clip(np.concatenate(lines) * 255 + 0.5, 0, 255).astype(np.uint8))


def _ellipse(places: Values) -> NDArray[np.bool_]:
    x, y = places
    return np.asarray(np.hypot(x / 0.62, (y - 0.05) / 0.78) < 1)


def _decibels(error: Values) -> float:
    return float(-10 * np.log10(max(float(np.mean(error.astype(np.float64) ** 2)), 1e-7)))
