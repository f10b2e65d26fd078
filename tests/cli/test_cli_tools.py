"""`compare`, `tape` and `stills` on tiny videos."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import clip, inside

from footlights.core import records
from footlights.tape.truth import Truth

FFV1 = ("-pix_fmt", "yuv420p", "-c:v", "ffv1", "-level", "3")
METRICS = ["VMAF-NEG", "VMAF v1", "PSNR Y (dB)", "PSNR Cb (dB)", "PSNR Cr (dB)", "SSIM", "XPSNR Y (dB)"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean one, a worse copy at half the size, and one a frame shorter; 352 samples a line, which FFmpeg pads."""
    folder = tmp_path_factory.mktemp("videos")
    clip(folder / "[red]clean.mkv", "testsrc2=s=352x288:r=25", 6, *FFV1)
    clip(folder / "worse.mkv", "testsrc2=s=352x288:r=25,scale=176:144", 6, *FFV1)
    clip(folder / "short.mkv", "testsrc2=s=352x288:r=25", 5, *FFV1)
    clip(folder / "fields.mkv", "testsrc2=s=720x576:r=50", 6, *FFV1)
    return folder


def test_a_video_is_like_itself_in_every_metric(videos: Path) -> None:
    clean = videos / "[red]clean.mkv"
    (found,) = inside("compare", clean, clean, "--json").objects
    assert (found["schema"], found["kind"]) == (1, "comparison")
    assert (found["frames"], found["width"], found["height"]) == (6, 352, 288)
    assert list(found["metrics"]) == METRICS
    assert found["notes"] == []
    worst = {name: row["worst"] for name, row in found["metrics"].items()}
    assert worst["VMAF-NEG"] > 95
    assert worst["VMAF v1"] > 95
    assert worst["SSIM"] == 1
    assert all(worst[name] == 72 for name in METRICS if "dB" in name), "the cap of 10-bit PSNR"


def test_worse_is_less_and_the_table_says_so(videos: Path) -> None:
    clean, worse = videos / "[red]clean.mkv", videos / "worse.mkv"
    ended = inside("compare", clean, worse)
    assert (ended.code, ended.stderr) == (0, "")
    assert "worse.mkv against [red]clean.mkv: 6 frames at 352×288" in ended.stdout
    rows = [line for line in ended.stdout.splitlines() if any(f" {name} " in line for name in METRICS)]
    assert len(rows) == len(METRICS)
    values = [[float(cell) for cell in row.split("│")[2:5]] for row in rows]
    assert all(worst <= low <= mean for mean, low, worst in values)
    assert all(10 < mean < 50 for name, (mean, *_) in zip(METRICS, values, strict=True) if "dB" in name)


def test_videos_of_unlike_length_are_not_compared(videos: Path) -> None:
    error = inside("compare", videos / "[red]clean.mkv", videos / "short.mkv", "--json").refused(2)
    assert "6 frames" in error["what"]
    assert "5" in error["what"]


def test_tape_writes_a_tape_with_its_truth_and_overwrites_neither(videos: Path, tmp_path: Path) -> None:
    tape, truth = tmp_path / "made.mkv", tmp_path / "made.mkv.truth.json"
    command = ("tape", videos / "fields.mkv", "-o", tape, "--preset", "light", "--seed", "7", "--json")
    ended = inside(*command)
    assert ended.code == 0, ended.stderr
    *going, result = ended.objects
    assert [(one["kind"], one["frames"]) for one in going] == [("progress", 1), ("progress", 2), ("progress", 3)]
    assert (result["kind"], result["tape"], result["truth"], result["frames"]) == ("result", str(tape), str(truth), 3)
    assert records.read(Truth, truth).frames == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.mkv", "made.mkv.truth.json"]
    before = tape.read_bytes()
    for taken in (tape, truth):
        error = inside(*command).refused(2)
        assert (error["code"], error["what"]) == ("FTL-0203", f"{taken} exists")
        assert tape.exists() is (taken == tape)
        if taken == tape:
            assert tape.read_bytes() == before
        tape.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--preset", "heavi", "'heavy'"),
        ("--preset", "zzz", "light"),
        ("--standard", "secam", "pal"),
        ("--field-order", "top", "'top-first'"),
        ("--scan", "interlacd", "'interlaced'"),
        ("--codec", "betamax", "mpg"),
    ],
)
def test_what_no_tape_can_be_is_refused_with_what_it_could_be(
    videos: Path, tmp_path: Path, option: str, value: str, why: str
) -> None:
    error = inside("tape", videos / "fields.mkv", "-o", tmp_path / "made.mpg", option, value, "--json").refused(2)
    assert why in f"{error['why']} {error['remedy']}"
    assert list(tmp_path.iterdir()) == []
