"""`encode` where an encoder crashes or hangs, where the disk fills up, and where frames follow no common clock."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from commands import clip, inside, program, report

from footlights.engine.events import NAME, read_events
from footlights.media import ffmpeg

SMALL = (
    "--set", "encoding.heights=[144]", "--set", "encoding.h264_height=0", "--set", "encoding.grain=keep",
    "--set", "encoding.probes=1", "--set", "engine.workers=1",
)  # fmt: skip
PART = "encode/av1-144/00000"
WRAPPER = """#!/bin/sh
case "$*" in
*libsvtav1*)
  case "$FAULT" in
  once) mkdir "$FLAG" 2>/dev/null && kill -SEGV $$ ;;
  hang) exec sleep 1000 ;;
  always)
    "{ffmpeg}" "$@"
    for last; do :; done
    truncate -s 200 "${{last#file:}}"
    kill -SEGV $$ ;;
  esac ;;
esac
exec "{ffmpeg}" "$@"
"""


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("video")
    return clip(folder / "a.mkv", "mandelbrot=s=256x144:r=25", 8, "-c:v", "ffv1")


@pytest.fixture(scope="module")
def whole(video: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of an undisturbed encode."""
    job = tmp_path_factory.mktemp("whole") / "job"
    assert inside("encode", video, "-o", job, *SMALL).code == 0
    return digests(job)


def digests(job: Path) -> dict[str, str]:
    files = sorted(path for path in (job / "stream").rglob("*") if path.is_file())
    return {str(path.relative_to(job)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def nothing_half_written(job: Path) -> bool:
    """No product, and no part among the finished ones."""
    return not any(job.glob("stream*")) and not any((job / "artifacts").rglob("chunk.mkv"))


def faulty(folder: Path, fault: str) -> dict[str, str]:
    """An environment in which the encoder of AV1 has a fault."""
    wrapper = folder / "ffmpeg"
    wrapper.write_text(WRAPPER.format(ffmpeg=ffmpeg.binary()), "utf-8")
    wrapper.chmod(0o755)
    return {"IMAGEIO_FFMPEG_EXE": str(wrapper), "FAULT": fault, "FLAG": str(folder / "flag")}


def test_an_encoder_that_crashes_once_is_begun_again(video: Path, whole: dict[str, str], tmp_path: Path) -> None:
    job = tmp_path / "job"
    ended = program("encode", video, "-o", job, *SMALL, environment=faulty(tmp_path, "once"))
    assert ended.code == 0, ended.stderr
    assert (tmp_path / "flag").is_dir()
    assert digests(job) == whole


def test_an_encoder_that_never_ends_is_named_and_taken_up_later(
    video: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    """After three tries the part is set aside; without the fault the same command makes the same bytes."""
    job = tmp_path / "job"
    impatient = ("--set", "engine.patience=0.01", "--json")
    ended = program("encode", video, "-o", job, *SMALL, *impatient, environment=faulty(tmp_path, "hang"))
    error = ended.refused(4)
    assert error["why"].startswith(f"'{PART}' quarantined: no result within")
    assert [(one["task"], one["attempt"]) for one in ended.objects if one["kind"] == "retry"] == [(PART, 1), (PART, 2)]
    given_up = {one["task"]: one["state"] for one in ended.objects if one["kind"] == "task-failed"}
    assert given_up == {PART: "quarantined"}
    assert nothing_half_written(job)
    assert inside("encode", video, "-o", job, *SMALL, "--set", "engine.patience=10").code == 0
    assert digests(job) == whole


def test_an_encoder_that_always_crashes_is_told_and_nothing_half_written_is_used(
    video: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    """Each try leaves the head of a file. A person reads which part is set aside, and the job's events keep it."""
    job = tmp_path / "job"
    ended = program("encode", video, "-o", job, *SMALL, environment=faulty(tmp_path, "always"))
    assert ended.code == 4, ended.stderr
    lines = ended.stderr.splitlines()
    assert sum(line.startswith(f"again: {PART}, attempt") and "SIGSEGV" in line for line in lines) == 2
    assert any(line.startswith(f"set aside: {PART}: ") and "ffmpeg crashed encoding av1-144" in line for line in lines)
    (paragraph,) = (line for line in lines if line.startswith("error FTL-0400: "))
    assert PART in paragraph
    assert "the same command tries these tasks again" in paragraph
    logged = {
        event.data["task"]: event.data["state"] for event in read_events(job / NAME) if event.kind == "task-failed"
    }
    assert logged[PART] == "quarantined"
    assert nothing_half_written(job)
    assert inside("encode", video, "-o", job, *SMALL).code == 0
    assert digests(job) == whole


def test_a_disk_that_fills_up_while_encoding_pauses(tmp_path: Path) -> None:
    """A limit on the size of files, which the lossless reference of a noisy part exceeds."""
    noisy = clip(
        tmp_path / "a.mkv", "color=gray:s=256x144:r=25,noise=alls=40:allf=t", 24, "-c:v", "libx264", "-crf", "40"
    )
    job = tmp_path / "job"
    command = ("encode", noisy, "-o", job, *SMALL, "--json")
    ended = program(*command, prefix=("sh", "-c", 'ulimit -f 600; exec "$@"', "sh"))
    assert ended.refused(7)
    assert "same command again" in ended.stderr
    assert not (job / "stream").exists()
    assert inside(*command).code == 0


def test_frames_without_a_common_clock_keep_their_times(tmp_path: Path) -> None:
    """Two frames of every seven are missing, and the sound ends halfway: the pictures keep their times."""
    thinned = ("-vf", "select=not(between(mod(n\\,7)\\,4\\,5))", "-fps_mode", "vfr", "-c:v", "ffv1", "-c:a", "flac")
    path = clip(
        tmp_path / "a.mkv", "mandelbrot=s=256x144:r=50", 30, *thinned,
        sound=("-f", "lavfi", "-i", "sine=440:r=48000:d=0.4"),
    )  # fmt: skip
    with av.open(str(path)) as source:
        wanted = [frame.pts * frame.time_base for frame in source.decode(video=0)]
    assert len({late - early for early, late in pairwise(wanted)}) > 1
    job = tmp_path / "job"
    ended = inside("encode", path, "-o", job, *SMALL, "--json")
    assert ended.code == 0, ended.stderr
    folder = job / "stream" / "av1-144"
    joined = tmp_path / "joined.mp4"
    joined.write_bytes(b"".join(one.read_bytes() for one in (folder / "init.mp4", *sorted(folder.glob("*.m4s")))))
    with av.open(str(joined)) as stream:
        found = [frame.pts * frame.time_base for frame in stream.decode(video=0)]
    assert len(found) == len(wanted) == 30
    assert max(abs(a - b + wanted[0]) for a, b in zip(found, wanted, strict=True)) <= Fraction(1, 1000)
    assert report(job)["renditions"][0]["name"] == "av1-144"
