"""Tapes at the edge, from end to end: one black frame, no sound or only silence, two systems in one file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from footlights.core.products import JobResult
from footlights.core.source import GapKind
from footlights.media import ffmpeg
from footlights.pipeline import job as jobs
from footlights.pipeline import run
from made_tapes import HEIGHT, PAL, WIDTH, interlaced, panned, texture, write_ffv1
from small_job import SMALL, restore, silent
from tape_files import make


def scanned(tape: Path, folder: Path) -> JobResult:
    """The scan of a tape; its report must be there, and say how many frames there are."""
    result = run.scan(jobs.open_job(tape, folder, SMALL, Path("/dev/null")), silent)
    assert result.survey.shots[-1].shot.frames.stop == result.ingest.frames
    assert (folder / "report.html").stat().st_size < 2_000_000
    assert json.loads((folder / "report.json").read_text("utf-8"))["frames_in"] == result.ingest.frames
    return result


def test_a_tape_of_one_black_frame_without_sound_is_restored(tmp_path: Path) -> None:
    tape = write_ffv1(tmp_path / "black.mkv", [np.full((HEIGHT, WIDTH), 16, np.float32)], order="tff")
    result = restore(tape, tmp_path / "job")
    assert result.ingest.frames == 1
    assert result.sound == ()
    assert all(check.passed for check in result.checks)


def test_a_tape_with_nothing_but_silence_to_hear_says_so(tmp_path: Path) -> None:
    scene = texture(2)
    picture = write_ffv1(tmp_path / "picture.mkv", interlaced(lambda f: panned(scene, f), 10), order="tff")
    tape = tmp_path / "silent.mkv"
    nothing = ["-f", "lavfi", "-t", "0.4", "-i", "anullsrc=r=48000:cl=stereo"]
    tail = ["-c:v", "copy", "-c:a", "flac", ffmpeg.file_url(tape)]
    ffmpeg.run([*ffmpeg.input_arguments(picture), *nothing, *tail], doing="adding silence")
    (track,) = scanned(tape, tmp_path / "job").sound
    assert track.silent


def test_pal_and_ntsc_in_one_file_are_scanned_and_told(tmp_path: Path) -> None:
    pal, ntsc = make(tmp_path / "pal.mpg", 8), make(tmp_path / "ntsc.mpg", 8, size="352x240", rate="60000/1001")
    both = tmp_path / "both.mpg"
    both.write_bytes(pal.read_bytes() + ntsc.read_bytes())
    result = scanned(both, tmp_path / "job")
    assert (result.ingest.source.rate, result.ingest.source.height) == (PAL, 288)
    assert any(gap.kind is GapKind.DAMAGED for gap in result.survey.gaps)
    assert any("The source is damaged" in text for text in result.warnings)
