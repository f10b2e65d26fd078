"""A proxy says where a search begins, where it is worth its time; what is shipped is a trial."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import encoders, ladder
from footlights.encoding.search import Goal, foreseen, slope_at
from footlights.media import ffmpeg
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.proxies import LEAST_LINES, worthwhile
from footlights.pipeline.rungs import encode_chunk
from footlights.settings import EncodingSettings

FRAMES = FrameRange(0, 10)
SIZE = (426, 240)


def request(**changes: Any) -> ChunkRequest:
    settings = EncodingSettings(heights=(240,), h264_height=0, target=88, preset=9)
    (rung,) = ladder.rungs(*SIZE, settings)
    plain = ChunkRequest(rung, FRAMES, (0,), Fraction(25), *SIZE, BT709_SIGNAL, 55.0, 5, slope=slope_at(88, 9))
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("rung", "changes"),
    [
        ({"height": LEAST_LINES - 2}, {}),
        ({"preset": "10"}, {}),
        ({"codec": "h264", "preset": "fast"}, {}),
        ({}, {"prior": "rendition"}),
        ({}, {"q": 30.0}),
    ],
)
def test_no_proxy_is_made_where_trials_are_quick_or_more_is_known(
    rung: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert worthwhile(request())
    assert worthwhile(request(prior="shots"))
    assert not worthwhile(request(rung=replace(request().rung, **rung), **changes))


@pytest.mark.parametrize("doubling", [8.0, 20.0])
def test_where_the_loss_doubles_as_expected_one_look_tells_the_target(doubling: float) -> None:
    goal = Goal(93, 0.0, 6, 60, 0.25, 1)
    for q in (20.0, 33.0, 41.0):
        score = 100 - 7 * 2 ** ((q - 33) / doubling)
        assert foreseen(goal, q, score, slope_at(93, doubling)) == pytest.approx(33)


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Ten pictures with something that moves, and noise."""
    video = tmp_path / "a.mkv"
    source = ["-f", "lavfi", "-i", f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r=25", "-frames:v", str(len(FRAMES))]
    tail = ["-vf", "boxblur=1,noise=c0s=6:c0f=t", *encoders.lossless_intermediate()[2:], ffmpeg.file_url(video)]
    ffmpeg.run([*source, *tail], doing="making a video")
    return Picture(video, FRAMES)


def test_a_search_with_a_wrong_guess_begins_where_the_proxy_says(picture: Picture, tmp_path: Path) -> None:
    """The first trial is far nearer than the guess, and the chunk is a trial of full size."""
    folder = tmp_path / "made"
    folder.mkdir()
    made = encode_chunk(request(), picture, folder, lambda _: None)
    assert [path.name for path in folder.iterdir()] == ["chunk.mkv"]
    assert made.proxy is not None
    assert made.proxy.why == "proxy"
    assert made.proxy not in made.probes
    assert made.outcome == "reached"
    assert abs(made.probes[0].q - made.chosen.q) < abs(55 - made.chosen.q) / 2
    assert (folder / "chunk.mkv").stat().st_size == made.chosen.bytes
    without = encode_chunk(request(prior="rendition"), picture, tmp_path, lambda _: None)
    assert without.proxy is None
    assert without.probes[0].q == 55


def test_where_the_target_is_but_a_floor_more_is_accepted(picture: Picture, tmp_path: Path) -> None:
    lenient = request(prior="rendition", guess=37.0, lenience=6.0)
    floor = encode_chunk(lenient, picture, tmp_path, lambda _: None)
    assert floor.outcome == "reached"
    assert len(floor.probes) == 1
    assert floor.target + 1 < floor.chosen.score <= floor.target + 6.45
