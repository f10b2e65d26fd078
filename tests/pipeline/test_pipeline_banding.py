"""Banding: seen where an encode adds some, mended with bits where they help, told where they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footlights.core.encodes import Look, Probe
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.encoders import SvtAv1, lossless_intermediate, rung_encoder
from footlights.media import ffmpeg
from footlights.metrics.video import Scores, cambi, vmaf
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.rungs import _capped, _doubtful, _mended, _Trials, encode_chunk
from footlights.settings import EncodingSettings

WIDTH, HEIGHT, FRAMES = 256, 144, 4
RATE = Fraction(25)


def glow(
    path: Path, step: int = 1, frames: int = FRAMES, grain: Callable[[tuple[int, ...]], Any] = lambda _: 0.0
) -> Path:
    """A dark smooth light with some grain, its codes rounded to multiples of `step`."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = 90 + 150 * np.exp(-((x - 120) ** 2 + (y - 60) ** 2) / (2 * 70**2))
    chroma = np.full((HEIGHT // 2, WIDTH // 2), 512, np.uint16)
    raw = ffmpeg.RawFormat(WIDTH, HEIGHT, "yuv420p10le", "25")
    with ffmpeg.EncoderPipe(raw, [*lossless_intermediate(), ffmpeg.file_url(path)], doing="making pictures") as pipe:
        for _ in range(frames):
            luma = (np.rint((light + grain(light.shape)) / step) * step).astype(np.uint16)
            for plane in (luma, chroma, chroma):
                pipe.write(plane)
    return path


def request(codec: str, **changes: object) -> ChunkRequest:
    settings = EncodingSettings(heights=(HEIGHT,), h264_height=HEIGHT, target=80)
    rung = next(one for one in ladder.rungs(WIDTH, HEIGHT, settings) if one.codec == codec)
    frames = FrameRange(0, FRAMES)
    plain = ChunkRequest(rung, frames, (0,), RATE, WIDTH, HEIGHT, BT709_SIGNAL, 30.0, 1)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_posterised_shadows_are_measured_and_equal_ones_are_not(tmp_path: Path) -> None:
    smooth = glow(tmp_path / "smooth.mkv")
    coarse = glow(tmp_path / "coarse.mkv", 4)
    seen, none = (
        vmaf(test, smooth, RATE, height=HEIGHT, width=WIDTH, frames=FRAMES).banding for test in (coarse, smooth)
    )
    assert seen > 5
    assert none == 0
    assert not len(vmaf(smooth, smooth, RATE, height=HEIGHT, frames=FRAMES).bands)


@pytest.mark.parametrize(("allowed", "measured"), [(1.0, True), (24.0, False)])
def test_bands_that_are_all_allowed_are_not_measured(tmp_path: Path, allowed: float, measured: bool) -> None:
    picture = Picture(glow(tmp_path / "smooth.mkv"), FrameRange(0, FRAMES))
    made = encode_chunk(request("h264", q=38.0, banding=allowed), picture, tmp_path, lambda _: None)
    assert (made.chosen.banding > 0, made.bands) == (measured, "seen" if measured else "few")
    assert made.chosen.colour is not None
    assert 0 <= made.chosen.colour < 3


@pytest.mark.parametrize(
    ("seen", "doubtful"),
    [
        ([], False),
        ([0.0, 0.0, 0.4, 0.1], False),
        ([0.6, 0.6, 0.6, 0.6], True),
        ([0.0, 0.0, 0.0, 1.2], True),
        ([1.4, 3.0, 3.0, 3.0], True),
        ([1.6, 3.0, 3.0, 3.0], False),
    ],
)
def test_a_few_frames_are_enough_where_they_agree(seen: list[float], doubtful: bool) -> None:
    """With one allowed: less than half in the mean and none too many, or each half as many again."""
    assert _doubtful(Scores(np.array([93.0]), np.array(seen)), 1.0) == doubtful


def test_eight_bits_show_bands_and_ten_do_not(tmp_path: Path) -> None:
    """The H.264 rendition of a smooth shadow is told, not encoded again."""
    source = Picture(glow(tmp_path / "smooth.mkv"), FrameRange(0, FRAMES))
    made = {}
    for codec in ("av1", "h264"):
        (tmp_path / codec).mkdir()
        made[codec] = encode_chunk(request(codec, banding=3.0), source, tmp_path / codec, lambda _: None)
    assert made["av1"].bands == "few"
    assert made["h264"].bands == "seen"
    assert made["h264"].chosen.banding > 3 > made["av1"].chosen.banding
    assert {probe.why for probe in made["h264"].probes} == {"prior"}


@pytest.mark.parametrize(
    ("bands", "size", "q", "outcome"),
    [
        ({40.0: 2.5, 36.0: 1.4, 32.0: 0.6}, 1000, 32.0, "mended"),
        ({40.0: 2.5, 36.0: 0.9}, 1000, 36.0, "mended"),
        ({40.0: 2.5, 36.0: 2.4, 32.0: 2.3}, 1000, 40.0, "seen"),
        ({40.0: 2.5, 36.0: 0.5}, 10**9, 40.0, "seen"),
    ],
)
def test_bits_are_given_while_they_help(bands: dict[float, float], size: int, q: float, outcome: str) -> None:
    """In steps of four units, twice at most, never over the rate; where it does not help the chunk stays as it was."""

    def trial(at: float, why: str) -> Probe:
        trials[at] = (Path("-"), Probe(at, size, 93, 93, 93, why, bands[at]))
        return trials[at][1]

    trials: dict[float, tuple[Path, Probe]] = {}
    trial(40.0, "prior")
    assert _mended(request("av1"), SvtAv1(), trials, trial, 40.0) == (q, outcome)
    assert set(trials) == set(bands)


def test_bands_that_the_finest_value_leaves_in_the_first_frames_are_not_mended(tmp_path: Path) -> None:
    """The encoder smooths weak grain that hid the steps of a light, whatever its value; a smooth light it keeps."""
    rng, found = np.random.default_rng(2), {}
    for name, grain in (("smooth", 0.0), ("grainy", 2.5)):
        source = glow(
            tmp_path / f"{name}.mkv", frames=16, grain=lambda shape, by=grain: by * rng.standard_normal(shape)
        )
        asked = replace(request("av1"), frames=FrameRange(0, 16))
        trials = _Trials(asked, rung_encoder("av1", "8"), source, tmp_path, lambda _: None)
        found[name] = trials.promising(40.0)
        assert not trials.made
    assert found == {"smooth": True, "grainy": False}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grainy.mkv", "smooth.mkv"]


def test_bands_of_all_frames_are_measured_only_for_an_encode_that_is_kept(tmp_path: Path) -> None:
    smooth, encoder = glow(tmp_path / "smooth.mkv"), rung_encoder("h264", "fast")
    seen = _Trials(request("h264"), encoder, smooth, tmp_path, lambda _: None).make(38.0, "prior").banding
    trials = _Trials(request("h264", banding=seen), encoder, smooth, tmp_path, lambda _: None)
    few = {q: trials.make(q, "slope").banding for q in (38.0, 34.0)}
    assert trials.doubtful == {38.0, 34.0}
    path = trials.made[38.0][0]
    every = cambi(path, smooth, RATE, width=WIDTH, height=HEIGHT, frames=FRAMES)
    assert trials.settled(38.0).banding == pytest.approx(float(every.mean()), abs=1e-3)
    assert trials.doubtful == {34.0}
    assert trials.made[34.0][1].banding == few[34.0]


def test_a_rate_that_leaves_a_chunk_near_its_target_does_not_make_it_a_miss() -> None:
    """Scores fall by 0.1 a unit of q, bytes halve with every six."""

    def trial(q: float, why: str) -> Probe:
        score = 93.3 - 0.1 * (q - 20)
        trials[q] = (Path("-"), Probe(q, round(1000 * 2 ** ((20 - q) / 6)), score, score, score, why))
        return trials[q][1]

    for most, outcome in ((900, "reached"), (300, "capped")):
        trials: dict[float, tuple[Path, Probe]] = {}
        one = request("av1")
        asked = replace(one, rung=replace(one.rung, target=93.0, max_rate=round(most * 8 / one.seconds)))
        trial(20.0, "prior")
        q, found = _capped(asked, SvtAv1(), trials, trial, 20.0, "reached")
        assert (found, trials[q][1].bytes <= most) == (outcome, True)


def test_dark_chunks_are_aimed_higher() -> None:
    (rung,) = ladder.rungs(640, 360, EncodingSettings(heights=(360,), h264_height=0, target=93))
    assert ladder.aimed(rung, Look(60, 15, 30), 2.0).target == 95
    assert ladder.aimed(rung, Look(60, 15, 60), 2.0) == rung
    assert ladder.aimed(replace(rung, target=98), Look(60, 15, 30), 2.0).target == 99
