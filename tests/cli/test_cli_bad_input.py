"""Bad input: each refusal a paragraph with its exit code, each defect of a tape accounted for, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from commands import QUICK, clip, inside, program, report

from footlights.errors import SourceError
from made_tapes import take_in, texture
from tape_files import make, sound_of

FFV1 = ("-pix_fmt", "yuv420p", "-c:v", "ffv1", "-level", "3")
WIDE = "testsrc=s=352x288:r=25,format=yuv420p,setparams=color_primaries=bt2020:colorspace=bt2020nc"
"""Pictures tagged as those of HDR are, but for their transfer."""
CONCAT = b"ffconcat version 1.0\nfile other.ts\n"
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"
WRITTEN = {
    "text": b"Dear archive,\nthe tape is in the other box.\n" * 40,
    "program": Path(__file__).read_bytes(),
    "nothing": b"",
    "zeros": bytes(5000),
    "impossible raster": b"YUV4MPEG2 W100000 H100000 F25:1 It C420\nFRAME\n" + bytes(1000),
}
ENCODED = {
    "picture.png": ("testsrc=s=64x64", ()),
    "sound.wav": ("color=s=64x64", ("-map", "1", "-t", "0.1")),
    "wide.mkv": ("color=s=9000x16:r=25", FFV1),
    "tiny.mkv": ("color=s=8x8:r=25", FFV1),
}
AS_OWNER = (
    "import ctypes, os, sys; c = ctypes.CDLL(None); c.prctl(24, 1); c.prctl(24, 2); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Starts a program without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (PR_CAPBSET_DROP), so that permissions count even
where root runs the tests."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound MPEG-2 tape of 12 frames."""
    return make(tmp_path_factory.mktemp("whole") / "whole.mpg", 12)


@pytest.mark.parametrize("kind", [*WRITTEN, *ENCODED, "folder", "no file", "device"])
def test_what_is_no_tape_is_refused_with_code_3(tmp_path: Path, kind: str) -> None:
    tape = tmp_path / "tape.mpg"
    if kind in WRITTEN:
        tape.write_bytes(WRITTEN[kind])
    elif kind in ENCODED:
        source, options = ENCODED[kind]
        tape = clip(tmp_path / kind, source, 1, *options, sound=sound_of(25, Fraction(25)))
    elif kind == "folder":
        tape.mkdir()
    elif kind == "device":
        tape = Path("/dev/zero")
    error = inside("scan", tape, "-o", tmp_path / "job", "--json").refused(3)
    assert str(tape) in error["what"]
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("restore", "tape.ffconcat"),
        ("restore", "tape.mkv"),
        ("restore", "tape.m3u8"),
        ("restore", "tape.ts"),
        ("restore", "concat:other.ts|other.ts"),
        ("encode", "tape.mkv"),
        ("compare", "tape.mkv"),
        ("tape", "tape.mkv"),
    ],
)
def test_what_opens_other_files_is_refused_within_two_seconds(tmp_path: Path, command: str, name: str) -> None:
    os.mkfifo(tmp_path / "other.ts")  # whoever opens it waits for ever
    (tmp_path / "tape.mkv").write_bytes(CONCAT)
    (tmp_path / "tape.ffconcat").write_bytes(CONCAT)
    (tmp_path / "tape.ts").write_bytes(PLAYLIST)
    (tmp_path / "tape.m3u8").write_bytes(PLAYLIST)
    tape = name if name.startswith("concat:") else tmp_path / name
    second = [tape] if command == "compare" else ["-o", tmp_path / "made.mpg"]
    ended = program(command, tape, *second, "--json")
    error = ended.refused(3)
    assert name in error["what"]
    assert "busy" not in error["why"]
    assert ended.seconds < 2
    assert not (tmp_path / "made.mpg").exists()


@pytest.mark.parametrize("module", ["footlights.pipeline.probing", "footlights.cli.jobs"])
def test_what_looks_at_a_tape_imports_nothing_heavy(module: str) -> None:
    listing = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    heavy = {"cv2", "scipy", "openvino", "torch", "jinja2", "footlights.analysis.survey", "footlights.models.runtime"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("twentieth", range(20))
def test_truncated_anywhere_gives_what_survives_or_a_refusal(whole: Path, tmp_path: Path, twentieth: int) -> None:
    data = whole.read_bytes()
    cut = tmp_path / "cut.mpg"
    cut.write_bytes(data[: len(data) * twentieth // 20])
    try:
        record = take_in(cut, tmp_path / "in").ingest
    except SourceError:
        assert twentieth == 0, "only a stub of a file may be refused"
        return
    assert 0 < record.frames <= 12
    assert record.frames >= 10 or record.gaps or record.faults, "what is missing must be said"


@pytest.mark.parametrize(("share", "code"), [(0.0005, 3), (0.6, 0)])
def test_scan_of_a_truncated_tape_warns_or_refuses(whole: Path, tmp_path: Path, share: float, code: int) -> None:
    data = whole.read_bytes()
    cut = tmp_path / "cut.mpg"
    cut.write_bytes(data[: int(len(data) * share)])
    ended = inside("scan", cut, "-o", tmp_path / "job", *QUICK, "--json")
    assert ended.code == code, ended.stderr
    if code:
        ended.refused(code)
        return
    found = report(tmp_path / "job")
    assert 0 < found["frames_in"] < 12
    assert found["shots"][-1]["stop"] == found["frames_in"]
    assert any(gap["kind"] == "damaged" and gap["timecode"] for gap in found["gaps"])
    assert any("damaged" in warning for warning in ended.objects[-1]["warnings"])


def test_sound_without_a_sample_and_odd_sides_are_taken_as_they_are(tmp_path: Path) -> None:
    silence = ("-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "/dev/null")
    options = ("-map", "0", "-map", "1", "-pix_fmt", "yuv444p", "-c:v", "ffv1", "-c:a", "pcm_s16le")
    tape = clip(tmp_path / "odd.mkv", "testsrc=s=353x289:r=25", 6, *options, sound=silence)
    assert inside("scan", tape, "-o", tmp_path / "odd", *QUICK).code == 0
    source = report(tmp_path / "odd")["source"]
    assert (source["width"], source["height"]) == (353, 289)
    assert (source["audio"][0]["packets"], source["audio"][0]["start"]) == (0, None)


def test_pictures_too_small_to_tell_the_noise_of_their_colour_are_scanned(tmp_path: Path) -> None:
    tape = clip(tmp_path / "small.mkv", "testsrc=s=64x64:r=25", 3, *FFV1)
    ended = inside("scan", tape, "-o", tmp_path / "job", *QUICK)
    assert ended.code == 0, ended.stderr
    noise = report(tmp_path / "job")["shots"][0]["measured"]["noise"]
    assert (noise["cb_sigma"], noise["cr_sigma"]) == (0, 0)


def test_unknown_field_order_is_measured_and_said_to_be_assumed(tmp_path: Path) -> None:
    tape = tmp_path / "unknown.y4m"
    _write_y4m(tape, frames=20)
    ended = inside("scan", tape, "-o", tmp_path / "job", *QUICK, "--json")
    assert ended.code == 0, ended.stderr
    found = report(tmp_path / "job")
    assert found["field_order"] == "bottom-first"
    assert "field_order" in found["source"]["signal"]["assumed"]
    assert found["shots"][0]["measured"]["cadence"]["kind"] == "interlaced"


def test_a_foreign_folder_and_a_file_are_no_place_for_a_job(whole: Path, tmp_path: Path) -> None:
    foreign, file, link = tmp_path / "foreign", tmp_path / "file", tmp_path / "link"
    (foreign / "inner").mkdir(parents=True)
    file.write_text("precious")
    link.symlink_to(tmp_path / "elsewhere")
    for place in (foreign, file, link):
        error = inside("restore", whole, "-o", place, "--json").refused(2)
        assert error["code"] == "FTL-0203"
        assert str(place) in error["what"]
    assert [path.name for path in foreign.iterdir()] == ["inner"]
    assert file.read_text() == "precious"
    assert not (tmp_path / "elsewhere").exists()


def test_a_job_of_another_tape_is_left_alone(whole: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    inside("scan", whole, "-o", job, *QUICK, "--set", "engine.reserve=1e9")  # begun, and paused at once
    other = make(tmp_path / "other.mpg", 5)
    error = inside("scan", other, "-o", job, "--json").refused(6)
    assert "other.mpg" in error["what"]
    assert "whole.mpg" in error["why"]


def test_a_disk_without_room_pauses_and_the_same_command_goes_on(whole: Path, tmp_path: Path) -> None:
    """The reserve is disk that is never used; a larger one than there is leaves none."""
    job = tmp_path / "job"
    error = inside("scan", whole, "-o", job, *QUICK, "--set", "engine.reserve=1e9", "--json").refused(7)
    assert "GiB are free" in error["why"]
    assert "same command again" in error["remedy"]
    assert not (job / "report.html").exists()
    assert inside("scan", whole, "-o", job, "--set", "engine.reserve=0").code == 0
    assert (job / "report.html").exists()


@pytest.mark.parametrize(
    ("shell", "why"),
    [('ulimit -f 100; exec "$@"', "File too large"), ('exec "$@" > /dev/full', "No space left on device")],
    ids=["while frames are written", "while events are written"],
)
def test_a_disk_that_fills_up_pauses_and_the_same_command_goes_on(
    whole: Path, tmp_path: Path, shell: str, why: str
) -> None:
    """A limit on the size of files, which every file system has, and the device that is always full."""
    job = tmp_path / "job"
    command = ("scan", whole, "-o", job, *QUICK, "--json")
    ended = program(*command, prefix=("sh", "-c", shell, "sh"))
    assert ended.code == 7, ended.stderr
    assert "Traceback" not in ended.stderr
    assert why in ended.stderr
    assert "same command again" in ended.stderr
    assert not (job / "report.html").exists()
    assert inside(*command).code == 0


def test_without_permission_a_tape_is_refused_and_a_job_paused(whole: Path, tmp_path: Path) -> None:
    hidden, locked = tmp_path / "hidden.mpg", tmp_path / "locked"
    hidden.write_bytes(whole.read_bytes())
    locked.mkdir()
    hidden.chmod(0)
    locked.chmod(0o500)
    owner = (sys.executable, "-c", AS_OWNER)
    refused = program("scan", hidden, "-o", tmp_path / "job", "--json", prefix=owner).refused(3)
    assert "Permission denied" in refused["why"]
    paused = program("scan", whole, "-o", locked / "job", "--json", prefix=owner).refused(7)
    assert "Permission denied" in paused["why"]
    assert "permissions" in paused["remedy"]


def test_a_missing_extra_is_named_before_any_work(whole: Path, tmp_path: Path) -> None:
    """A package that cannot be imported stands for one that is not installed, whatever this machine has."""
    (tmp_path / "dlib.py").write_text("raise ImportError('no dlib here')\n")
    options = ("--set", "analysis.faces.detector=hog", "--json")
    ended = program("scan", whole, "-o", tmp_path / "job", *options, environment={"PYTHONPATH": str(tmp_path)})
    error = ended.refused(2)
    assert "dlib-bin" in error["what"]
    assert "pip install 'footlights[faces]'" in error["remedy"]
    assert not any(event["kind"] == "task-started" for event in ended.objects)


def test_a_wrong_look_table_is_refused_before_any_work(whole: Path, tmp_path: Path) -> None:
    table = tmp_path / "look.cube"
    table.write_text("LUT_3D_SIZE 2\n0 0 0\n", "utf-8")
    ended = inside("restore", whole, "-o", tmp_path / "job", "--set", f"enhancement.look.table={table}", "--json")
    error = ended.refused(2)
    assert error["code"] == "FTL-0206"
    assert "1 rows instead of 8" in error["why"]
    assert not any(event["kind"] == "task-started" for event in ended.objects)


@pytest.mark.parametrize("command", ["restore", "plan"])
@pytest.mark.parametrize(("curve", "words"), [("smpte2084", "HDR"), ("arib-std-b67", "HDR"), ("log100", "log curve")])
def test_hdr_and_log_are_refused_before_anything_is_written(
    tmp_path: Path, command: str, curve: str, words: str
) -> None:
    tape = clip(tmp_path / "bright.mkv", f"{WIDE}:color_trc={curve}", 3, *FFV1)
    error = inside(command, tape, "-o", tmp_path / "job", "--json").refused(3)
    assert words in error["what"]
    assert "convert it to SDR" in error["remedy"]
    assert not (tmp_path / "job").exists()


def test_a_scan_tells_of_hdr_and_its_job_is_not_restored(tmp_path: Path) -> None:
    tape = clip(tmp_path / "bright.mkv", f"{WIDE}:color_trc=smpte2084", 3, *FFV1)
    ended = inside("scan", tape, "-o", tmp_path / "job", *QUICK, "--json")
    assert ended.code == 0, ended.stderr
    assert any("No plan can be made" in text and "HDR" in text for text in ended.objects[-1]["warnings"])
    inside("restore", tmp_path / "job", "--json").refused(3)


def test_wide_primaries_without_a_transfer_are_warned_of(tmp_path: Path) -> None:
    tape = clip(tmp_path / "wide.mkv", WIDE, 3, *FFV1)
    ended = inside("scan", tape, "-o", tmp_path / "job", *QUICK, "--json")
    assert ended.code == 0, ended.stderr
    assert any("BT.2020" in text and "was assumed" in text for text in ended.objects[-1]["warnings"])


def test_a_rate_that_cannot_be_had_is_refused_before_the_survey(tmp_path: Path) -> None:
    """One picture a second: even if it had two fields, 60 of them at half the speed would be 60 for each."""
    tape = clip(tmp_path / "slow.mkv", "testsrc=s=64x64:r=1", 3, *FFV1)
    wanted = ("--set", "enhancement.rate.output=60", "--set", "enhancement.rate.speed=0.5")
    ended = inside("plan", tape, "-o", tmp_path / "job", *QUICK, *wanted, "--json")
    assert "1/4 to 40" in ended.refused(2)["why"]
    assert {event["task"] for event in ended.objects if event["kind"] == "task-started"} == {"ingest"}


def test_a_name_that_is_no_text_is_refused(whole: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/tape\xff.mpg"))
    odd.write_bytes(whole.read_bytes())
    error = inside("scan", odd, "-o", tmp_path / "job", "--json").refused(3)
    assert "rename" in error["remedy"]


def _write_y4m(path: Path, frames: int) -> None:
    """A moving texture, bottom field first, in a file that does not know it (`I?`)."""
    width, height = 352, 288
    scene = texture(3).astype("uint8")
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F25:1 I? C420\n".encode())
        for number in range(frames):
            early, late = (scene[40 : 40 + height, x : x + width] for x in (6 * number, 6 * number + 3))
            frame = late.copy()
            frame[1::2] = early[1::2]
            file.write(b"FRAME\n" + frame.tobytes() + bytes([128]) * (width * height // 2))
