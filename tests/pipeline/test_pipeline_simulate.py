"""Tapes made from clean video, and the sample of the demo."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from footlights.core import records
from footlights.errors import OutputExistsError, SourceError, UsageError
from footlights.media import ffmpeg
from footlights.pipeline.simulate import TapeChoice, make_tape
from footlights.tape.truth import Truth


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of 50p with sound."""
    path = tmp_path_factory.mktemp("clean") / "clean.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=s=768x576:r=50:d=0.5", "-f", "lavfi", "-i", "sine=440:r=48000:d=0.5"]
    tail = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", ffmpeg.file_url(path)]
    ffmpeg.run([*source, *tail], doing="making a clip")
    return path


def untold(frames: int) -> None:
    """Progress nobody listens to."""


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [("a.mpg", "mpeg2video", "yuv420p"), ("a.avi", "dvvideo", "yuv420p"), ("a.mkv", "ffv1", "yuv422p")],
)
def test_tape_is_of_the_real_format(clean: Path, tmp_path: Path, name: str, codec: str, form: str) -> None:
    made = make_tape(clean, tmp_path / name, TapeChoice(seed=3), untold)
    with av.open(str(made.tape)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.codec_context.name) == (720, 576, codec)
        assert stream.pix_fmt == form
        assert sum(1 for _ in container.decode(stream)) == 12
    with av.open(str(made.tape)) as container:
        rate = container.streams.video[0].average_rate
        assert rate is None or rate == Fraction(25)
        assert container.streams.audio
    truth = records.read(Truth, made.truth_file)
    assert truth == made.truth


def test_same_seed_same_bytes(clean: Path, tmp_path: Path) -> None:
    first = make_tape(clean, tmp_path / "a.mkv", TapeChoice(preset="heavy", seed=5), untold)
    again = make_tape(clean, tmp_path / "b.mkv", TapeChoice(preset="heavy", seed=5), untold)
    other = make_tape(clean, tmp_path / "c.mkv", TapeChoice(preset="heavy", seed=6), untold)
    assert first.tape.read_bytes() == again.tape.read_bytes()
    assert first.tape.read_bytes() != other.tape.read_bytes()


def test_a_progressive_tape_shows_every_picture_of_a_video_of_its_rate(clean: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow.mkv"
    ffmpeg.run(
        [*ffmpeg.input_arguments(clean), "-vf", "fps=25", "-c:v", "ffv1", ffmpeg.file_url(slow)], doing="half of it"
    )
    for name, source in (("slow.avi", slow), ("fast.avi", clean)):
        made = make_tape(source, tmp_path / name, TapeChoice(preset="light", scan="progressive"), untold)
        assert made.truth.frames == 13
        assert made.notes == ()


def test_nothing_is_overwritten(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mpg").write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        make_tape(clean, tmp_path / "a.mpg", TapeChoice(), untold)
    assert (tmp_path / "a.mpg").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("choice", "name"),
    [(TapeChoice(preset="hevy"), "a.mpg"), (TapeChoice(codec="h264"), "a.mpg"), (TapeChoice(), "a.xyz"),
     (TapeChoice(standard="secam"), "a.mpg"), (TapeChoice(scan="woven"), "a.mpg")],
)  # fmt: skip
def test_impossible_choice_is_told(clean: Path, tmp_path: Path, choice: TapeChoice, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_tape(clean, tmp_path / name, choice, untold)
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_small_video_is_told(tmp_path: Path) -> None:
    """Enlarging it would make a softer tape than the preset claims."""
    clip = tmp_path / "small.mkv"
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=50:d=0.2"]
    ffmpeg.run([*source, "-c:v", "ffv1", ffmpeg.file_url(clip)], doing="making a clip")
    with pytest.raises(UsageError, match="320×240"):
        make_tape(clip, tmp_path / "a.mpg", TapeChoice(), untold)


def test_no_video_no_tape(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no video")
    with pytest.raises(SourceError):
        make_tape(tmp_path / "a.txt", tmp_path / "a.mpg", TapeChoice(), untold)
