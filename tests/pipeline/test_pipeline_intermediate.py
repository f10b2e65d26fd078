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
from footlights.pipeline.rungs import ChunkRequest, Picture, encode_chunk
from footlights.settings import EncodingSettings

FRAMES = FrameRange(0, 10)


def chunk(video: Path, folder: Path, codec: str) -> tuple[ChunkEncode, bytes]:
    settings = EncodingSettings(heights=(144,), h264_height=144, target=85, probes=1)
    rung = next(one for one in ladder.rungs(320, 180, settings) if one.codec == codec)
    request = ChunkRequest(rung, FRAMES, (0,), Fraction(25), 320, 180, BT709_SIGNAL, 34.0, 1, grain="auto")
    folder.mkdir()
    made = encode_chunk(request, Picture(video, FRAMES), folder, lambda _: None)
    assert [path.name for path in folder.iterdir()] == ["chunk.mkv"]
    return made, (folder / "chunk.mkv").read_bytes()


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
    monkeypatch.setattr(encoders, "_RAW_MOST", 0)
    assert encoders.intermediate_suffix(10 * 256 * 144) == ".mkv"
    assert chunk(video, tmp_path / "packed", codec) == raw
