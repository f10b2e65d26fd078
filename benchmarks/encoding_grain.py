"""Grain in the stream: bytes against keeping it, and how near what the decoder draws comes to what was there.

Contents are clips of the data set at 480×272, cleaned by our own remover and given synthetic grain of known strength
and shape (more at mid grey than at the ends, some with chroma grain); key frames in the middle as well as at the start.
Four ways, those of SVT-AV1 at one preset:

keep      the grainy pictures, at the coarsest whole CRF at which 0.9 of sigma survives (the issue's condition)
ours      grain out, table in, at the coarsest CRF of a grid whose base quality is that of *keep*, less 0.75
x265      as *keep* by x265 medium, 10 bit; ours is held against it at the base quality of that encode
svt       SVT-AV1's film-grain=N with its own denoising at our CRF; the N whose sigma comes nearest

Base quality: mean VMAF-NEG of each way against what it was asked to show, as the ladder asks: *keep* against the grainy
pictures, the others without grain against the cleaned ones. `strict` is harder: VMAF-NEG against the pictures before
grain was put in, *keep* cleaned by our remover first (which averages its coding noise over seven pictures, as no
player does); where the remover itself loses more than that, no CRF reaches it and `strict_reached` is false.

Strength and shape: by differences between neighbouring pictures of the decode with grain, against those of the source
(`sigma_ratio`, `sigma_error`, `worst_bin`, `shape_rmse`); and, free of what moves, the grain drawn over a picture
against the grain put in (`drawn_error`, `drawn_worst_bin`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import arguments, machine, parsed, table, write
from footlights.encoding.encoders import X265, SvtAv1, lossless_intermediate
from footlights.encoding.grain.measure import (
    GrainStatistics,
    Planes,
    blocks_of,
    differences_in_picture,
    differences_in_time,
    softened,
    without_plane,
)
from footlights.encoding.grain.remove import GrainRemover
from footlights.media import ffmpeg
from footlights.media.playback import decoded
from footlights.metrics.video import vmaf
from footlights.pipeline import graining

RATE = Fraction(25)
SIZE = (480, 272)
FRAMES = 24
KEYS = (0, 12)
PRESET = 9
SURVIVES = 0.9
STRENGTHS = (10, 25, 50)
GRID = (38, 35, 32, 29, 26, 23, 20, 17, 14, 11, 8)
TOLERANCE = 0.75
"""VMAF by which the ladder lets a trial fall short."""


@dataclass(frozen=True, slots=True)
class Content:
    """One clip and its grain: sigma of luma at mid grey and of chroma in 8-bit codes, size of the shaping Gaussian."""

    file: str
    first: int
    sigma: float
    chroma: float
    size: tuple[float, float]


CONTENTS = {
    "crowd": Content("concert_crowd_720p.mp4", 40, 5, 0, (0.6, 0.6)),
    "dancer": Content("dancer_1080p.mp4", 10, 6, 1.8, (0.5, 0.7)),
    "street": Content("street_people_720p50.mkv", 20, 4, 0, (0.45, 0.45)),
    "walk": Content("vid4_walk_480p.mp4", 5, 5, 1.5, (0.7, 0.7)),
    "redhead": Content("face_redhead_koolshooters.mp4", 10, 4, 0, (0.8, 0.8)),
    "school": Content("school_show_540p.mp4", 30, 6, 0, (0.6, 0.5)),
}


def clip(path: Path, first: int) -> list[Planes]:
    """Pictures at SIZE, cut from the middle, 10 bits, without the grain they came with."""
    width, height = SIZE
    with TemporaryDirectory() as folder:
        small = Path(folder) / "small.mkv"
        graph = f"trim=start_frame={first}:end_frame={first + FRAMES},setpts=N/25/TB"
        scaling = f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=area,crop={width}:{height}"
        tail = [*lossless_intermediate(f"{graph},{scaling}"), "-an", "-r", "25", ffmpeg.file_url(small)]
        ffmpeg.run([*ffmpeg.input_arguments(path), *tail], doing="cutting a clip")
        pictures: list[Planes] = list(decoded(small, grain=False))
    found = differences_in_time([(pictures, [softened(planes) for planes in pictures])])
    return list(GrainRemover(found).run(pictures)) if found.mean > 1 else pictures


def with_noise(pictures: list[Planes], content: Content, seed: int) -> list[Planes]:
    """Pictures with the content's grain."""
    rng = np.random.default_rng(seed)
    made = []
    for planes in pictures:
        out = []
        for number, plane in enumerate(planes):
            noise = rng.standard_normal(plane.shape).astype(np.float32)
            down, across = (value / (2 if number else 1) for value in content.size)
            noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=across, sigmaY=down)
            lit = np.sin(np.clip((plane / 4 - 16) / 219, 0, 1) * np.pi)
            strength = content.chroma * 4 if number else content.sigma * 4 * (0.55 + 0.45 * lit)
            out.append(np.clip(np.rint(plane + noise / noise.std() * strength), 64, 940).astype(np.uint16))
        made.append(tuple(out))
    return made


@dataclass(slots=True)
class Bench:
    """One content being measured."""

    folder: Path
    truth: list[Planes]
    noisy: list[Planes]
    grain: GrainStatistics

    def file(self, name: str, pictures: list[Planes]) -> Path:
        """Pictures as a lossless file."""
        target = self.folder / f"{name}.mkv"
        raw = ffmpeg.RawFormat(*SIZE, "yuv420p10le", str(RATE))
        with ffmpeg.EncoderPipe(raw, [*lossless_intermediate(), ffmpeg.file_url(target)], doing="writing") as pipe:
            for planes in pictures:
                for plane in planes:
                    pipe.write(plane)
        return target

    def encode(self, source: Path, q: float, *, film_grain: int = 0) -> Path:
        """SVT-AV1 as the ladder uses it; `film_grain` turns its own grain on."""
        target = self.folder / f"{source.stem}-{q:g}-{film_grain}.mkv"
        if not target.exists():
            words = SvtAv1(preset=PRESET).arguments(q, KEYS, RATE)
            own = f"film-grain={film_grain}:film-grain-denoise=1"
            words = [word.replace("film-grain=0", own) if film_grain else word for word in words]
            ffmpeg.run([*ffmpeg.input_arguments(source, RATE), *words, ffmpeg.file_url(target)], doing="encoding")
        return target

    def encode_x265(self, source: Path, q: float) -> Path:
        """x265 medium."""
        target = self.folder / f"{source.stem}-x265-{q:g}.mkv"
        if not target.exists():
            words = X265(preset="medium").arguments(q, KEYS, RATE)
            ffmpeg.run([*ffmpeg.input_arguments(source, RATE), *words, ffmpeg.file_url(target)], doing="encoding")
        return target

    def quality(self, base: list[Planes], name: str, reference: Path) -> float:
        """VMAF-NEG of pictures without grain against the cleaned source, the grainy one or the truth."""
        test = self.file(f"base-{name}", base)
        return vmaf(test, reference, RATE, height=SIZE[1], frames=FRAMES).mean

    def seen(self, path: Path) -> dict[str, float]:
        """Grain of a decode as it is shown."""
        shown = list(decoded(path, grain=True))
        found = differences_in_time([(shown, self.truth)])
        errors = _errors(found, self.grain)
        return {
            "sigma_ratio": found.mean / self.grain.mean,
            "sigma_error": float(errors.mean()),
            "worst_bin": float(errors.max()),
            "shape_rmse": found.shape.error(self.grain.shape),
            "correlation": found.correlation,
            "pumping": _pumping(shown, self.truth),
        }

    def drawn(self, path: Path) -> dict[str, float]:
        """Grain that the decoder draws, laid over the truth, against the grain put in."""
        pairs = zip(self.truth, decoded(path, grain=True), decoded(path, grain=False), strict=True)
        over = [tuple(t + (on.astype(np.int32) - off) for t, on, off in zip(*one, strict=True)) for one in pairs]
        errors = _errors(differences_in_picture(over, self.truth), differences_in_picture(self.noisy, self.truth))
        return {"drawn_error": float(errors.mean()), "drawn_worst_bin": float(errors.max())}


def _errors(found: GrainStatistics, wanted: GrainStatistics) -> NDArray[np.float64]:
    """Relative error of every bin that both have."""
    known = np.isfinite(found.sigma) & np.isfinite(wanted.sigma)
    return np.abs(found.sigma[known] / wanted.sigma[known] - 1)


def _pumping(shown: list[Planes], truth: list[Planes]) -> float:
    """Largest relative step of grain (shown less truth, on flat blocks) from a key frame to the frames around it."""
    sigmas = []
    for a, b in zip(shown, truth, strict=True):
        plain = b[0].astype(np.float32)
        blocks = without_plane(blocks_of(a[0].astype(np.float32) - plain, 32))
        structure = without_plane(blocks_of(cv2.GaussianBlur(plain, (0, 0), 2), 32)).std(axis=(1, 2))
        flat = structure <= np.quantile(structure, 0.3)
        sigmas.append(float(np.sqrt((blocks[flat] ** 2).mean())))
    steps = []
    for key in KEYS[1:]:
        around = [*sigmas[key - 3 : key], *sigmas[key + 1 : key + 4]]
        steps.append(abs(sigmas[key] / float(np.median(around)) - 1))
    return max(steps)


def coarsest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The largest whole CRF that fits, by bisection; `low` where none does."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def measure(name: str, content: Content, data: Path, folder: Path) -> dict[str, Any]:
    """All ways of one content."""
    truth = clip(data / "dev_clips" / content.file, content.first)
    noisy = with_noise(truth, content, seed=len(name))
    one = Bench(folder, truth, noisy, differences_in_time([(noisy, truth)]))
    plain = one.file("truth", truth)
    source = one.file("noisy", noisy)

    keep_q = coarsest(lambda q: one.seen(one.encode(source, q))["sigma_ratio"] >= SURVIVES, 4, 44)
    kept = one.encode(source, keep_q)
    kept_grain = one.seen(kept)
    kept_grain["survives_reached"] = kept_grain["sigma_ratio"] >= SURVIVES
    treated = graining.prepare(source, KEYS, RATE, folder, "av1")
    if not treated.removed:
        raise SystemExit(f"{name}: {treated.why}")
    wanted = one.quality(list(decoded(kept, grain=True)), "keep", source)
    q, reached = _ours_at(one, treated.pictures, wanted, treated.pictures)
    alike = list(GrainRemover(treated.grain[0]).run(decoded(kept, grain=True)))
    truly = one.quality(alike, "keep", plain)
    strict_q, strict_reached = _ours_at(one, treated.pictures, truly, plain)
    found = _ours(one, treated, q, reached)
    svt = _svt(one, source, treated.pictures, q)
    ours, keep = found["bytes"], kept.stat().st_size
    strict = one.encode(treated.pictures, strict_q).stat().st_size + found["side_bytes"]
    same = one.encode(source, q)
    return {
        "source_sigma": differences_in_picture(noisy, truth).mean / 4,
        "measured_sigma": float(np.mean([grain.mean for grain in treated.grain])) / 4,
        "removed_truth_vmaf": one.quality(list(decoded(treated.pictures, grain=False)), "clean", plain),
        "keep": {"q": keep_q, "bytes": keep, "base_vmaf": wanted, "truth_vmaf": truly, **kept_grain},
        "ours": found,
        "svt": svt,
        "x265": _x265(one, source, treated.pictures, found["side_bytes"]),
        "same_q": {"bytes": same.stat().st_size, **one.seen(same)},
        "saved": 1 - ours / keep,
        "saved_at_same_q": 1 - ours / same.stat().st_size,
        "saved_against_svt": 1 - ours / svt["bytes"],
        "strict": {"q": strict_q, "bytes": strict, "reached": strict_reached, "saved": 1 - strict / keep},
    }


def _ours(one: Bench, treated: graining.Treatment, q: int, reached: bool) -> dict[str, Any]:
    """What ours makes at a CRF."""
    base, made = one.encode(treated.pictures, q), one.folder / "ours.mkv"
    record = graining.code(treated, base, made, 0)
    pictures = list(decoded(base, grain=False))
    return {
        "q": q,
        "bytes": made.stat().st_size,
        "base_vmaf": one.quality(pictures, "ours", treated.pictures),
        "reached": reached,
        "truth_vmaf": one.quality(pictures, "ours", one.folder / "truth.mkv"),
        "side_bytes": record.side_bytes,
        **one.seen(made),
        **one.drawn(made),
    }


def again(name: str, content: Content, row: dict[str, Any], data: Path, folder: Path) -> dict[str, Any]:
    """A row of an earlier result with ours made anew at its CRF; the other ways, and ours against x265, as they are."""
    truth = clip(data / "dev_clips" / content.file, content.first)
    noisy = with_noise(truth, content, seed=len(name))
    one = Bench(folder, truth, noisy, differences_in_time([(noisy, truth)]))
    one.file("truth", truth)
    source = one.file("noisy", noisy)
    treated = graining.prepare(source, KEYS, RATE, folder, "av1")
    ours = _ours(one, treated, row["ours"]["q"], False)
    ours["reached"] = ours["base_vmaf"] >= row["keep"]["base_vmaf"] - TOLERANCE
    measured = float(np.mean([grain.mean for grain in treated.grain])) / 4
    others = {"keep": "saved", "same_q": "saved_at_same_q", "svt": "saved_against_svt"}
    saved = {label: 1 - ours["bytes"] / row[way]["bytes"] for way, label in others.items()}
    return {**row, "measured_sigma": measured, "ours": ours, **saved}


def _ours_at(one: Bench, clean: Path, wanted: float, reference: Path) -> tuple[int, bool]:
    """The coarsest CRF of the grid whose base scores `wanted` against a reference, and whether any does.

    From the coarse end: below CRF 12 or so scores of short clips no longer rise.
    """
    for q in GRID:
        base = list(decoded(one.encode(clean, q), grain=False))
        if one.quality(base, "tried", reference) >= wanted - TOLERANCE:
            return q, True
    return GRID[-1], False


def _x265(one: Bench, source: Path, clean: Path, side: int) -> dict[str, Any]:
    """Grain kept by x265, and what ours takes at the base quality of that encode, with `side` bytes of tables."""
    q = coarsest(lambda q: one.seen(one.encode_x265(source, q))["sigma_ratio"] >= SURVIVES, 4, 40)
    kept = one.encode_x265(source, q)
    seen = one.seen(kept)
    wanted = one.quality(list(decoded(kept, grain=True)), "x265", source)
    ours_q, reached = _ours_at(one, clean, wanted, clean)
    ours, size = one.encode(clean, ours_q).stat().st_size + side, kept.stat().st_size
    found = {"q": q, "bytes": size, "base_vmaf": wanted, "survives_reached": seen["sigma_ratio"] >= SURVIVES, **seen}
    return {**found, "ours_q": ours_q, "ours_bytes": ours, "ours_reached": reached, "saved": 1 - ours / size}


def _svt(one: Bench, source: Path, clean: Path, q: float) -> dict[str, Any]:
    """SVT-AV1's own film grain, at the strength whose sigma comes nearest."""

    def tried() -> Iterator[dict[str, Any]]:
        for strength in STRENGTHS:
            path = one.encode(source, q, film_grain=strength)
            yield {"film_grain": strength, "q": q, "bytes": path.stat().st_size, "path": path, **one.seen(path)}

    best = min(tried(), key=lambda found: abs(float(found["sigma_ratio"]) - 1))
    base = list(decoded(best.pop("path"), grain=False))
    return {**best, "base_vmaf": one.quality(base, "svt", clean)}


def bootstrap(values: list[float], rounds: int = 2000) -> tuple[float, float]:
    """95 % interval of the mean over contents."""
    rng = np.random.default_rng(0)
    means = rng.choice(np.array(values), (rounds, len(values))).mean(axis=1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All contents; the part `grain` of the encoding benchmark."""
    found: dict[str, Any] = json.loads(options.out.read_text("utf-8"))["contents"] if options.again else {}
    for name in options.contents or CONTENTS:
        with TemporaryDirectory() as folder:
            if options.again:
                found[name] = again(name, CONTENTS[name], found[name], options.data, Path(folder))
            else:
                found[name] = measure(name, CONTENTS[name], options.data, Path(folder))
        row = found[name]
        told = f"{name}: saved {row['saved']:.0%} (strict {row['strict']['saved']:.0%})"
        print(f"{told}, sigma error {row['ours']['sigma_error']:.1%}", flush=True)
    saved = [row["saved"] for row in found.values()]
    ours = [row["ours"] for row in found.values()]
    means = ("sigma_error", "drawn_error", "shape_rmse", "pumping")
    summary = {
        "contents": len(found),
        "size": SIZE,
        "frames": FRAMES,
        "preset": PRESET,
        "saved_mean": float(np.mean(saved)),
        "saved_interval": bootstrap(saved),
        "saved_worst": min(saved),
        "saved_strict": [row["strict"]["saved"] for row in found.values()],
        "saved_against_x265": float(np.mean([row["x265"]["saved"] for row in found.values()])),
        "saved_against_x265_interval": bootstrap([row["x265"]["saved"] for row in found.values()]),
        "x265_reached": sum(row["x265"]["survives_reached"] for row in found.values()),
        "keep_reached": sum(row["keep"]["survives_reached"] for row in found.values()),
        "strict_reached": sum(row["strict"]["reached"] for row in found.values()),
        **{key: float(np.mean([one[key] for one in ours])) for key in means},
        **{key: max(one[key] for one in ours) for key in ("worst_bin", "drawn_worst_bin")},
        "svt_sigma_ratio": float(np.mean([row["svt"]["sigma_ratio"] for row in found.values()])),
    }
    return {"machine": machine(), "summary": summary, "contents": found}


def show(result: dict[str, Any]) -> None:
    """The table of `run`."""
    names = ("content", "way", "q", "kB", "base VMAF", "sigma ratio", "error", "worst bin", "shape", "pumping")
    rows = []
    for name, content in result["contents"].items():
        for way in ("keep", "x265", "ours", "svt"):
            one = content[way]
            figures = (one["sigma_ratio"], one["sigma_error"], one["worst_bin"], one["shape_rmse"], one["pumping"])
            rows.append((name, way, one["q"], round(one["bytes"] / 1000), round(one["base_vmaf"], 1), *figures))
    table(names, rows)
    print(result["summary"])


def main() -> None:
    """Measure, print, write."""
    parser = arguments("encoding_grain", __doc__)
    parser.add_argument("--contents", nargs="*", choices=sorted(CONTENTS), help="some contents only")
    parser.add_argument("--again", action="store_true", help="make ours anew at the CRFs of the last result, no more")
    options = parsed(parser)
    result = run(options)
    show(result)
    write(options.out, result)


if __name__ == "__main__":
    main()
