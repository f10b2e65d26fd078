"""A master at another rate, and in slow motion: frames, times, sound, and what the report says of them."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from footlights.core.time import FrameRange
from footlights.errors import ConfigError
from footlights.ingest import ingest as taking_in
from footlights.media.audio import AudioTrack, decoded
from footlights.media.reader import VideoReader, index_video
from footlights.pipeline import job as jobs
from footlights.pipeline.verification import verify
from footlights.planning.provenancemap import Origin
from small_job import make_tape, restore, silent

FRAMES = 16
"""Of the tape: 32 instants, the cut before the 17th."""


def listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "master.frames.csv").open(encoding="ascii") as file:
        return list(csv.DictReader(file))


def test_slow_motion_keeps_instants_and_cuts_stretches_the_sound_and_says_so(tmp_path: Path) -> None:
    tape = make_tape(tmp_path / "tape.mkv", FRAMES)
    sets = ("restoration.chain=classical", "encoding.heights=[144]", "encoding.h264_height=0", "encoding.probes=1")
    slow = ("geometry.height=288", "enhancement.rate.speed=0.5", "enhancement.rate.output=30")
    result = restore(tape, tmp_path / "job", *sets, *slow)
    rows = listed(tmp_path / "job")
    assert result.master is not None
    assert result.plan is not None
    # 25 instants a second at 30 frames a second: 32 instants are 38.4 frames, the last of which begins at the 31.67th.
    assert len(rows) == result.master.frames == 39
    assert result.master.rate == 30
    assert [Fraction(row["seconds"]) for row in rows] == [Fraction(n, 30) for n in range(39)]
    assert [Fraction(row["source_instant"]) for row in rows] == [Fraction(5 * n, 12) for n in range(39)]
    assert [row["origin"] for row in rows[:7]] == ["original", *["interpolated"] * 5, "original"]
    # Frame 19 lies at instant 15.83, between the last of one shot and the first of the other; 38 behind the last.
    held = [one for one in result.interventions if one.kind == "rate.convert"]
    assert {frame for one in held for frame in one.frames} == {19, 38}
    assert all("held" in one.why and "ends" in one.why for one in held)
    assert rows[19]["origin"] == rows[38]["origin"] == "repeated"
    assert any("stretched" in note for note in result.plan.notes)
    placed = list(decoded(AudioTrack(tmp_path / "job" / "master.mkv", Fraction(0))))
    samples = placed[-1].position + placed[-1].samples.shape[1]
    assert placed[0].position == 0
    assert samples == pytest.approx(2 * FRAMES / 25 * 48000, abs=96)  # the tape's container counts milliseconds
    assert all(check.passed for check in result.checks if "pushed back" not in check.name)
    assert any(shot.samples for shot in result.fidelity)
    index = index_video(tmp_path / "job" / "provenance.mkv")
    assert (index.frames, index.width, index.height) == (39, 44, 288)
    with VideoReader(tmp_path / "job" / "provenance.mkv", index) as reader:
        maps = [np.unique(picture.planes[0]).tolist() for picture in reader.read(FrameRange(0, 39))]
    assert maps[19] == maps[38] == [Origin.REPEATED]
    assert maps[1] == [Origin.INTERPOLATED]
    assert maps[6] == [Origin.FILTERED, Origin.INTERPOLATED]
    assert "provenance.mkv" in (tmp_path / "job" / "SHA256SUMS").read_text()
    assert all(check.passed for check in verify(tmp_path / "job", silent))


@pytest.mark.parametrize(
    "wanted", ["enhancement.rate.output=23", "enhancement.rate.output=0", "enhancement.rate.speed=2"]
)
def test_an_impossible_rate_is_refused_with_what_can_be_had(tmp_path: Path, wanted: str) -> None:
    tape = make_tape(tmp_path / "tape.mkv", 4)
    with pytest.raises(ConfigError) as caught:
        jobs.open_job(tape, tmp_path / "job", (wanted,), Path("/dev/null"))
    assert "23.976" in str(caught.value) or "less than or equal to 1" in str(caught.value)
    assert taking_in.RECORD not in [path.name for path in (tmp_path / "job").rglob("*")]
