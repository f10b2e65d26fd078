"""Grain in one chunk of the ladder: taken out, coded, baked or kept, each with its reason; no other file is left."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footlights.core import records
from footlights.core.encodes import ChunkEncode, Rung
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding.encoders import lossless_intermediate
from footlights.errors import VerificationError
from footlights.media import ffmpeg
from footlights.media.av1headers import temporal_units
from footlights.media.bitstreams import av1_sequence
from footlights.media.playback import base_digest, with_grain
from footlights.pipeline import graining
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.grainwindows import left_in
from footlights.pipeline.rungs import encode_chunk
from footlights.report.grain import LEAST_LEFT, shortfalls

sys.path.insert(0, str(Path(__file__).parents[1] / "encoding" / "grain"))
from made_grain import curve, grainy, scene

Pictures = list[tuple[Any, ...]]
FRAMES = 9


@pytest.fixture(scope="module")
def clean() -> Pictures:
    return list(scene(FRAMES))


def write(path: Path, pictures: Pictures) -> Path:
    height, width = pictures[0][0].shape
    raw = ffmpeg.RawFormat(width, height, "yuv420p10le", "25")
    with ffmpeg.EncoderPipe(raw, [*lossless_intermediate(), ffmpeg.file_url(path)], doing="making pictures") as pipe:
        for planes in pictures:
            for plane in planes:
                pipe.write(plane)
    return path


def encode(
    folder: Path,
    pictures: Pictures,
    *,
    codec: str = "av1",
    grain: str = "auto",
    keys: tuple[int, ...] = (0,),
    q: float | None = None,
) -> ChunkEncode:
    source = write(folder / "source.mkv", pictures)
    height, width = pictures[0][0].shape
    depth, preset, limits, guess = (10, "10", (18.0, 55.0), 32.0) if codec == "av1" else (8, "fast", (16.0, 38.0), 16.0)
    rung = Rung("one", codec, width, height, depth, preset, 80.0, *limits, 10_000_000)
    work = folder / "work"
    work.mkdir()
    frames = FrameRange(50, 50 + len(pictures))
    request = ChunkRequest(rung, frames, keys, Fraction(25), width, height, BT709_SIGNAL, guess, 1, q, grain)
    made = encode_chunk(request, Picture(source, FrameRange(0, len(pictures))), work, lambda _: None)
    assert [path.name for path in work.iterdir()] == ["chunk.mkv"]
    assert (work / "chunk.mkv").stat().st_size == made.chosen.bytes
    assert records.from_data(ChunkEncode, records.to_data(made)) == made
    return made


def test_grain_is_coded_into_av1_and_saves(tmp_path: Path, clean: Pictures) -> None:
    made = encode(tmp_path, list(grainy(clean, 18.0)), keys=(0, 5))
    grain = made.grain
    assert grain is not None
    assert grain.outcome == "coded"
    assert grain.drawn == pytest.approx(grain.sigma, rel=0.05)
    assert grain.shape_error < 0.08
    (tmp_path / "kept").mkdir()
    kept = encode(tmp_path / "kept", list(grainy(clean, 18.0)), keys=(0, 5), grain="keep")
    assert made.chosen.bytes < 0.8 * kept.chosen.bytes
    assert grain.base == base_digest(tmp_path / "work" / "chunk.mkv")
    assert grain.drawn_frames == FRAMES
    assert [table.start for table in grain.tables] == [0, 5]
    plain, drawn = with_grain(tmp_path / "work" / "chunk.mkv", 7)
    difference = drawn[0][80:].astype(float) - plain[0][80:]
    assert difference.std() / 4 == pytest.approx(grain.drawn, rel=0.3)


def test_chunks_with_and_without_grain_share_a_sequence_header(tmp_path: Path, clean: Pictures) -> None:
    units = []
    black = [
        tuple(np.full_like(plane, value) for plane, value in zip(planes, (64, 512, 512), strict=True))
        for planes in clean
    ]
    cases = {"grainy": list(grainy(clean, 18.0)), "clean": clean, "black": black, "one": list(grainy(clean, 18.0))[:1]}
    for name, pictures in cases.items():
        (tmp_path / name).mkdir()
        made = encode(tmp_path / name, pictures)
        assert made.grain is not None
        assert made.grain.outcome == ("coded" if name == "grainy" else "kept")
        assert made.grain.why
        units.append(av1_sequence(temporal_units(tmp_path / name / "work" / "chunk.mkv")[0]))
    assert len(set(units)) == 1


def test_h264_gets_a_share_of_the_grain_itself(tmp_path: Path, clean: Pictures) -> None:
    made = encode(tmp_path, list(grainy(clean, 18.0)), codec="h264")
    assert made.grain is not None
    assert made.grain.outcome == "baked"
    assert 0 < made.grain.drawn <= made.grain.sigma * 1.1
    assert made.grain.sigma == pytest.approx(graining.BAKED_SHARE * 18 / 4, rel=0.2)


def test_drawn_grain_is_steady_in_time(tmp_path: Path, clean: Pictures) -> None:
    made = encode(tmp_path, list(grainy(clean, 18.0)), keys=(0, 5), q=24)
    assert made.grain is not None
    assert abs(made.grain.drawn_correlation) < 0.05
    assert 0 < abs(made.grain.pumping) < 0.08


@pytest.mark.parametrize(("codec", "coarse", "fine"), [("av1", 50.0, 2.0), ("h264", 34.0, 4.0)])
def test_kept_grain_that_the_encoder_smooths_away_is_told(
    tmp_path: Path, clean: Pictures, codec: str, coarse: float, fine: float
) -> None:
    """Strong grain, because even at its finest SVT-AV1 loses a fifth of what is weaker."""
    told = {}
    for name, q in (("coarse", coarse), ("fine", fine)):
        (tmp_path / name).mkdir()
        made = encode(tmp_path / name, list(grainy(clean, 40.0)), codec=codec, grain="keep", q=q)
        assert made.grain is not None
        assert made.grain.outcome == "kept"
        assert made.grain.sigma == pytest.approx(float(curve(clean[0][0], 40.0).mean()) / 4, rel=0.06)
        told[name] = list(shortfalls("one", [made]))
        assert (made.grain.drawn < LEAST_LEFT * made.grain.sigma) == (name == "coarse")
        if name == "coarse":
            assert (
                f"({made.grain.drawn:.2f} of {made.grain.sigma:.2f} codes at the least, from frame 50" in told[name][0]
            )
    assert len(told["coarse"]) == 1
    assert not told["fine"]


@pytest.mark.parametrize(("codec", "grain"), [("av1", "keep"), ("h264", "auto")])
def test_weak_grain_that_is_kept_is_measured_too(tmp_path: Path, clean: Pictures, codec: str, grain: str) -> None:
    strength = 4 * 0.75
    made = encode(tmp_path, list(grainy(clean, strength)), codec=codec, grain=grain, q=45)
    assert made.grain is not None
    assert made.grain.outcome == "kept"
    assert made.grain.sigma == pytest.approx(float(curve(clean[0][0], strength).mean()) / 4, rel=0.15)
    assert made.grain.drawn < 0.5 * made.grain.sigma
    assert any("smooths it away" in text for text in shortfalls("one", [made]))


@pytest.mark.parametrize("grain", ["keep", "auto"])
def test_where_there_is_no_grain_none_is_missed(tmp_path: Path, clean: Pictures, grain: str) -> None:
    made = encode(tmp_path, clean, grain=grain, q=50)
    assert made.grain is not None
    assert (made.grain.outcome, made.grain.sigma, made.grain.drawn) == ("kept", 0.0, 0.0)
    assert not list(shortfalls("one", [made]))


def test_grain_that_is_hardly_seen_is_kept(tmp_path: Path, clean: Pictures) -> None:
    made = encode(tmp_path, list(grainy(clean, 4 * 0.45)))
    assert made.grain is not None
    assert made.grain.outcome == "kept"
    assert "no grain to speak of" in made.grain.why


def test_weak_grain_is_drawn_by_decoders_that_can(tmp_path: Path, clean: Pictures) -> None:
    """Where it is kept, at the same q, it is nearly gone."""
    strength, left = 4 * 0.75, {}
    there = float(curve(clean[0][0], strength).mean()) / 4
    for grain in ("auto", "keep"):
        (tmp_path / grain).mkdir()
        made = encode(tmp_path / grain, list(grainy(clean, strength)), q=35, grain=grain)
        assert made.grain is not None
        assert made.grain.outcome == ("coded" if grain == "auto" else "kept")
        whole = (FrameRange(0, FRAMES),)
        left[grain] = left_in(tmp_path / grain / "work" / "chunk.mkv", tmp_path / grain / "source.mkv", whole)[1] / 4
    assert left["auto"] == pytest.approx(there, rel=0.12)
    assert left["keep"] < 0.5 * there


def test_weak_grain_leaves_large_pictures_and_those_that_draw_it(tmp_path: Path) -> None:
    """For decoders that draw none the same grain is kept in small ones."""
    for codec, height, width, removed in (
        ("h264", 832, 1280, True),
        ("h264", 256, 384, False),
        ("av1", 256, 384, True),
    ):
        folder = tmp_path / f"{codec}-{height}"
        folder.mkdir()
        source = write(folder / "source.mkv", list(grainy(list(scene(4, height=height, width=width)), 4 * 0.8)))
        treated = graining.prepare(source, (0,), Fraction(25), folder, codec)
        assert treated.removed == removed, treated.why
        assert graining.LEAST_DRAWN < graining.measure(source, None, treated.runs).mean / 4 < graining.LEAST_BAKED


def test_a_stream_that_takes_no_grain_is_kept_and_says_why(tmp_path: Path, clean: Pictures) -> None:
    encode(tmp_path, clean)
    marked = tmp_path / "work" / "chunk.mkv"
    treated = graining.Treatment(marked, marked, (FrameRange(0, FRAMES),), why="no grain")
    again = graining.mark(treated, marked, tmp_path / "again.mkv", 0)
    assert "film grain already" in again.why
    assert again.base == ""
    assert len(base_digest(tmp_path / "again.mkv")) == 64


def test_a_base_that_changed_is_noticed(tmp_path: Path, clean: Pictures) -> None:
    for name, pictures in (("a", clean), ("b", list(grainy(clean, 18.0)))):
        (tmp_path / name).mkdir()
        encode(tmp_path / name, pictures, grain="keep")
    one, other = (tmp_path / name / "work" / "chunk.mkv" for name in "ab")
    with pytest.raises(VerificationError, match="differently"):
        graining.verify_injected(one, other, [None] * FRAMES, [1] * FRAMES)
