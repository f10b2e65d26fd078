"""A small job whose sound is treated and whose pictures are made HDR as well; the SDR master stays as it was."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np

from footlights.media import ffmpeg
from footlights.media.audio import AudioTrack, decoded, floating, measure_offset
from footlights.pipeline.verification import verify
from small_job import make_tape, restore, silent

SETS = ("restoration.chain=classical", "encoding.probes=1", "encoding.preset=13", "encoding.grain=keep")


def sound(path: Path) -> np.ndarray:
    return np.concatenate([floating(one.samples)[0] for one in decoded(AudioTrack(path, Fraction(0)))])


def test_treated_sound_and_hdr_reach_the_products_in_place(tmp_path: Path) -> None:
    tape = make_tape(tmp_path / "tape.mkv", frames=26)
    job = tmp_path / "job"
    plain = restore(tape, job, *SETS, "encoding.enabled=false")
    wanted = ("encoding.enabled=true", "master.hdr=hlg")
    result = restore(None, job, *wanted, "sound.loudness=r128", "sound.target=-30", "sound.dehum=true")
    assert plain.master is not None
    assert result.master is not None
    assert result.hdr is not None
    assert plain.master.content == result.master.content, "the SDR pictures are the same"
    assert (result.hdr.frames, result.hdr.curve) == (52, "HLG")
    _tags_and_sound(job / "hdr.mkv", tape)
    (done,) = result.sound_care
    assert done.target == -30
    assert done.gain != 0
    before, after = sound(tape), sound(job / "master.mkv")
    assert len(sound(job / "hdr.mkv")) == len(after)
    assert len(before) == len(after) == done.samples
    assert measure_offset(before, after, 48_000) == 0
    assert np.abs(after - before * 10 ** (done.gain / 20)).max() < 1e-5
    assert all(check.passed for check in result.checks)
    assert any("no hum was heard" in one for one in result.warnings)
    assert all(check.passed for check in verify(job, silent))


def _tags_and_sound(hdr: Path, tape: Path) -> None:
    """As FFmpeg's own program reads them."""
    read = subprocess.run([str(ffmpeg.binary()), "-i", str(hdr)], capture_output=True, text=True, check=False)
    assert re.search(r"hevc .*yuv420p10le\(tv, bt2020nc/bt2020/arib-std-b67", read.stderr)
    assert measure_offset(sound(tape), sound(hdr), 48_000) == 0
