"""Scores of the shipped TrackFace on held-out faces: `python -m footlights.training.trackface_score --shards SHARDS/val
--out DIR`.

Runs what the program runs (OpenVINO, light split, relighting) on whole faces, in their colours, and compares with
FieldLift alone, and with the same net shown every instant alone. Writes `scores.json`, `tracks.csv` and strips of
pictures. Tapes come from the project's own simulator.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.colour import ycbcr_to_rgb
from footlights.core.facelight import COARSE, coarse, relight, split
from footlights.core.signal import Matrix, Primaries
from footlights.metrics.fidelity import delta_e, gmsd, haarpsi, lab
from footlights.models.faceid import described, descriptor
from footlights.models.trackface import FaceCrop, TrackFace, shares_in
from footlights.training.trackface_data import read_facts
from footlights.training.trackface_render import SIDE, TrackFacts

_MATRIX = np.array(ycbcr_to_rgb(Matrix.SMPTE170M), np.float32)
_HARM = 0.2
_STRIPS = 10
_FACE = (slice(40, 216), slice(56, 200))


@dataclass(frozen=True, slots=True)
class TrackScore:
    """One track: dB inside the face, structure in its box, stability, colour, likeness to the truth."""

    identity: str
    real: bool
    height: float
    colour: str
    tape: str
    base_psnr: float
    gain: float
    haarpsi_gain: float
    gmsd_ratio: float
    flicker: float
    """Change of luma error from instant to instant, mean square, over that of FieldLift alone."""
    flicker_alone: float
    """The same for the net shown every instant alone."""
    jitter: float
    """Mean distance of descriptors of consecutive instants."""
    jitter_alone: float
    likeness_base: float
    likeness_ours: float
    to_source: float
    colour_mean: float
    colour_p95: float
    typical: float
    """Likeness to a mean face, of which it depends how much of the net's change is given."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, write, print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True, help="held-out shards")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=0, help="tracks, spread over the shards; all if 0")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    net, found, strips = TrackFace(threads=1), [], []
    tracks = [
        (shard, number)
        for shard in sorted(chosen.shards.glob("shard-*"))
        for number, facts in enumerate(read_facts(shard))
        if facts.whole
    ]
    step = max(1, len(tracks) // chosen.most) if chosen.most else 1
    for order, (shard, number) in enumerate(tracks[::step]):
        base, truth = read_pictures(shard, number)
        score, ours, _ = score_pictures(net, base, truth, read_facts(shard)[number])
        found.append(score)
        if order % max(1, len(tracks[::step]) // _STRIPS) == 0:
            strips.append(strip_of(base, ours, truth))
    _save(chosen.out, found, strips)
    print(json.dumps(_summary(found), indent=1))  # noqa: T201


def score_pictures(net: TrackFace, base: Plane, truth: Plane, facts: TrackFacts) -> tuple[TrackScore, Plane, Plane]:
    """One track `(T, 3, P, P)` R'G'B', given and true; its score, and what the net makes of it, as it runs and shown
    every instant alone."""
    faces = [split(rgb, luma_of(rgb)) for rgb in base]
    lumas = [luma_of(rgb) for rgb in base]
    sharp = sorted(lumas, key=lambda luma: -float(cv2.Laplacian(luma, cv2.CV_32F).var()))[:3]
    typical = typical_of(lumas)
    crops = [
        FaceCrop(luma, facts.scale, facts.sigma, face.deviation, tuple(sharp), *shares_in(face.rgb, typical))
        for luma, face in zip(lumas, faces, strict=True)
    ]
    ours = np.stack([relight(*pair) for pair in zip(faces, net.restore(crops), strict=True)])
    singly = [net.step(crop, None, None, None)[0] for crop in crops]
    alone = np.stack([relight(*pair) for pair in zip(faces, singly, strict=True)])
    planes = {name: np.stack([luma_of(rgb) for rgb in each]) for name, each in _named(base, ours, alone, truth)}
    return _score(planes, (base, ours), facts), ours, alone


def typical_of(lumas: Iterable[Plane]) -> float:
    """How much like a mean face a track is, over its instants."""
    return float(np.mean([described(luma)[1] for luma in lumas]))


def strip_of(*rows: Plane) -> Plane:
    """Three instants of each of some versions of a track, one below the other `(3, n P, 3 P)`."""
    return np.concatenate([np.concatenate([each[t] for t in (2, 3, 4)], axis=2) for each in rows], axis=1)


def _score(planes: dict[str, Plane], colours: tuple[Plane, Plane], facts: TrackFacts) -> TrackScore:
    face, truth = _ellipse(), planes["truth"]
    errors = {name: plane - truth for name, plane in planes.items()}
    quality = {name: _decibels(error[:, face]) for name, error in errors.items()}
    moved = {name: float(np.mean(np.diff(error, axis=0)[:, face] ** 2)) for name, error in errors.items()}
    boxed = {name: [plane[t][_FACE] for t in (2, 5)] for name, plane in planes.items()}
    haar, structure = _structure(boxed, haarpsi), _structure(boxed, gmsd)
    known = {name: np.stack([descriptor(luma) for luma in plane]) for name, plane in planes.items()}
    like = {name: float(np.mean(np.sum(each * known["truth"], axis=1))) for name, each in known.items()}
    jitter = {
        name: float(np.mean(np.linalg.norm(np.diff(each - known["truth"], axis=0), axis=1)))
        for name, each in known.items()
    }
    drift = delta_e(*(_coarse_colour(each[3]) for each in colours))
    return TrackScore(
        identity=facts.identity,
        real=facts.real,
        height=facts.height,
        colour=facts.colour,
        tape=facts.tape,
        base_psnr=quality["base"],
        gain=quality["ours"] - quality["base"],
        haarpsi_gain=haar["ours"] - haar["base"],
        gmsd_ratio=structure["ours"] / max(structure["base"], 1e-6),
        flicker=moved["ours"] / max(moved["base"], 1e-12),
        flicker_alone=moved["alone"] / max(moved["base"], 1e-12),
        jitter=jitter["ours"],
        jitter_alone=jitter["alone"],
        likeness_base=like["base"],
        likeness_ours=like["ours"],
        to_source=float(np.mean(np.sum(known["ours"] * known["base"], axis=1))),
        colour_mean=float(drift[face].mean()),
        colour_p95=float(np.quantile(drift[face], 0.95)),
        typical=typical_of(planes["base"]),
    )


def _structure(boxed: dict[str, list[Plane]], measure: Callable[[Plane, Plane], float]) -> dict[str, float]:
    return {
        name: float(np.mean([measure(*pair) for pair in zip(boxes, boxed["truth"], strict=True)]))
        for name, boxes in boxed.items()
        if name in ("base", "ours")
    }


def _summary(scores: Sequence[TrackScore]) -> dict[str, dict[str, float]]:
    """Means by kind of face, size, light and tape; worst gain and share harmed."""
    groups: dict[str, list[TrackScore]] = {"all": list(scores)}
    for score in scores:
        size = "under 45 lines" if score.height < 45 else "45 to 78 lines"
        for name in ("real" if score.real else "synthetic", size, score.colour, score.tape):
            groups.setdefault(name, []).append(score)
    columns = [name for name, value in asdict(scores[0]).items() if isinstance(value, float)]
    found = {}
    for name, members in groups.items():
        row = {column: round(float(np.mean([getattr(each, column) for each in members])), 4) for column in columns}
        row["n"] = len(members)
        row["worst_gain"] = round(min(each.gain for each in members), 3)
        row["harmed"] = sum(each.gain < -_HARM for each in members)
        row["less_alike"] = sum(each.likeness_ours < each.likeness_base - 0.005 for each in members)
        found[name] = row
    return found


def _save(folder: Path, scores: Sequence[TrackScore], strips: Sequence[Plane]) -> None:
    (folder / "scores.json").write_text(json.dumps(_summary(scores), indent=1), "utf-8")
    with (folder / "tracks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(scores[0])))
        writer.writeheader()
        writer.writerows(asdict(score) for score in sorted(scores, key=lambda score: score.gain))
    for number, strip in enumerate(strips):
        picture = np.clip(np.moveaxis(strip, 0, -1)[..., ::-1] * 255 + 0.5, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"strip-{number:02d}.png"), picture)


def read_pictures(shard: Path, number: int) -> tuple[Plane, Plane]:
    """R'G'B' `(T, 3, P, P)` of FieldLift and of the truth."""
    found = []
    for name in ("base", "truth"):
        luma = np.load(shard / f"{name}.npy", mmap_mode="r")[number].astype(np.float32)
        chroma = np.load(shard / f"{name}_chroma.npy", mmap_mode="r")[number].astype(np.float32)
        wide = [[cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for plane in each] for each in chroma]
        ycbcr = np.concatenate([luma[:, None], np.array(wide, np.float32)], axis=1)
        found.append(np.einsum("cd,tdhw->tchw", _MATRIX, ycbcr).astype(np.float32))
    return found[0], found[1]


def _named(base: Plane, ours: Plane, alone: Plane, truth: Plane) -> tuple[tuple[str, Plane], ...]:
    return ("base", base), ("ours", ours), ("alone", alone), ("truth", truth)


def luma_of(rgb: Plane) -> Plane:
    """Luma of R'G'B' `(3, P, P)`."""
    return np.tensordot(np.linalg.inv(_MATRIX)[0].astype(np.float32), rgb, 1)


def _coarse_colour(rgb: Plane) -> NDArray[np.float64]:
    """CIELAB of the crop through a Gaussian of 7 % of the face's height."""
    smooth = np.stack([coarse(plane, COARSE * 0.52) for plane in np.clip(rgb, 0, 1)])
    ycbcr = np.einsum("cd,dhw->chw", np.linalg.inv(_MATRIX), smooth)
    return lab(ycbcr, Matrix.SMPTE170M, Primaries.SMPTE170M)


def _ellipse() -> NDArray[np.bool_]:
    grid = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    return np.asarray(np.hypot(grid[None, :] / 0.62, (grid[:, None] - 0.05) / 0.78) < 1)


def _decibels(error: Plane) -> float:
    return float(-10 * np.log10(max(float(np.mean(error.astype(np.float64) ** 2)), 1e-7)))


if __name__ == "__main__":
    main()
