"""`footlights premiere`: times, cost, serving as a program of its own, and what is refused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from made_programmes import synthetic

from footlights.cli.ending import run
from footlights.config import child_environment
from footlights.errors import UsageError
from footlights.premiere import cost


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert run(["premiere", *map(str, arguments)]) in (2, 3)
    return capsys.readouterr().err


def test_the_cost_of_a_constant_rate_is_that_rate() -> None:
    """1000 segments of 4.004 s beside sound: windows differ little, and the sum is right."""
    programme = synthetic([240] * 1000)
    found = cost.estimate(programme)
    total = sum(sum(track.sizes) for track in programme.tracks)
    assert found.average * found.seconds / 8 == pytest.approx(total, rel=1e-3)
    assert found.gigabytes_per_viewer_hour == pytest.approx(found.average * 3600 / 8e9)
    assert found.total_terabytes(1000) == pytest.approx(total * 1000 / 1e12, rel=1e-3)
    assert found.window_average <= found.window_p95 <= found.window_peak < found.window_average * 1.1
    assert [share.rendition for share in found.shares] == ["av1-144"]
    with pytest.raises(UsageError, match="mix of lines"):
        cost.estimate(programme, ((25.0, 0.0),))


def test_dry_run_says_when_and_how_much_and_writes_nothing(stream: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(stream.parent.iterdir())
    assert run(["premiere", str(stream), "--at", "2026-12-31T20:00:00+01:00", "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["start"], found["end"]) == ("2026-12-31T19:00:00.000Z", "2026-12-31T19:00:10.000Z")
    assert found["parts"][0]["gigabytes_per_viewer_hour"] > 0
    assert sorted(stream.parent.iterdir()) == before
    assert run(["premiere", str(stream), "--at", "+5", "--dry-run", "--mix", "5:1"]) == 0
    assert "95th percentile" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--at", "2026-12-31T20:00:00"), "time zone"),
        (("--at", "tomorrow"), "no time"),
        (("--at", "+soon"), "no number of seconds"),
        (("--at", "1970-01-01T00:00:00Z"), "before 1980"),
        (("--at", "+5", "--lobby", "nan"), "no number"),
        (("--at", "+5", "--window", "3"), "three segments"),
        (("--at", "+5", "--dry-run", "--mix", "fast"), "RATE:SHARE"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    stream: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(capsys, stream, *arguments)


def test_folders_that_do_not_fit_are_refused(stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no finished stream" in refused(capsys, tmp_path, "--at", "+5")
    assert "holds no player" in refused(capsys, stream, "--at", "+5", "--players", tmp_path)
    assert "lies in" in refused(capsys, stream, "--at", "+5", "--publish", stream / "web")
    (tmp_path / "other").write_text("x")
    assert "not empty" in refused(capsys, stream, "--at", "+5", "--publish", tmp_path)


def test_a_past_premiere_is_published_as_video_on_demand(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = tmp_path / "web"
    arguments = ["--at", "2026-01-01T00:00:00Z", "--publish", str(web), "--work", str(tmp_path / "work")]
    assert run(["premiere", str(stream), *arguments]) == 0
    assert "as video on demand" in capsys.readouterr().out
    assert "PLAYLIST-TYPE:VOD" in (web / "av1-64.m3u8").read_text("utf-8")
    assert (web / "1" / "av1-64" / "00001.m4s").read_bytes() == (stream / "av1-64" / "00001.m4s").read_bytes()
    shutil.rmtree(web)


def test_it_serves_as_a_program_until_interrupted(stream: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "footlights",
        "premiere",
        str(stream),
        "--at",
        "2026-01-01T00:00:00Z",
        "--port",
        "0",
        "--json",
    ]
    process = subprocess.Popen(
        [*command, "--work", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=child_environment(),
    )  # fmt: skip
    try:
        place = json.loads(process.stdout.readline())["place"]
        with urllib.request.urlopen(f"{place}av1-64.m3u8", timeout=30) as answer:
            assert answer.read().endswith(b"#EXT-X-ENDLIST\n")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "no longer served" in said
    assert "Traceback" not in said
