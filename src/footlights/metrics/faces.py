"""Identity guard: whether a restored face is still the person on the tape, instant by instant and over its track.

A restored crop is compared with the crop it was made from and, where there is one, with a sharp crop of the same
person. What a track is worth follows with hysteresis, so that no face flickers between restored and not; a track that
drifts is refused as a whole and named. Similarity is the cosine of `models.faceid` descriptors, or of an independent
recogniser's where the user has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.errors import MissingExtraError, SourceError
from footlights.models.faceid import descriptor

Values = NDArray[np.float64]
Describe = Callable[[Plane], NDArray[np.floating]]
"""An aligned luma crop `(P, P)`, or R'G'B' `(3, P, P)` for `recogniser` → its descriptor, any length."""

RECOGNISER_FILE = "dlib_face_recognition_resnet_model_v1.dat"
_CHIP = 150
_CHIP_MARGIN = 0.25
"""dlib's chips show a quarter of their side around the face; the crops of `core.faces` show a little more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of similarity between restored and source, for the descriptor in use."""

    trust: float = 0.7
    """From here on a face that was given up is restored again."""
    doubt: float = 0.5
    """Below this an instant is given up."""
    drift: float = 0.05
    """The restored face may be this much less like the reference than the source is."""
    lost: float = 0.25
    """Share of given-up instants from which the whole track is refused."""
    ramp: float = 0.08
    """Greatest change of weight from instant to instant."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one track."""

    weights: Values
    """`(T,)` 0..1: share of the restored face to show; all 0 for a refused track."""
    similarity: float
    """Median over the track, restored to source."""
    lowest: float
    drift: float
    """Median loss of likeness to the reference; 0 without one."""
    refused: str
    """Why the track is refused; empty if it is not."""


def similarities(first: Sequence[Plane], second: Sequence[Plane], describe: Describe = descriptor) -> Values:
    """Cosine of the descriptors of crops pair by pair `(T,)`."""
    return np.array([_cosine(describe(a), describe(b)) for a, b in zip(first, second, strict=True)])


def against(crops: Sequence[Plane], reference: Plane, describe: Describe = descriptor) -> Values:
    """Cosine of every crop with one reference `(T,)`."""
    known = describe(reference)
    return np.array([_cosine(describe(crop), known) for crop in crops])


def judge(
    to_source: Values,
    *,
    restored_to_reference: Values | None = None,
    source_to_reference: Values | None = None,
    limits: Limits = Limits(),
) -> Verdict:
    """What a track is worth, from similarities per judged instant `(T,)`; NaN was not judged and keeps the state."""
    kept = held(to_source, limits)
    drift = 0.0
    if restored_to_reference is not None and source_to_reference is not None:
        drift = float(np.nanmedian(source_to_reference - restored_to_reference))
    judged = to_source[~np.isnan(to_source)]
    middle, lowest = (float(np.median(judged)), float(judged.min())) if len(judged) else (1.0, 1.0)
    lost = 1 - float(kept.mean()) if len(kept) else 0.0
    refused = ""
    if middle < limits.doubt:
        refused = f"restored and source are too unlike: similarity {middle:.2f}, less than {limits.doubt:.2f}"
    elif drift > limits.drift:
        refused = f"the restored face is {drift:.2f} less like its reference than the source: over {limits.drift:.2f}"
    elif lost > limits.lost:
        refused = f"{lost:.0%} of its instants are given up, more than {limits.lost:.0%}"
    weights = np.zeros(len(kept)) if refused else ramped(kept.astype(np.float64), limits.ramp)
    return Verdict(weights, middle, lowest, drift, refused)


def held(similarity: Values, limits: Limits = Limits()) -> NDArray[np.bool_]:
    """Which instants are kept `(T,)`: given up below `doubt`, taken up again from `trust` on."""
    state, kept = True, np.empty(len(similarity), np.bool_)
    for instant, value in enumerate(similarity):
        if not np.isnan(value):
            state = bool(value >= (limits.doubt if state else limits.trust))
        kept[instant] = state
    return kept


def ramped(weights: Values, step: float) -> Values:
    """The greatest weights `(T,)` that never exceed the given ones and change by at most `step` an instant."""
    found = weights.copy()
    for order in (range(1, len(found)), range(len(found) - 2, -1, -1)):
        back = order.step
        for instant in order:
            found[instant] = min(found[instant], found[instant - back] + step)
    return found


def recogniser(model: Path) -> Describe:
    """dlib's ResNet as an independent judge of R'G'B' crops `(3, P, P)`; needs the extra `faces` and its model file.

    King, "High quality face recognition with deep metric learning", 2017; the file is CC0.
    """
    try:
        import dlib
    except ImportError as error:
        raise MissingExtraError("an independent face recogniser", "faces", "dlib-bin") from error
    if not model.is_file():
        raise SourceError(
            f"{model} is not there", "the recogniser's model does not come with the program", f"give {RECOGNISER_FILE}"
        )
    net: Any = dlib.face_recognition_model_v1(str(model))

    def describe(crop: Plane) -> NDArray[np.floating]:
        side = crop.shape[-1]
        edge = round(side * (1 - 1 / (1 + 2 * _CHIP_MARGIN) / 0.674) / 2)
        inner = crop[:, max(edge, 0) : side - max(edge, 0), max(edge, 0) : side - max(edge, 0)]
        picture = np.clip(np.moveaxis(inner, 0, -1) * 255 + 0.5, 0, 255).astype(np.uint8)
        chip = cv2.resize(picture, (_CHIP, _CHIP), interpolation=cv2.INTER_AREA)
        return np.asarray(net.compute_face_descriptor(chip), np.float64)

    return describe


def _cosine(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    return float(first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-12))
