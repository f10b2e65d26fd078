"""Whole tapes for `repair.py`, the way every tape goes: file, ingest, all analysers, plan. Its repairs before FieldLift
against FieldLift alone on worn tapes, and its repairs alone on clean ones, where they may lose nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quality_methods as methods
import quality_tapes as tapes
from footlights.analysis import survey as analysis
from footlights.config import resolve
from footlights.core.clip import Clip, Plane, join
from footlights.core.plans import RestorationPlan, Step
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.ingest import ingest as taking_in
from footlights.media.reader import VideoReader
from footlights.pipeline.pictures import Cuts, source_blocks
from footlights.pipeline.simulate import write_frames
from footlights.planning import rules
from footlights.restoration import chain
from footlights.restoration.base import build
from footlights.settings import Settings
from footlights.tape.presets import Preset
from footlights.tape.raster import NTSC
from footlights.tape.schedule import Losses
from footlights.tape.simulate import Simulator

Row = dict[str, Any]
FRAMES = 32
"""Of a clip that goes through, at most: 24 of them are scored."""
REPAIRS = (
    "gaps.rebuild",
    "composite.dots",
    "switching.fill",
    "timebase.align",
    "dropouts.conceal",
    "chroma.align",
    "composite.comb",
    "blocking.smooth",
)
_CODECS = {"light": "mpeg2", "medium": "dv", "heavy": "mpeg2", "vhs": "ffv1"}
_SUFFIX = {"ffv1": ".mkv", "mpeg2": ".mpg", "dv": ".avi"}
_ENDS = 8
"""Pictures left out at either end where the net made them."""
_LOSSES = {"lost_frame_rate": 0.02, "duplicate_rate": 0.02, "lost_field_rate": 0.01}
"""Several times the presets': so few frames would hold none."""


class Clips(Mapping[str, list[Plane]]):
    """Clips of a folder that are long enough, by name, read when they are asked for: all at once take gigabytes."""

    def __init__(self, folder: Path, least: int, names: Collection[str] | None = None) -> None:
        found = (path for path in sorted(folder.iterdir()) if path.suffix in (".mp4", ".mkv"))
        chosen = (path for path in found if not names or path.stem in names)
        self._paths = {path.stem: path for path in chosen if _lasts(path, least)}

    def __getitem__(self, name: str) -> list[Plane]:
        pictures = list(tapes.clip_pictures(self._paths[name], 2 * FRAMES))
        return pictures[: len(pictures) // 2 * 2]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _lasts(clip: Path, pictures: int) -> bool:
    return sum(1 for _ in tapes.clip_pictures(clip, pictures)) == pictures


def worn(name: str, preset: Preset, scene: list[Plane], seed: int) -> Row:
    """dB of luma and of chroma against the true pictures: FieldLift alone, and what the plan's repairs add."""
    losses = replace(Losses(), **_LOSSES) if preset.losses != Losses() else Losses()
    simulator = Simulator(replace(preset, losses=losses), seed, NTSC, FieldOrder.TOP_FIRST)
    with tempfile.TemporaryDirectory() as folder:
        planned, clip = _read(simulator, name, scene, Path(folder))
    steps = [one for one in planned.shots[0].steps if one.stage in REPAIRS]
    lift = next(one for one in planned.shots[0].steps if one.stage == "fieldlift.restore")
    alone = replace(lift, params={**lift.params, "lost": (), "fields": ()})
    true = _truth(simulator, scene)
    alone_errors, errors = (_errors(_run(way, clip), true) for way in ([alone], [*steps, lift]))
    lost = _lost(simulator, range(_ENDS, _ENDS + len(errors)))
    return {
        "preset": name,
        "steps": [one.stage for one in steps],
        "shots": len(planned.shots),
        "frames": len(errors) // 2,
        "lost": int(lost.sum()),
        "net": _db(alone_errors),
        "gain": _gains(alone_errors, errors),
        "gain where the tape holds the field": _gains(alone_errors[~lost], errors[~lost]),
    }


def clean(name: str, preset: Preset, scene: list[Plane], seed: int) -> Row:
    """What the plan's repairs do to a tape with nothing to repair: dB of luma and chroma, woven, against the truth."""
    simulator = Simulator(replace(preset, losses=Losses()), seed, NTSC, FieldOrder.TOP_FIRST)
    with tempfile.TemporaryDirectory() as folder:
        planned, clip = _read(simulator, name, scene, Path(folder))
    steps = [one for one in planned.shots[0].steps if one.stage in REPAIRS]
    true = _truth(simulator, scene)
    woven = true[0::2].copy()
    woven[..., 1::2, :] = true[1::2, ..., 1::2, :]
    made = join(list(chain.run([build(one) for one in steps], _blocks(clip), clip.frames))) if steps else clip
    before, after = (_errors(one, woven, ends=2) for one in (clip, made))
    return {
        "preset": name,
        "steps": [one.stage for one in steps],
        "frames": len(before),
        "gain": _gains(before, after),
    }


def _read(simulator: Simulator, name: str, scene: list[Plane], folder: Path) -> tuple[RestorationPlan, Clip]:
    """A tape written, taken in, measured and planned; its pictures."""
    tape = folder / f"tape{_SUFFIX[_CODECS[name]]}"
    recording = simulator.run(iter(scene), frames=FrameRange(0, len(scene) // 2))
    aspect = simulator.signal(Fraction(4, 3)).sample_aspect
    write_frames(tape, recording, simulator, _CODECS[name], aspect, None, 8_000_000, lambda _: None)
    settings = resolve(("analysis.faces.enabled=false",), Path("/dev/null")).settings
    (folder / "ingest").mkdir()
    taking_in.ingest(tape, folder / "ingest", settings.ingest, sha256="0" * 64, progress=lambda _: None)
    record, reader = taking_in.open_ingest(folder / "ingest")
    with reader:
        return _planned(record, reader, settings, taking_in.read_hashes(folder / "ingest"))


def _planned(
    record: Ingest, reader: VideoReader, settings: Settings, digests: Sequence[str]
) -> tuple[RestorationPlan, Clip]:
    whole = FrameRange(0, record.frames)
    series = analysis.measure(record, reader, digests, whole, settings.analysis, lambda _: None)
    planned = rules.plan(analysis.conclude(series, record, settings.analysis), record, settings)
    cuts = Cuts(whole, starts_late=False, ends_late=False)
    return planned, join(list(source_blocks(record, reader, whole, cuts, FieldOrder.TOP_FIRST)))


def _run(steps: list[Step], clip: Clip) -> Clip:
    return methods._run(steps, clip)


def _blocks(clip: Clip) -> Iterator[Clip]:
    return (clip.take(part) for part in clip.frames.split(6))


def _truth(simulator: Simulator, scene: list[Plane]) -> Plane:
    """What every field should show, `(2T, 3, 480, 704)`."""
    schedule = simulator.schedule(())
    wanted = (schedule.picture_of(field) for field in range(len(scene) // 2 * 2))
    return np.stack([tapes.truth_of(simulator.lit(scene[one], one)) for one in wanted])


def _lost(simulator: Simulator, fields: range) -> NDArray[np.bool_]:
    """Which of these the tape does not hold: another stands in their place."""
    slots = map(simulator.schedule(()).slot, fields)
    return np.array([one.recorded != one.number for one in slots])


def _errors(made: Clip, true: Plane, ends: int = _ENDS) -> Plane:
    """Mean square errors of luma and of chroma of every picture, the ends and the sides left out. ValueError where that
    leaves nothing."""
    if min(len(true), len(made)) <= 2 * ends:
        raise ValueError(f"{len(made)} pictures, of which {ends} at either end are left out: none is left to score")
    inner = np.s_[ends:-ends, :, 16:-16, 16:-16]
    planes = methods._active(made.luma, made.chroma)[: len(true)][inner]
    errors = ((planes - true[: len(made)][inner]) ** 2).mean(axis=(2, 3))
    return np.stack([errors[:, 0], errors[:, 1:].mean(axis=1)], axis=1)


def _db(errors: Plane) -> list[float]:
    return [round(-10 * float(np.log10(one)), 3) for one in errors.mean(axis=0)]


def _gains(before: Plane, after: Plane) -> list[float]:
    return [round(b - a, 3) for a, b in zip(_db(before), _db(after), strict=True)]


def summary(rows: list[Row]) -> Row:
    """Mean, worst and n of luma and chroma per preset."""
    found: Row = {}
    for name in dict.fromkeys(row["preset"] for row in rows):
        here = [row for row in rows if row["preset"] == name]
        sums = {part: sum(row[part] for row in here) for part in ("frames", "lost") if part in here[0]}
        found[name] = {"clips": len(here), **sums, **_spread([row["gain"] for row in here])}
        held = "gain where the tape holds the field"
        if held in here[0]:
            found[name][held] = _spread([row[held] for row in here])
    return found


def _spread(gains: list[list[float]]) -> Row:
    """Mean and worst of luma and chroma."""
    known = np.array(gains)
    return {
        plane: [round(float(known[:, at].mean()), 3), round(float(known[:, at].min()), 3)]
        for at, plane in enumerate(("luma", "chroma"))
    }
