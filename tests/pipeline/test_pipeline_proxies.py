"""A proxy says where a search begins, where it is worth its time; what is shipped is a trial."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footlights.core.encodes import Probe
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import encoders, ladder
from footlights.encoding.search import Goal, Prior, foreseen, slope_at
from footlights.media import ffmpeg
from footlights.metrics.video import Scores, vmaf
from footlights.pipeline.chunks import ChunkRequest, Picture, encode
from footlights.pipeline.proxies import LEAST_LINES, Start, begin, shown, slope_after, worthwhile
from footlights.pipeline.rungs import _solve, _told, encode_chunk
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


def test_what_a_first_trial_takes_beside_its_proxy_bends_the_slope() -> None:
    """Many bytes for the score are grain: quality falls faster than was expected, and slower where they are few."""
    asked = request()
    start = Start(Prior(30.0, asked.slope), Probe(30.0, 10_000, 87.0, 85.0, 80.0))
    same = slope_after(asked, start, Probe(30.0, 22_000, 87.0, 85.0, 80.0))
    assert same == pytest.approx(asked.slope * 2**0.21)
    grain = slope_after(asked, start, Probe(30.0, 44_000, 87.0, 85.0, 80.0))
    assert grain == pytest.approx(asked.slope * 2**0.62)
    # Worse at the same bytes: it would take more of them for the score of the proxy.
    assert slope_after(asked, start, Probe(30.0, 22_000, 80.0, 78.0, 70.0)) < same
    assert slope_after(asked, start, Probe(30.0, 9_000, 87.0, 85.0, 80.0)) > asked.slope
    assert slope_after(asked, start, Probe(30.0, 10**9, 87.0, 85.0, 80.0)) == pytest.approx(2 * asked.slope)


def test_no_slope_is_bent_where_nothing_tells_how() -> None:
    first, proxy = Probe(30.0, 90_000, 87.0, 85.0, 80.0), Probe(30.0, 10_000, 87.0, 85.0, 80.0)
    asked = request()
    assert slope_after(asked, Start(Prior(30.0, asked.slope)), first) == asked.slope
    start = Start(Prior(30.0, asked.slope), proxy)
    assert slope_after(replace(asked, slack=4.0), start, first) == asked.slope
    assert slope_after(request(rung=replace(asked.rung, height=1440)), start, first) == asked.slope


def test_grain_is_told_from_still_and_clean_pictures_by_a_trial_and_its_proxy(tmp_path: Path) -> None:
    """The same moving picture with noise and without, really encoded."""
    bent = []
    for name, noise in (("grain", ",noise=c0s=14:c0f=t"), ("clean", "")):
        video = tmp_path / f"{name}.mkv"
        source = ["-f", "lavfi", "-i", f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r=25,boxblur=1{noise}", "-frames:v", "10"]
        ffmpeg.run([*source, *encoders.lossless_intermediate(), ffmpeg.file_url(video)], doing="making a video")
        asked = request(guess=35.0)
        start, made = begin(asked, video, tmp_path), tmp_path / "made.mkv"
        encode(asked, encoders.SvtAv1(9), start.prior.q, video, made)
        scores = vmaf(made, video, asked.rate, height=SIZE[1], frames=10)
        first = Probe(start.prior.q, made.stat().st_size, scores.mean, scores.low, scores.worst)
        bent.append(slope_after(asked, start, first) / asked.slope)
    assert bent[0] > 1.2 * bent[1]


def test_a_proxy_is_the_first_half_but_not_too_little() -> None:
    assert [shown(count) for count in (1, 10, 24, 30, 47, 48, 49, 96, 151)] == [1, 10, 24, 24, 24, 24, 25, 48, 76]
    assert [shown(count, whole=True) for count in (1, 24, 71, 73, 96, 151)] == [1, 24, 24, 25, 32, 51]


def test_a_long_chunk_is_looked_at_in_its_first_half(tmp_path: Path) -> None:
    """The second half, which is black, changes nothing of what the first says."""
    begun = []
    for still in (0, 26):
        video = tmp_path / f"{still}.mkv"
        black = f"drawbox=enable=gte(n\\,{52 - still}):t=fill:color=black"
        source = ["-f", "lavfi", "-i", f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r=25,{black}", "-frames:v", "52"]
        ffmpeg.run([*source, *encoders.lossless_intermediate(), ffmpeg.file_url(video)], doing="making a video")
        begun.append(begin(request(frames=FrameRange(0, 52)), video, tmp_path).proxy)
    assert begun[0] is not None
    assert begun[0] == begun[1]


def test_a_proxy_of_many_lines_is_the_first_third_of_what_its_trials_are(tmp_path: Path) -> None:
    """At its size, by its encoder, judged as on a 4K screen: half the size would have no grain."""
    settings = EncodingSettings(heights=(1440,), h264_height=0, preset=9)
    (rung,) = ladder.rungs(64, 1440, settings)
    video, rate = tmp_path / "a.nut", Fraction(25)
    source = ["-f", "lavfi", "-i", "testsrc2=s=64x1440:r=25,boxblur=1,noise=c0s=6:c0f=t", "-frames:v", "81"]
    ffmpeg.run([*source, *encoders.intermediate(".nut"), ffmpeg.file_url(video)], doing="making a video")
    large = request(rung=rung, width=64, height=1440, guess=33.0, frames=FrameRange(0, 81))
    start, made = begin(large, video, tmp_path), tmp_path / "made.mkv"
    assert start.proxy is not None
    part = replace(large, frames=FrameRange(0, 27))
    encode(part, encoders.SvtAv1(9), 33.0, video, made)
    near, far = (vmaf(made, video, rate, height=lines, frames=27, every=3).mean for lines in (1440, 1080))
    assert (start.proxy.q, start.proxy.bytes) == (33.0, made.stat().st_size)
    assert start.proxy.mean == pytest.approx(near, abs=1e-3)
    assert near > far
    # It lies as far above the target as the first trial will be aimed below it.
    assert (start.prior.q > 33) == (start.proxy.score > rung.target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nut", "made.mkv"]


@pytest.mark.parametrize(("lines", "every"), [(240, 1), (1440, 3)])
def test_a_restless_proxy_has_its_shot_looked_at_closer(tmp_path: Path, lines: int, every: int) -> None:
    """Torn light: one frame in five is noise, of which no neighbour tells. Itself it is measured whole if small."""
    settings = EncodingSettings(heights=(lines,), h264_height=0, preset=9)
    (rung,) = ladder.rungs(64, lines, settings)
    video, frames = tmp_path / "a.nut", 52
    torn = f"testsrc2=s=64x{lines}:r=25,boxblur=1,noise=c0s=90:c0f=t:enable='lt(mod(n\\,11)\\,5)'"
    source = ["-f", "lavfi", "-i", torn, "-frames:v", str(frames)]
    ffmpeg.run([*source, *encoders.intermediate(".nut"), ffmpeg.file_url(video)], doing="making a video")
    start = begin(request(rung=rung, width=64, height=lines, frames=FrameRange(0, frames)), video, tmp_path)
    assert start.proxy is not None
    assert (start.proxy.every, start.every) == (every, 3)


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


@pytest.mark.parametrize(
    ("size", "worst", "aimed"), [(1900, -0.2, 88.0), (2100, -0.2, 87.8), (4000, -0.2, 87.8), (4000, -0.44, 87.75)]
)
def test_a_chunk_that_is_dear_beside_the_others_is_aimed_no_higher_than_their_worst(
    size: int, worst: float, aimed: float
) -> None:
    """On a curve of known shape: the first trial misses; the next one lies where the expected slope says."""
    asked = request(worst=worst, ordinary=100.0)
    made: list[Probe] = []

    def trial(q: float, why: str) -> Probe:
        score = 100 - 12 * 2 ** ((q - 36) / 9)
        made.append(Probe(q, size, score, score, score, why))
        return made[-1]

    q, outcome = _solve(asked, encoders.SvtAv1(9), Start(Prior(33.0, asked.slope)), trial)
    assert (outcome, len(made), made[0].q, made[1].q) == ("reached", 2, 33.0, q)
    assert made[1].score == pytest.approx(aimed, abs=0.21)


def test_only_near_the_target_is_a_restless_trial_looked_at_closer() -> None:
    """At 88 of a range from 12 to 55; where allocation decides, and at the ends, always."""
    near, far = (Scores(np.full(66, score), np.empty(0), every=7) for score in (89.0, 91.0))
    asked = request()
    assert [_told(asked, 30.0, one) for one in (near, far)] == [False, True]
    assert not _told(asked, asked.rung.q_min, far)
    assert not _told(replace(asked, slack=4.0), 30.0, far)


@pytest.mark.parametrize(("guess", "trials"), [(37.0, 1), (33.0, 1), (55.0, 2)])
def test_where_allocation_decides_one_trial_that_is_not_below_the_floor_is_enough(
    picture: Picture, tmp_path: Path, guess: float, trials: int
) -> None:
    lenient = request(prior="rendition", guess=guess, slack=4.0)
    made = encode_chunk(lenient, picture, tmp_path, lambda _: None)
    assert made.outcome == "reached"
    assert made.target == lenient.rung.target - 4
    assert made.chosen.score >= made.target - 0.45
    assert len(made.probes) == trials


def test_the_first_trial_goes_where_a_point_costs_its_price_and_never_below_the_floor(
    picture: Picture, tmp_path: Path
) -> None:
    made = [
        encode_chunk(request(slack=4.0, price=price), picture, tmp_path, lambda _: None).probes[0]
        for price in (1e-3, 30.0, 300.0, 1e9)
    ]
    assert [one.q for one in made] == sorted((one.q for one in made), reverse=True)
    assert made[1].q > made[2].q > made[3].q == request().rung.q_min
    assert made[0].score > request().rung.target - 4 - 3
