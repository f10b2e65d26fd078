"""Camera and tape told apart: sigma of each in luma noise against what the simulator put in.

Clips with camera noise of three strengths at mid grey, which follow the camera's curve over brightness, on four tapes,
lossless and through each tape's codec. Lines are simulated 784 samples long and cut to the 720 of a file, as a
converter takes them from a signal that goes on beyond them: the simulator's own 720 end where its filters do. Truth is
the noise inside the picture of the same tape without the camera's, and what is lacking of that with both. A file in a
lossy codec is never told apart by its scan: those here are measured as if they were lossless, to show why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import bench
from footlights.analysis import noise
from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.floor import floor_of
from footlights.analysis.view import FrameView
from footlights.config import resolve
from footlights.core.clip import Plane
from footlights.core.reports import Entry, NoiseReport, Shot
from footlights.core.source import Ingest, Source
from footlights.core.time import NTSC_FRAME_RATE, FrameRange
from footlights.media.pixels import layout
from footlights.media.recode import Pictures, TapeCodec, recode
from footlights.tape.presets import Preset, preset
from footlights.tape.raster import Raster
from footlights.tape.schedule import Losses
from footlights.tape.simulate import Simulator
from footlights.tape.truth import NoiseTruth
from quality_tapes import CODECS, clip_pictures

CLIPS = (
    "dance_dj_480p50.mp4",
    "school_show_540p.mp4",
    "street_people_720p50.mkv",
    "face_redhead_koolshooters.mp4",
)
"""None of these had a part in the bounds, which were chosen on training clips."""
TAPES, CAMERAS = ("light", "medium", "heavy", "vhs"), (0.0, 1.0, 2.5)
FRAMES, SEED = 26, 5
RASTER = Raster(width=784)
_BEYOND = (RASTER.width - 720) // 2
CODED = {**CODECS, "vhs": (TapeCodec.MPEG2, 6_000_000)}


def rows(data: Path, clips: Sequence[str] = CLIPS) -> list[dict[str, Any]]:
    """Every clip with every camera on every tape."""
    found = []
    for name in clips:
        pictures = list(clip_pictures(data / "dev_clips" / name, 2 * FRAMES))
        for tape in TAPES:
            alone = _truth(_preset(tape, 0.0), pictures)
            for camera in CAMERAS:
                found += _row(name, tape, camera, pictures, alone)
    return found


def summary(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By tape: how many were told apart, the median and worst error of both sigmas where they were, how many without
    any camera noise were told some, and why others were not."""
    return [
        {
            "tape": tape,
            "coded": coded,
            "told": len(told),
            "of": len(every),
            "tape_error": _spread([one["tape"] / one["true_tape"] - 1 for one in told]),
            "camera_error": _spread([one["camera"] / one["true_camera"] - 1 for one in told if one["camera_set"]]),
            "where_none": sum(not one["camera_set"] for one in told),
            "why_not": dict(Counter(one["untold"] for one in every if one["untold"])),
        }
        for tape in TAPES
        for coded in (False, True)
        for every in [[one for one in found if one["on"] == tape and one["coded"] is coded]]
        for told in [[one for one in every if one["tape"]]]
    ]


def show(result: Sequence[dict[str, Any]]) -> None:
    names = ["tape", "coded", "told", "of", "tape_error", "camera_error", "where_none", "why_not"]
    words = [row | {"why_not": "; ".join(f"{why} {count}" for why, count in row["why_not"].items())} for row in result]
    bench.table(names, [[row[name] for name in names] for row in words])


def _row(name: str, tape: str, camera: float, pictures: list[Plane], alone: NoiseTruth) -> list[dict[str, Any]]:
    """One tape without a codec, and with."""
    recording = Simulator(_preset(tape, camera), SEED, RASTER).run(iter(pictures))
    frames = list(recording)
    cut = slice(_BEYOND, _BEYOND + 720)
    half = slice(_BEYOND // 2, _BEYOND // 2 + 360)
    luma = np.stack([one.y[:, cut] for one in frames]).astype(np.uint8)
    chroma = np.stack([np.stack([one.cb[:, half], one.cr[:, half]]) for one in frames]).astype(np.uint8)
    whole = recording.truth().noise.luma_sigma
    true = {"true_tape": alone.luma_sigma, "true_camera": max(whole**2 - alone.luma_sigma**2, 0.0) ** 0.5}
    found = []
    for coded in (False, True):
        codec, rate = CODED[tape]
        plain = Pictures(luma, chroma)
        shown = recode(plain, codec, bit_rate=rate) if coded and codec is not None else plain
        seen = _measured(shown)
        row = {"clip": Path(name).stem, "on": tape, "camera_set": camera, "coded": coded, **true}
        row |= {"luma": seen.luma_sigma, "tape": seen.tape_sigma, "camera": seen.camera_sigma}
        row["untold"] = seen.untold.name.lower() if seen.untold else ""
        found.append({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()})
    return found


def _truth(chosen: Preset, pictures: list[Plane]) -> NoiseTruth:
    recording = Simulator(chosen, SEED, RASTER).run(iter(pictures))
    for _ in recording:
        pass
    return recording.truth().noise


def _preset(tape: str, camera: float) -> Preset:
    """The tape with a camera of that sigma at mid grey and without a fixed pattern, which is no noise in time; nothing
    on it is lost."""
    like = preset(tape)
    return replace(like, sensor=replace(like.sensor, luma_sigma=camera, pattern_sigma=0.0), losses=Losses())


def _measured(shown: Pictures) -> NoiseReport:
    """As a scan measures one shot."""
    signal = Simulator(preset("light")).signal()
    count = len(shown.luma)
    every = tuple(range(count))
    source = Source("t", "0" * 64, 1, "mkv", "ffv1", "yuv422p", 720, 480, NTSC_FRAME_RATE, signal, 8, "4:2:2")
    ingest = Ingest(source, count, 1 / NTSC_FRAME_RATE, every, every, False, (False,) * count, 0, (), (), "c" * 64)
    scene = Scene(ingest, resolve((), Path("/dev/null")).settings.analysis)
    analysers = [ANALYSERS.get(name)(scene) for name in ("noise", "borders")]
    notes = [Notes(one.columns, FrameRange(0, count)) for one in analysers]
    views: list[FrameView] = []
    for number, (luma, (cb, cr)) in enumerate(zip(shown.luma, shown.chroma, strict=True)):
        views = [*views, FrameView(number, (luma, cb, cr), layout("yuv422p"), signal)][-4:]
        for analyser, own in zip(analysers, notes, strict=True):
            analyser.look(views[-1 - analyser.before :], own)
    series: Series = {name: column for own in notes for name, column in own.columns.items()}
    return noise.report(series, Shot(0, FrameRange(0, count), 0, Entry.START, 1.0), floor_of(series, "ffv1"))


def _spread(values: Sequence[float]) -> str:
    """Median and largest size of the values; nothing where there are none."""
    return f"{median(values):+.3f}, {max(values, key=abs):+.3f}" if values else ""
