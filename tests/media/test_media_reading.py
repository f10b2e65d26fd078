"""Reading: every frame of every format, exactly by number; what is no tape is refused at once."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from footlights.core.time import FrameRange
from footlights.errors import SourceError, ToolError
from footlights.media import ffmpeg
from footlights.media.lossless import frame_digest
from footlights.media.pixels import layout, new_frame, plane_views
from footlights.media.reader import VideoReader, index_video
from footlights.media.tape import TapePicture, TapeSound, open_tape
from tape_files import make, make_dv


def _reference_frames(path: Path, tmp_path: Path) -> list[str]:
    """Frame hashes of the ffmpeg program."""
    out = tmp_path / "frames.txt"
    ffmpeg.run(
        [*ffmpeg.input_arguments(path), "-map", "0:v", "-fps_mode", "passthrough", "-f", "framehash", str(out)],
        doing="hashing",
    )
    return [line.split(",")[-1].strip() for line in out.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("suffix", ["mpg", "ts", "mkv", "mov", "avi", "mp4"])
def test_every_frame_is_decoded_also_those_the_decoder_holds_back(tmp_path: Path, suffix: str) -> None:
    tape = make(tmp_path / f"tape.{suffix}", 23)
    with open_tape(tape) as opened:
        items = list(opened.read())
    pictures = [item for item in items if isinstance(item, TapePicture)]
    assert len(pictures) == 23 == len(_reference_frames(tape, tmp_path))
    assert any(isinstance(item, TapeSound) for item in items)
    assert [picture.messages for picture in pictures] == [()] * 23


@pytest.mark.parametrize("suffix", ["mpg", "mkv", "mp4"])
def test_reading_by_number_equals_reading_in_order(tmp_path: Path, suffix: str) -> None:
    tape = make(tmp_path / f"tape.{suffix}", 40, sound=False)
    index = index_video(tape)
    with VideoReader(tape, index) as reader:
        whole = [frame_digest(picture.planes) for picture in reader.read(FrameRange(0, index.frames))]
    assert len(whole) == 40
    assert len(set(whole)) == 40
    rng = np.random.default_rng(1)
    with VideoReader(tape, index) as reader:
        for _ in range(12):
            start = int(rng.integers(0, 40))
            frames = FrameRange(start, min(start + int(rng.integers(1, 6)), 40))
            assert [frame_digest(p.planes) for p in reader.read(frames)] == whole[frames.start : frames.stop]


def test_reading_past_the_end_is_an_error_not_a_short_answer(tmp_path: Path) -> None:
    tape = make(tmp_path / "tape.mkv", 5, sound=False)
    with VideoReader(tape) as reader, pytest.raises(ToolError):
        list(reader.read(FrameRange(3, 9)))


def test_opencv_would_have_returned_stale_frames() -> None:
    """The trap that decides who may decode: nothing here uses cv2.VideoCapture."""
    source = Path(__file__).parents[2] / "src"
    users = [path for path in source.rglob("*.py") if "VideoCapture(" in path.read_text("utf-8")]
    assert users == []
    assert hasattr(cv2, "VideoCapture")


def test_dv_is_four_one_one_and_its_field_order_is_not_in_the_file(tmp_path: Path) -> None:
    with open_tape(make_dv(tmp_path / "tape.avi")) as opened:
        facts = opened.facts.video
    assert (facts.codec, facts.pixel_format, facts.width, facts.height) == ("dvvideo", "yuv411p", 720, 480)
    assert facts.field_order == "unknown"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.mkv", b"ffconcat version 1.0\nfile other.mkv\n"),
        ("list.mp4", b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"),
        ("noise.mpg", bytes(np.random.default_rng(0).integers(0, 256, 200_000, dtype=np.uint8))),
        ("text.avi", b"just some words\n" * 50),
        ("empty.mov", b""),
        ("session.sdp", b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n"),
        ("pattern%03d.png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    ],
)
def test_what_is_no_tape_is_refused_within_two_seconds(tmp_path: Path, name: str, content: bytes) -> None:
    make(tmp_path / "other.mkv", 3, sound=False)
    path = tmp_path / name
    path.write_bytes(content)
    before = time.monotonic()
    with pytest.raises(SourceError) as caught:
        open_tape(path)
    assert time.monotonic() - before < 2
    assert caught.value.exit_code == 3
    assert name in str(caught.value)


def test_folders_missing_files_and_protocols_are_no_tapes(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.mpg", Path("concat:a.mpg|b.mpg"), Path("http://localhost/x.mp4")):
        with pytest.raises(SourceError):
            open_tape(path)


def test_a_file_called_like_a_protocol_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tape = make(tmp_path / "tape.mkv", 3, sound=False)
    odd = tmp_path / "concat:a|b.mkv"
    tape.rename(odd)
    monkeypatch.chdir(tmp_path)
    with open_tape(Path("concat:a|b.mkv")) as opened:
        assert sum(isinstance(item, TapePicture) for item in opened.read()) == 3


@pytest.mark.parametrize("name", ["yuv420p", "yuv411p", "yuv422p10le", "yuv444p16le", "gray", "bgr0"])
def test_planes_of_odd_sizes_survive_the_way_into_a_frame_and_back(name: str) -> None:
    kind = layout(name)
    rng = np.random.default_rng(2)
    dtype, peak = (np.uint16, 2**kind.bits) if kind.bits > 8 else (np.uint8, 256)
    chroma = (-(-45 // kind.chroma_height_ratio), -(-67 // kind.chroma_width_ratio))
    if kind.rgb:
        pytest.skip("packed pictures are converted by swscale, not by hand")
    shapes = [(45, 67)] + [chroma] * (kind.planes - 1)
    planes = tuple(rng.integers(0, peak, shape).astype(dtype) for shape in shapes)
    back = plane_views(new_frame(planes, name), kind)
    assert all((a == b).all() for a, b in zip(planes, back, strict=True))
