"""Looking at files and at the installation: metrics of two videos, before and after, and the doctor."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from footlights import __version__
from footlights.core import records
from footlights.core.reports import Survey
from footlights.engine.artifacts import ArtifactStore
from footlights.engine.store import Store
from footlights.errors import UsageError
from footlights.ingest import ingest as taking_in
from footlights.media import ffmpeg
from footlights.media.reader import index_video
from footlights.metrics.comparison import Comparison, compare
from footlights.models import fieldlift_run
from footlights.models.runtime import cards
from footlights.pipeline import graph, ops
from footlights.pipeline.evidence import master_picture, source_picture
from footlights.pipeline.job import require
from footlights.report.pictures import Picture, beside, fitted, png

_SAFE_FFMPEG = (8, 1, 2)
"""libavcodec's line with the fix of CVE-2026-8461."""
_SAFE_WAL = (3, 51, 3)


def compare_videos(reference: Path, test: Path) -> Comparison:
    """Metrics of `test` against `reference`.

    Raises SourceError for what is no video, UsageError where they do not have the same number of frames. Both are files
    that `footlights.pipeline.probing.look` has let pass.
    """
    first, second = index_video(reference), index_video(test)
    if first.frames != second.frames:
        raise UsageError(
            f"{reference.name} has {first.frames} frames, {test.name} {second.frames}",
            "metrics compare frame by frame",
            "give two videos of the same frames",
        )
    return compare(test, reference, first.rate, width=first.width, height=first.height)


def before_after(folder: Path, output: Path, frame: int, crop: tuple[float, float, float, float], height: int) -> int:
    """Write a PNG of a source frame (fields woven, as on the tape) beside the master's; returns the source frame.

    `crop` is left, top, width and height as shares of the picture; a frame below zero takes the middle of the longest
    shot. UsageError where the job is not finished.
    """
    require(folder)
    ingest_folder, survey_folder = (latest(folder, task) for task in (graph.INGEST, graph.SURVEY))
    record, reader = taking_in.open_ingest(ingest_folder)
    survey = records.read(Survey, survey_folder / ops.SURVEY)
    master = next((path for path in sorted(folder.glob("master.m*")) if path.suffix != ".csv"), None)
    if master is None:
        raise UsageError(f"{folder} has no master yet", "the job is not finished", "run `footlights restore` first")
    if frame < 0:
        longest = max((report.shot.frames for report in survey.shots), key=len)
        frame = (longest.start + longest.stop) // 2
    if frame >= record.frames:
        raise UsageError(f"there is no frame {frame}", f"the tape has {record.frames}", "choose a smaller number")
    shown = index_video(master).frames
    with reader:
        before = source_picture(record, reader, survey, frame, one_field=False)
    after = master_picture(master, min(record.slots[frame] * shown // record.slot_count, shown - 1))
    shape = after.shape[1] / after.shape[0]
    pictures = [_cropped(picture, crop) for picture in (before, after)]
    shape *= crop[2] / crop[3]
    left, right = (fitted(picture, height, shape) for picture in pictures)
    output.write_bytes(png(beside(left, right)))
    return frame


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's table."""

    name: str
    state: str
    """`ok`, `note` or `missing`."""
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Everything worth knowing of this installation."""
    return [
        Finding("footlights", "ok", __version__),
        Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}"),
        *_libraries(),
        *_ffmpeg(),
        _processor(),
        _gpu(),
        _disk(),
        _sqlite(),
        *_weights(),
        *_extras(),
    ]


def latest(folder: Path, task: str) -> Path:
    """Folder of the artifact a task made last in a job."""
    store = ArtifactStore(folder)
    with Store(store) as index:
        key = index.latest(task)
    artifact = store.validate(key) if key is not None else None
    if artifact is None:
        raise UsageError(f"{folder} has no {task} yet", "the job has not come that far", "run `footlights scan` first")
    return artifact.folder


def _cropped(picture: Picture, crop: tuple[float, float, float, float]) -> Picture:
    height, width = picture.shape[:2]
    left, top = round(crop[0] * width), round(crop[1] * height)
    right, bottom = round((crop[0] + crop[2]) * width), round((crop[1] + crop[3]) * height)
    part = picture[max(top, 0) : bottom, max(left, 0) : right]
    if part.size == 0:
        raise UsageError(
            "the crop is empty", f"{crop} lies outside the picture", "give left,top,width,height in per cent"
        )
    return np.ascontiguousarray(part)


def _libraries() -> list[Finding]:
    names = ("av", "imageio-ffmpeg", "numpy", "scipy", "opencv-python-headless", "openvino", "pydantic")
    return [Finding(name, "ok", version(name)) for name in names]


def _ffmpeg() -> list[Finding]:
    versions = ffmpeg.versions()
    wanted = {"libsvtav1", "libx264", "libx265", "ffv1", "prores_aw", "dvvideo", "mpeg2video"} - ffmpeg.encoders()
    filters = {"libvmaf", "xpsnr", "scale", "bwdif"} - ffmpeg.filters()
    lacking = sorted(wanted | filters)
    linked = ffmpeg.linked_release()
    old = linked < _SAFE_FFMPEG
    return [
        Finding(
            "ffmpeg program",
            "missing" if lacking else "ok",
            f"{versions['ffmpeg']} ({ffmpeg.binary()})",
            f"lacks {', '.join(lacking)}: reinstall imageio-ffmpeg" if lacking else "",
        ),
        Finding(
            "FFmpeg inside PyAV",
            "note" if old else "ok",
            f"{'.'.join(map(str, linked))}, libavcodec {versions['libavcodec']}",
            "older than 8.1.2: decoders with known holes; upgrade av" if old else "",
        ),
    ]


def _processor() -> Finding:
    flags = set()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        flags = set(next((line for line in info.read_text().splitlines() if line.startswith("flags")), "").split())
    useful = [
        name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8") if name in flags
    ]
    cores = len(os.sched_getaffinity(0))
    advice = "" if "avx2" in flags else "without AVX2 everything takes several times as long"
    return Finding(
        "processor",
        "ok" if "avx2" in flags else "note",
        f"{cores} cores; {' '.join(useful) or 'no SIMD found'}",
        advice,
    )


def _gpu() -> Finding:
    card = Path("/proc/driver/nvidia/version")
    if card.is_file():
        return Finding(
            "GPU", "note", card.read_text().splitlines()[0], "nothing here uses it yet: all work runs on the processor"
        )
    return Finding("GPU", "ok", "none found; none is needed")


def _disk() -> Finding:
    usage = shutil.disk_usage(".")
    free = usage.free / 2**30
    low = free < 20
    return Finding(
        "disk here",
        "note" if low else "ok",
        f"{free:.1f} GiB free",
        "an hour of tape takes about 60 GiB" if low else "",
    )


def _sqlite() -> Finding:
    found = sqlite3.sqlite_version_info
    mode = "WAL usable" if found >= _SAFE_WAL else "journal DELETE is used: WAL is unsafe before 3.51.3"
    return Finding("sqlite", "ok", f"{sqlite3.sqlite_version}; {mode}")


def _weights() -> list[Finding]:
    found = [Finding(f"weights {card.name}", "ok", f"{card.licence}, {card.source}") for card in cards().values()]
    for size in fieldlift_run.shipped():
        runs_on = fieldlift_run.backend(size)
        found.append(Finding(f"FieldLift {size}", "ok", f"{runs_on.precision}: {runs_on.why}"))
    return found


def _extras() -> list[Finding]:
    known = {
        "faces": "dlib-bin",
        "browser": "playwright",
        "train": "torch",
        "models": "spandrel",
        "cluster": "ray",
        "web": "fastapi",
    }
    findings = []
    for extra, package in known.items():
        try:
            findings.append(Finding(f"extra '{extra}'", "ok", f"{package} {version(package)}"))
        except PackageNotFoundError:
            findings.append(Finding(f"extra '{extra}'", "ok", f"{package} not installed (optional)"))
    return findings
