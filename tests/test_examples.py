"""The examples run as a user would run them, on small tapes, and say what is true."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from footlights.core import records
from footlights.media import ffmpeg
from footlights.media.reader import index_video
from footlights.tape.truth import Truth
from made_tapes import PAL, interlaced, panned, texture, write_ffv1

EXAMPLES = Path(__file__).parents[1] / "examples"
FRAMES, CUT = 40, 20


def run(name: str, *arguments: object) -> str:
    """What an example prints."""
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two interlaced scenes."""
    scenes = texture(1), texture(7)
    frames = interlaced(lambda field: panned(scenes[field >= 2 * CUT], field), FRAMES)
    return write_ffv1(tmp_path_factory.mktemp("examples") / "tape.mkv", frames, order="tff")


def test_shots_are_listed_and_gaps_read(tape: Path, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    lines = run("list_shots.py", tape, folder, "analysis.faces.enabled=false").splitlines()
    assert lines[0].startswith(f"shot 0: frames 0 to {CUT}, at 00:00:00:00, by start: interlaced")
    assert lines[1].startswith(f"shot 1: frames {CUT} to {FRAMES}, at 00:00:00:20, by cut: interlaced")
    assert len(lines) == 2

    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert f"{FRAMES} frames in" in run("list_gaps.py", folder / "report.json")
    frames = {"start": 10, "stop": 12}
    report["time_map"] = {"out_rate": "50", "spans": [{"out": frames, "kind": "interpolated"}]}
    report["interventions"] = [{"frames": frames, "kind": "gaps.rebuild"}] * 2
    (tmp_path / "report.json").write_text(json.dumps(report), "utf-8")
    told = run("list_gaps.py", tmp_path / "report.json").splitlines()
    assert told[-3:] == [
        "no gaps found",
        "interpolated at 0.20 s: frames 10 to 12",
        f"gaps.rebuild: 2 of {2 * FRAMES} frames touched",
    ]


def test_range_is_restored_at_field_rate(tape: Path, tmp_path: Path) -> None:
    out = tmp_path / "restored.mkv"
    assert run("restore_range.py", tape, 3, 6, out, 240) == "6 pictures\n"
    found = index_video(out)
    assert (found.codec, found.frames, found.rate) == ("ffv1", 6, 2 * PAL)
    assert (found.width, found.height, found.pixel_format) == (320, 240, "yuv420p10le")


def test_clip_is_worn(tmp_path: Path) -> None:
    clip, worn = tmp_path / "clip.mkv", tmp_path / "worn.mkv"
    source = ["-f", "lavfi", "-i", "testsrc2=s=768x576:r=50", "-frames:v", "16", "-c:v", "ffv1"]
    ffmpeg.run([*source, ffmpeg.file_url(clip)], doing="making a clip")
    told = run("wear_a_clip.py", clip, worn, 3)
    truth = records.read(Truth, tmp_path / "worn.mkv.truth.json")
    assert (truth.seed, truth.preset, truth.frames) == (3, "heavy", index_video(worn).frames)
    assert f"{truth.frames} frames at 25 a second, top-first" in told
    assert f"sigma {truth.noise.luma_sigma:.2f}" in told
    assert told.count("dropout in field") == min(len(truth.dropouts), 10)
    assert index_video(worn).rate == Fraction(25)
