"""Temporary copies of a chunk's pictures: raw or packed, the same encode comes out, and nothing of them stays."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from footlights.core.encodes import ChunkEncode
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import encoders, ladder
from footlights.media import ffmpeg
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.rungs import encode_chunk
from footlights.settings import EncodingSettings

FRAMES = FrameRange(0, 10)


def chunk(video: Path, folder: Path, codec: str, size: tuple[int, int] = (320, 180)) -> tuple[ChunkEncode, bytes]:
    settings = EncodingSettings(heights=(144,), h264_height=144, target=85, probes=1)
    rung = next(one for one in ladder.rungs(*size, settings) if one.codec == codec)
    request = ChunkRequest(rung, FRAMES, (0,), Fraction(25), *size, BT709_SIGNAL, 34.0, 1, grain="auto")
    folder.mkdir()
    made = encode_chunk(request, Picture(video, FRAMES), folder, lambda _: None)
    assert [path.name for path in folder.iterdir()] == ["chunk.mkv"]
    return made, (folder / "chunk.mkv").read_bytes()


def test_a_whole_file_of_the_same_size_is_copied_raw_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials read raw pictures, or the file itself where those would be too many; the same comes out."""
    video = tmp_path / "a.mkv"
    pictures = ["-f", "lavfi", "-i", "mandelbrot=s=256x144:r=25", "-frames:v", str(len(FRAMES))]
    tail = [*encoders.lossless_intermediate(), ffmpeg.file_url(video)]
    ffmpeg.run([*pictures, *tail], doing="making a video")
    before = video.read_bytes()
    raw = chunk(video, tmp_path / "raw", "av1", (256, 144))
    monkeypatch.setattr(encoders, "_raw_most", lambda: 0)
    assert chunk(video, tmp_path / "itself", "av1", (256, 144)) == raw
    assert video.read_bytes() == before


@pytest.mark.parametrize("codec", ["av1", "h264"])
def test_raw_and_packed_pictures_give_the_same_encode(
    tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = tmp_path / "a.mkv"
    noisy = "mandelbrot=s=320x180:r=25,boxblur=3,format=yuv420p,noise=c0s=16:c0f=t"
    ffmpeg.run(
        ["-f", "lavfi", "-i", noisy, "-frames:v", str(len(FRAMES)), "-c:v", "ffv1", ffmpeg.file_url(video)],
        doing="making a video",
    )
    assert encoders.intermediate_suffix(10 * 256 * 144) == ".nut"
    raw = chunk(video, tmp_path / "raw", codec)
    monkeypatch.setattr(encoders, "_raw_most", lambda: 0)
    assert encoders.intermediate_suffix(10 * 256 * 144) == ".mkv"
    assert chunk(video, tmp_path / "packed", codec) == raw
