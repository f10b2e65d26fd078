"""Colour: fades and casts taken out of drawn tapes, and stage light left alone, by the whole way from tape to plan.

The tapes are drawn here: our own stage and singer, lit anew for every shot; three of four shots show a lamp that
overdrives the camera, three of four an unlit wing. They are scaled and shifted per channel, given noise and written as
8-bit 4:2:2; the fault's model is that of the stage `colour.balance`, so these are same-author scores. Colours are
compared on means of 8×8 samples, as CIEDE2000.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
from footlights.analysis import survey as analysis
from footlights.config import resolve
from footlights.core.clip import Clip
from footlights.core.colour import DISPLAY_GAMMA, chroma_to_codes, luma_to_codes, rgb_to_ycbcr
from footlights.core.signal import Matrix, Primaries
from footlights.core.time import FrameRange
from footlights.ingest import ingest as taking_in
from footlights.media import ffmpeg
from footlights.metrics.fidelity import delta_e, lab
from footlights.pipeline.pictures import to_planes
from footlights.pipeline.sample import stage
from footlights.planning import rules
from footlights.restoration.base import build
from footlights.settings import Settings

WIDTH, HEIGHT, FRAMES = 352, 288, 8
SHOTS = 12
NOISE = 1.5
"""Codes."""
LIGHTS = {
    "white": (1.0, 1.0, 1.0),
    "red": (1.0, 0.16, 0.1),
    "blue": (0.2, 0.3, 1.0),
    "amber": (1.0, 0.7, 0.35),
    "magenta": (0.9, 0.2, 0.8),
    "green": (0.25, 0.9, 0.4),
}
TARGET, TOUCHED = 2.0, 0.5
"""ΔE00 from the truth after a correction, and by which stage light may change."""
RGB = NDArray[np.float32]
Points = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Black and white of a tape in R'G'B'."""


@dataclass(frozen=True, slots=True)
class Tape:
    """A drawn tape: the light of every shot, and its fault by shot."""

    name: str
    lights: tuple[str, ...]
    fault: Callable[[int], Points]
    control: bool
    """Whether it has no fault and must not change."""


def _points(black: tuple[float, float, float], white: tuple[float, float, float]) -> Points:
    return np.array(black), np.array(white)


NONE = _points((0, 0, 0), (1, 1, 1))
CAST = _points((0.03, 0.0, -0.02), (0.95, 0.88, 0.78))
FADED = _points((0.07, 0.04, 0.03), (0.82, 0.76, 0.70))
SHOW = tuple(list(LIGHTS)[number % len(LIGHTS)] for number in range(SHOTS))


def _between(number: int, first: Points, last: Points) -> Points:
    share = (number + 0.5) / SHOTS
    return first[0] + share * (last[0] - first[0]), first[1] + share * (last[1] - first[1])


TAPES = (
    Tape("faded, with a cast", SHOW, lambda _: FADED, control=False),
    Tape("cast, blue lost", SHOW, lambda _: CAST, control=False),
    Tape("fading along the tape", SHOW, lambda n: _between(n, NONE, FADED), control=False),
    Tape(
        "cast drifting", SHOW, lambda n: _between(n, CAST, _points((0.0, 0.0, 0.03), (0.85, 0.9, 0.95))), control=False
    ),
    Tape("show without a fault", SHOW, lambda _: NONE, control=True),
    Tape("red wash", ("red",) * SHOTS, lambda _: NONE, control=True),
    Tape("blue wash", ("blue",) * SHOTS, lambda _: NONE, control=True),
    Tape("red and magenta", ("red", "magenta") * (SHOTS // 2), lambda _: NONE, control=True),
    Tape("amber, hazy", ("amber",) * SHOTS, lambda _: NONE, control=True),
)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """ΔE00 of every tape before and after, from the truth; of controls by how much they changed."""
    chosen = TAPES[::2] if options.quick else TAPES
    rows = [options.kept.row(f"colour {tape.name}", partial(_row, tape)) for tape in chosen]
    faulty, controls = [row for row in rows if not row["control"]], [row for row in rows if row["control"]]
    return {
        "what": f"{len(rows)} drawn tapes of {SHOTS} shots of {FRAMES} frames, {WIDTH}×{HEIGHT}; same-author fault",
        "targets": {"from_truth": TARGET, "touched": TOUCHED},
        "tapes": rows,
        "met": {
            "from_truth": sum(row["after"]["median"] <= TARGET for row in faulty),
            "of": len(faulty),
            "touched": sum(row["changed"] <= TOUCHED for row in controls),
            "of_controls": len(controls),
        },
    }


def show(result: dict[str, Any]) -> None:
    """A row per tape."""
    bench.table(
        ("tape", "dE before", "dE after", "p90 after", "changed", "why"),
        [
            (
                row["tape"],
                row["before"]["median"],
                row["after"]["median"],
                row["after"]["p90"],
                row["changed"],
                row["why"][:70],
            )
            for row in result["tapes"]
        ],
    )


def _row(tape: Tape) -> dict[str, Any]:
    settings = resolve(("analysis.faces.enabled=false",), Path("/dev/null")).settings
    truth = list(_shots(tape))
    with tempfile.TemporaryDirectory() as folder:
        plan, before, after = _through(tape, truth, Path(folder), settings)
    clean = [_lab(_ycc(picture)) for picture in truth]
    was = [float(delta_e(_lab(b), t).mean()) for b, t in zip(before, clean, strict=True)]
    now = [float(delta_e(_lab(a), t).mean()) for a, t in zip(after, clean, strict=True)]
    changed = [float(delta_e(_lab(a), _lab(b)).mean()) for a, b in zip(after, before, strict=True)]
    return {
        "tape": tape.name,
        "control": tape.control,
        "before": bench.spread(was, 3),
        "after": bench.spread(now, 3),
        "changed": round(max(changed), 3),
        "why": plan,
    }


def _through(
    tape: Tape, truth: list[RGB], folder: Path, settings: Settings
) -> tuple[str, list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """The reason of the plan, and a picture of every shot as Y'CbCr `(3, H, W)` as it is and balanced."""
    file = folder / "tape.mkv"
    _write(tape, truth, file)
    (folder / "ingest").mkdir()
    record = taking_in.ingest(file, folder / "ingest", settings.ingest, sha256="0" * 64, progress=lambda _: None)
    reader = taking_in.open_ingest(folder / "ingest")[1]
    digests = taking_in.read_hashes(folder / "ingest")
    with reader:
        whole = FrameRange(0, record.frames)
        series = analysis.measure(record, reader, digests, whole, settings.analysis, lambda _: None)
        survey = analysis.conclude(series, record, settings.analysis)
        plan = rules.plan(survey, record, settings)
        before, after = [], []
        for number in range(SHOTS):
            frame = number * FRAMES + FRAMES // 2
            (picture,) = reader.read(FrameRange(frame, frame + 1))
            luma, chroma = to_planes(picture, reader.layout, record.source.signal, interlaced=False)
            before.append(np.stack([luma, *chroma]))
            shot = next(
                shot for report, shot in zip(survey.shots, plan.shots, strict=True) if frame in report.shot.frames
            )
            clip = Clip(luma[None], chroma[None], record.source.signal, FrameRange(0, 1), record.source.rate)
            for step in shot.steps:
                if step.stage == "colour.balance":
                    clip = build(step).run(clip)
            after.append(np.stack([clip.luma[0], *clip.chroma[0]]))
    said = [one.why for one in (*plan.shots[0].steps, *plan.shots[0].skipped) if one.stage == "colour.balance"]
    return said[0], before, after


def _shots(tape: Tape) -> Iterator[RGB]:
    """A true R'G'B' picture per shot."""
    scenes = list(islice(stage.pictures(), 0, 156, 13))
    for number, name in enumerate(tape.lights):
        scene = _framed(scenes[number % len(scenes)], number)
        if number % 4 != 2:
            scene[:, : WIDTH // 12] = 0
        linear = scene**DISPLAY_GAMMA * np.array(LIGHTS[name], np.float32)
        haze = 0.004 if "hazy" in tape.name else 0.0
        linear = linear + haze * np.array(LIGHTS[name], np.float32)
        if number % 4 != 3:
            _lamp(linear, number, LIGHTS[name])
        yield np.clip(linear, 0, 1).astype(np.float32) ** np.float32(1 / DISPLAY_GAMMA)


def _framed(scene: RGB, number: int) -> RGB:
    """Another framing for every shot: cuts are found by structure, not by light."""
    height, width = scene.shape[:2]
    share = 1.0 - 0.12 * (number % 4)
    tall, wide = round(height * share), round(width * share)
    top, left = (height - tall) * (number % 3) // 2, (width - wide) * (number % 5) // 4
    cut = np.ascontiguousarray(scene[top : top + tall, left : left + wide][:, :: -1 if number % 2 else 1])
    return np.asarray(cv2.resize(cut, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)


def _lamp(linear: RGB, number: int, light: tuple[float, float, float]) -> None:
    """A lamp of the light's colour, many times brighter than white: the camera clips all channels in its middle."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    apart = np.hypot(y - 40 - 9 * (number % 5), x - 60 - 47 * (number % 6)) / 11
    glow = 40 * np.exp(-(apart**2)) + 0.25 / (1 + apart**2)
    linear += glow[..., None] * (0.15 + np.array(light, np.float32))


def _ycc(picture: RGB) -> NDArray[np.float32]:
    return np.moveaxis(picture @ rgb_to_ycbcr(Matrix.BT470BG).T, -1, 0).astype(np.float32)


def _lab(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """Means of 8×8 samples, as CIELAB."""
    small = np.stack([cv2.resize(plane, (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_AREA) for plane in picture])
    return lab(small, Matrix.BT470BG, Primaries.BT470BG)


def _write(tape: Tape, truth: list[RGB], file: Path) -> None:
    rng = np.random.default_rng(11)
    raw = ffmpeg.RawFormat(WIDTH, HEIGHT, "yuv422p", "25")
    tags = "setfield=tff,setsar=12/11,setparams=colorspace=bt470bg:color_primaries=bt470bg:color_trc=bt470bg:range=tv"
    arguments = ["-vf", tags, "-c:v", "ffv1", "-level", "3", "-g", "1", ffmpeg.file_url(file)]
    with ffmpeg.EncoderPipe(raw, arguments, doing="drawing a tape") as pipe:
        for number, picture in enumerate(truth):
            black, white = tape.fault(number)
            y, cb, cr = _ycc((black + picture * (white - black)).astype(np.float32))
            for _ in range(FRAMES):
                noisy = y + rng.normal(0, NOISE / 219, y.shape).astype(np.float32)
                pipe.write(luma_to_codes(noisy, 8).astype(np.uint8))
                for plane in (cb, cr):
                    half = cv2.resize(plane, (WIDTH // 2, HEIGHT), interpolation=cv2.INTER_AREA)
                    half = half + rng.normal(0, NOISE / 224, half.shape).astype(np.float32)
                    pipe.write(chroma_to_codes(half, 8).astype(np.uint8))
