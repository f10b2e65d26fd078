"""Cameras and light: shots sorted by the camera that took them and by the light they were taken under, and the strobes.

A camera shows itself in its noise, its sharpness, the balance of its blacks and in what it stands before; a light in
its colour and level. Shots are joined by average linkage over distances whose unit is what one camera varies from shot
to shot; a feature alone never counts more than three units.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import Series
from footlights.analysis.framing import haze_of, layout_of
from footlights.core.reports import ShotReport, StageReport, Strobe

MOST_CAMERAS, MOST_LIGHTS = 8, 24
_JUDGED = 600
"""Longest shots that groups are made of; the others join the group nearest to them."""
_APART, _LIGHT_APART = 1.0, 1.5
"""Mean distance in units from which two groups are not the same."""
_CAP = 3.0
_LAYOUT_UNIT = 0.35
"""1 - correlation of two layouts that is one unit."""
_WEIGHTS, _LAYOUT_WEIGHT = (3.0, 3.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5), 0.5
"""Noise is what a camera brings along most steadily; blacks take on the light, framing changes with every pan."""
_PAUSE = 1.0
"""Seconds without a flash that end a run of strobes."""
_METHOD = "average linkage over noise, sharpness, black balance and framing; light by its chroma and level"

Floats = NDArray[np.float64]


def conclude(series: Series, shots: Sequence[ShotReport], flashes: NDArray[np.bool_], rate: Fraction) -> StageReport:
    """Groups, haze and strobes of the whole tape."""
    if not shots:
        return StageReport((), (), (), strobes(flashes, rate), _METHOD)
    sizes = np.array([len(one.shot.frames) for one in shots])
    camera = np.array([_camera(one) for one in shots]).reshape(len(shots), -1)
    light = np.array([_light(one) for one in shots]).reshape(len(shots), -1)
    layouts = np.array([layout_of(series, one.shot) for one in shots]).reshape(len(shots), -1)
    return StageReport(
        cameras=_groups(camera, layouts, sizes, _APART, MOST_CAMERAS),
        lights=_groups(light, None, sizes, _LIGHT_APART, MOST_LIGHTS),
        haze=tuple(haze_of(series, one.shot) for one in shots),
        strobes=strobes(flashes, rate),
        measured_by=_METHOD,
    )


def strobes(flashes: NDArray[np.bool_], rate: Fraction) -> tuple[Strobe, ...]:
    """Runs of flashes no more than a second apart, from a mark per frame."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flashes.astype(np.int8), [0]])))
    found: list[Strobe] = []
    for start, stop in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True):
        if found and start - found[-1].stop <= _PAUSE * rate:
            found[-1] = Strobe(found[-1].start, stop, found[-1].flashes + 1)
        else:
            found.append(Strobe(start, stop, 1))
    return tuple(found)


def _camera(report: ShotReport) -> Floats:
    """What a camera brings along whatever the light, in units of its own variation."""
    noise, sharp, light = report.noise, report.sharpness, report.exposure
    heard = noise.confidence > 0
    black = light.black_cb != 0 or light.black_cr != 0  # exactly 0 where nothing was dark enough to tell
    features = (
        (np.log2(noise.luma_sigma + 0.2) / 0.25, heard),
        (np.log2(max(noise.cb_sigma, noise.cr_sigma) + 0.2) / 0.3, heard),
        (noise.horizontal_correlation / 0.1, heard),
        (noise.vertical_correlation / 0.1, heard),
        (sharp.horizontal / 0.2, sharp.horizontal > 0),
        (sharp.vertical / 0.25, sharp.vertical > 0),
        (light.black_cb / 4.0, black),
        (light.black_cr / 4.0, black),
    )
    return np.array([value if known else np.nan for value, known in features])


def _light(report: ShotReport) -> Floats:
    light = report.exposure
    return np.array([light.chroma_cb / 8, light.chroma_cr / 8, np.log2(max(light.luma_median - 16, 1.0)) / 0.6])


def _groups(
    features: Floats, layouts: Floats | None, sizes: NDArray[np.int64], apart: float, most: int
) -> tuple[int, ...]:
    """A number per shot, in the order in which the groups are first seen."""
    count = len(features)
    if count < 2:
        return (0,) * count
    judged = np.sort(np.argsort(-sizes, kind="stable")[:_JUDGED])
    between = _distances(features, layouts, judged, judged)
    from scipy.cluster.hierarchy import fcluster, linkage  # costs every worker its start, and one of them clusters
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(between, checks=False), "average")
    labels = fcluster(tree, apart, "distance")
    if labels.max() > most:
        labels = fcluster(tree, most, "maxclust")
    everyone = np.zeros(count, np.int64)
    everyone[judged] = labels
    for start in range(0, count, _JUDGED):  # a block at a time: memory stays bounded on tapes of very many shots
        block = np.arange(start, min(start + _JUDGED, count))
        block = block[everyone[block] == 0]
        if len(block):
            far = _distances(features, layouts, block, judged)
            means = np.stack([far[:, labels == label].mean(axis=1) for label in range(1, labels.max() + 1)])
            everyone[block] = means.argmin(axis=0) + 1
    seen = {label: number for number, label in enumerate(dict.fromkeys(everyone.tolist()))}
    return tuple(seen[label] for label in everyone.tolist())


def _weight(features: Floats, number: int) -> float:
    """The weight of a feature of cameras; those of light count alike."""
    return _WEIGHTS[number] if features.shape[1] == len(_WEIGHTS) else 1.0


def _distances(features: Floats, layouts: Floats | None, rows: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
    """Root mean square over the features, in units, `(rows, others)`."""
    total = np.zeros((len(rows), len(others)))
    weight = np.full(total.shape, 1e-9)
    for number, column in enumerate(features.T):
        apart = np.abs(column[rows][:, None] - column[others][None])
        counts = np.isfinite(apart) * _weight(features, number)
        total += counts * np.minimum(np.nan_to_num(apart), _CAP) ** 2
        weight += counts
    if layouts is not None:
        seen = np.linalg.norm(layouts, axis=1) > 0
        counts = (seen[rows][:, None] & seen[others][None]) * _LAYOUT_WEIGHT
        apart = (1 - layouts[rows] @ layouts[others].T) / _LAYOUT_UNIT
        total += counts * np.minimum(apart, _CAP) ** 2
        weight += counts
    found = np.sqrt(total / weight)
    if rows is others:
        np.fill_diagonal(found, 0)
    return found
