"""A cheap guard of what the stream's encoder makes: XPSNR of a tiny clip by the filter that PyAV carries."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph

from footlights.encoding.encoders import SvtAv1
from footlights.media import ffmpeg
from footlights.metrics.comparison import compare

RATE = Fraction(25)
FRAMES, WIDTH, HEIGHT = 24, 320, 180
MOST_BYTES, LEAST_XPSNR = 47_000, 33.9


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test picture that moves, a little softened and with light noise of a fixed seed."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    picture = f"testsrc2=s={WIDTH}x{HEIGHT}:r=25,gblur=0.7,noise=all_seed=1:alls=4:allf=t,format=yuv420p10le"
    tail = ["-frames:v", str(FRAMES), "-c:v", "ffv1", ffmpeg.file_url(path)]
    ffmpeg.run(["-f", "lavfi", "-i", picture, *tail], doing="making a clip")
    return path


def encoded(clip: Path, q: float, path: Path) -> Path:
    """By the ladder's encoder, at a quick preset."""
    encoder = SvtAv1(preset=10)
    arguments = [*ffmpeg.input_arguments(clip, RATE), *encoder.arguments(q, (0,), RATE), ffmpeg.file_url(path)]
    ffmpeg.run(arguments, doing="encoding a clip")
    return path


def xpsnr(reference: Path, test: Path) -> list[float]:
    """XPSNR of luma in dB, frame by frame, by PyAV alone; in 8 bits, as the filter misreads padded lines of 10."""
    graph = Graph()
    where = f"video_size={WIDTH}x{HEIGHT}:pix_fmt=yuv420p:time_base=1/25:pixel_aspect=1/1"
    sources = [graph.add("buffer", where, name=name) for name in ("reference", "test")]
    measure, sink = graph.add("xpsnr"), graph.add("buffersink")
    for place, source in enumerate(sources):
        source.link_to(measure, 0, place)
    measure.link_to(sink)
    graph.configure()
    found = []
    with av.open(str(reference)) as first, av.open(str(test)) as second:
        for number, pair in enumerate(zip(first.decode(video=0), second.decode(video=0), strict=True)):
            for source, frame in zip(sources, pair, strict=True):
                shown = frame.reformat(format="yuv420p")
                shown.pts, shown.time_base = number, 1 / RATE
                source.push(shown)
            found.append(float(sink.pull().metadata["lavfi.xpsnr.xpsnr.y"]))
    return found


def test_a_clip_is_as_good_for_its_bytes_as_it_was(clip: Path, tmp_path: Path) -> None:
    """An encoder, a preset or an argument that changed for the worse falls below one of the two limits."""
    made = encoded(clip, 30, tmp_path / "30.mkv")
    values = xpsnr(clip, made)
    assert len(values) == FRAMES
    assert made.stat().st_size <= MOST_BYTES
    assert np.mean(values) >= LEAST_XPSNR
    coarse = encoded(clip, 50, tmp_path / "50.mkv")
    assert coarse.stat().st_size < made.stat().st_size / 2
    assert np.mean(xpsnr(clip, coarse)) < np.mean(values) - 2


def test_two_builds_of_the_filter_say_the_same(clip: Path, tmp_path: Path) -> None:
    """PyAV's and the ffmpeg program's, which `footlights compare` shows; and equal pictures have no finite value."""
    made = encoded(clip, 40, tmp_path / "40.mkv")
    shown = {name: mean for name, mean, _, _ in compare(made, clip, RATE, width=WIDTH, height=HEIGHT).rows}
    assert np.mean(xpsnr(clip, made)) == pytest.approx(shown["XPSNR Y (dB)"], abs=0.05)
    assert xpsnr(clip, clip) == [np.inf] * FRAMES
