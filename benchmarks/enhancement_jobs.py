"""Re-degradation on whole jobs: tape, plan, master, check; and the same check on masters that are made wrong.

Clips, and the drawn stage of `footlights demo`, are played onto the four tapes of our own simulator and restored with
the default settings to a master of full size. The check of the product is asked about the master, and about copies of
the compared pictures in which something is wrong: texture that nobody filmed, fine detail smoothed away, a part of the
picture moved, a part made darker, another instant's picture.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
from footlights.core import records
from footlights.core.clip import Plane
from footlights.core.plans import Piece, RestorationPlan
from footlights.core.redegraded import LIMIT, ShotFidelity
from footlights.core.reports import Survey
from footlights.core.time import FrameRange
from footlights.ingest import ingest as taking_in
from footlights.media import ffmpeg
from footlights.media.reader import VideoReader, index_video
from footlights.pipeline import fidelity, graph, inspect, ops
from footlights.pipeline.pushback import ShotRequest
from footlights.pipeline.sample.stage import pictures as drawn
from footlights.pipeline.simulate import write_frames
from footlights.tape.presets import PRESETS, preset
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from pieces import OutOfMinutesError
from quality_tapes import clip_pictures

_CLIPS = (
    "stage",
    "face_colourlight_cottonbro.mp4",
    "dance_dj_480p50.mp4",
    "concert_crowd_720p.mp4",
    "dancer_1080p.mp4",
    "school_show_540p.mp4",
    "street_people_720p50.mkv",
    "face_redhead_koolshooters.mp4",
)
"""`stage` is drawn. The first four were there while rules were made, the others were never looked at for them."""
_FIELDS, _SEED = 16, 23
_FORMATS = {"light": ("mpeg2", ".mpg"), "medium": ("dv", ".dv"), "heavy": ("mpeg2", ".mpg"), "vhs": ("ffv1", ".mkv")}
_BIT_RATE = 8_000_000
_SETS = ("encoding.enabled=false", "analysis.faces.enabled=false", "engine.workers=1")
_CODES = 4
"""Master codes, of 10 bits, per 8-bit code."""
Luma = NDArray[np.uint16]
Wrong = Callable[[list[Luma], float], list[Luma]]
"""Luma of a shot's compared pictures of the master, and its samples per line of the tape → the same, made wrong."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every clip on every tape."""
    clips, tapes = (_CLIPS[:1], ("medium",)) if options.quick else (_CLIPS, tuple(PRESETS))
    rows, missing = [], 0
    for name in clips:
        for tape in tapes:
            made = partial(_row, options.data, options.work, name, tape)
            try:
                rows += options.kept.row(f"jobs {name} {tape}", made)["shots"]
            except OutOfMinutesError:
                missing += 1
    return {
        "rows": rows,
        "missing": missing,
        "summary": {tape: _summary([row for row in rows if row["tape"] == tape]) for tape in tapes},
        "limit": LIMIT,
        "target": "at most 1.1 on 95 % of shots; wrong masters above it",
        "frames": f"{_FIELDS} fields a tape, up to 3 pictures a shot compared, 2880x2160",
    }


def show(found: dict[str, Any]) -> None:
    bench.table(
        ("tape", "shots", "explained", "median", "worst", *(f"{name} seen" for name in _WRONG)),
        (
            (
                tape,
                one["shots"],
                one["explained"],
                one["median"],
                one["worst"],
                *(f"{one[f'{name}_seen']} of {one['shots']}" for name in _WRONG),
            )
            for tape, one in found["summary"].items()
        ),
    )


def _row(data: Path, work: Path | None, clip: str, tape: str) -> dict[str, Any]:
    """One clip on one tape, restored; every shot's ratios."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = (work or Path(temporary)) / f"{Path(clip).stem}-{tape}"
        job = folder / "job"
        if not (job / "master.mkv").exists():
            source = _made(data, clip, tape, folder)
            words = [word for one in _SETS for word in ("--set", one)]
            bench.checked(bench.footlights("restore", source, "-o", job, *words))
        return {"shots": [{"clip": clip, "tape": tape, **shot} for shot in _shots(job, Path(temporary))]}


def _made(data: Path, clip: str, tape: str, folder: Path) -> Path:
    """The tape's file."""
    codec, suffix = _FORMATS[tape]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"tape{suffix}"
    pictures = drawn() if clip == "stage" else clip_pictures(data / "dev_clips" / clip, _FIELDS)
    deck = Simulator(preset(tape), _SEED, NTSC)
    recording = deck.run(islice(pictures, _FIELDS), frames=FrameRange(0, _FIELDS // 2))
    aspect = deck.signal(Fraction(4, 3)).sample_aspect
    write_frames(path, recording, deck, codec, aspect, None, _BIT_RATE, lambda frames: None)
    return path


def _shots(job: Path, temporary: Path) -> Iterator[dict[str, Any]]:
    """Ratios of the master as it is and of each wrong one."""
    opened = taking_in.open_ingest(inspect.latest(job, graph.INGEST))
    survey = records.read(Survey, inspect.latest(job, graph.SURVEY) / ops.SURVEY)
    plan = records.read(RestorationPlan, job / "plan.json")
    master, frames = job / "master.mkv", plan.time_map.frames
    whole = (Piece(0, FrameRange(0, frames), ()),)
    requests = tuple(fidelity.requests(plan, opened[0], survey, whole, survey.field_order))
    found = {"right": _checked(requests, opened, master)}
    for name, wrong in _WRONG.items():
        copy, moved = _copied(requests, master, wrong, temporary / f"{name}.mkv")
        found[name] = _checked(moved, opened, copy)
    opened[1].close()
    for number, one in enumerate(found["right"]):
        ratios = {name: shots[number].ratio for name, shots in found.items()}
        yield {"shot": one.shot, "samples": one.samples, "why": one.why, "edges": one.edges, **ratios}


def _checked(requests: tuple[ShotRequest, ...], opened: Any, master: Path) -> tuple[ShotFidelity, ...]:
    return fidelity.measure(requests, opened, [master], lambda done: None)


def _copied(
    requests: tuple[ShotRequest, ...], master: Path, wrong: Wrong, target: Path
) -> tuple[Path, tuple[ShotRequest, ...]]:
    """The compared pictures alone, made wrong, as a lossless file, and the requests that find them there."""
    moved: list[ShotRequest] = []
    pictures: list[tuple[Luma, ...]] = []
    with VideoReader(master, index_video(master)) as reader:
        last = reader.index.frames - 1
        for request in requests:
            asked = [at.frame + (_LATE if wrong is _late else 0) for at in request.instants]
            shown = [next(iter(reader.read(FrameRange(min(n, last), min(n, last) + 1)))).planes for n in asked]
            places = range(len(pictures), len(pictures) + len(shown))
            instants = (replace(at, frame=n) for at, n in zip(request.instants, places, strict=True))
            moved.append(replace(request, instants=tuple(instants)))
            step = request.raster[1] / _lines(request)
            made = wrong([planes[0] for planes in shown], step) if shown else []
            pictures += [(luma, *planes[1:3]) for luma, planes in zip(made, shown, strict=True)]
    height, width = pictures[0][0].shape
    raw = ffmpeg.RawFormat(width, height, "yuv420p10le", "60000/1001")
    coding = ["-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "4", ffmpeg.file_url(target)]
    with ffmpeg.EncoderPipe(raw, coding, doing="writing a wrong master") as pipe:
        for planes in pictures:
            for plane in planes:
                pipe.write(plane)
    return target, tuple(moved)


def _lines(request: ShotRequest) -> float:
    """Lines of the tape that fill the master: all of NTSC but what was cropped."""
    return float(NTSC.height - request.raster[4] - request.raster[6])


def _texture(pictures: list[Luma], step: float) -> list[Luma]:
    """2.5 codes of noise as fine as the tape's samples."""
    rng = np.random.default_rng(5)
    return [_added(one, 2.5 * _grains(rng, one.shape, step)) for one in pictures]


def _grains(rng: np.random.Generator, shape: tuple[int, ...], step: float) -> Plane:
    grains = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), step)
    return np.asarray(grains / grains.std(), np.float32)


def _smoothed(pictures: list[Luma], step: float) -> list[Luma]:
    """What lies under 18 codes of contrast, within 4 samples of the tape, is levelled; edges stay."""
    out = []
    for one in pictures:
        size = round(one.shape[1] / step), round(one.shape[0] / step)
        small = cv2.resize(one, size, interpolation=cv2.INTER_AREA).astype(np.float32) / _CODES
        change = cv2.bilateralFilter(small, 9, 18, 2.5) - small
        out.append(_added(one, cv2.resize(change, one.shape[::-1], interpolation=cv2.INTER_CUBIC)))
    return out


def _moved(pictures: list[Luma], step: float) -> list[Luma]:
    """The middle third lies 0.7 samples of the tape to the right."""
    out = []
    for one in pictures:
        made = one.copy()
        part = slice(one.shape[1] // 3, 2 * one.shape[1] // 3)
        made[:, part] = np.roll(one, round(0.7 * step), axis=1)[:, part]
        out.append(made)
    return out


def _darker(pictures: list[Luma], step: float) -> list[Luma]:
    """A ninth of the picture is 6 codes darker, its border soft."""
    del step
    out = []
    for one in pictures:
        place = np.zeros(one.shape, np.float32)
        high, wide = one.shape
        place[high // 3 : 2 * high // 3, wide // 3 : 2 * wide // 3] = -6
        out.append(_added(one, cv2.blur(place, (31, 31))))
    return out


_LATE = 4


def _late(pictures: list[Luma], step: float) -> list[Luma]:
    """Pictures that are two frames of the tape late: they come so."""
    del step
    return pictures


def _added(luma: Luma, change: Plane) -> Luma:
    return np.clip(np.round(luma + change * _CODES), 0, 1023).astype(np.uint16)


_WRONG: dict[str, Wrong] = {
    "texture": _texture,
    "smoothed": _smoothed,
    "moved": _moved,
    "darker": _darker,
    "late": _late,
}


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    compared = [row for row in rows if row["samples"]]
    ratios = [row["right"] for row in compared]
    seen = {f"{name}_seen": sum(row[name] > LIMIT for row in compared) for name in _WRONG}
    return {
        "shots": len(compared),
        "explained": sum(ratio <= LIMIT for ratio in ratios),
        "median": float(np.median(ratios)) if ratios else None,
        "worst": max(ratios, default=None),
        **seen,
    }
