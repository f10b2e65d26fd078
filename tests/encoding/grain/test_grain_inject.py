"""Grain put into finished streams: base pictures unchanged, and the decoder draws exactly what our synthesis draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from grain_streams import decode, encode, same, some_grain

from footlights.core.filmgrain import FilmGrain
from footlights.encoding.grain.inject import film_grain_bits, inject, leb128, seed_of
from footlights.encoding.grain.synthesis import Format, apply
from footlights.errors import GrainFormError
from footlights.media.av1headers import temporal_units, trace
from footlights.media.bitstreams import av1_sequence


@pytest.mark.parametrize(
    ("size", "pixels", "codec"),
    [
        ("98x70", "yuv420p10le", "libsvtav1"),
        ("130x66", "yuv420p", "libsvtav1"),
        ("97x65", "yuv420p10le", "libaom-av1"),
        ("80x64", "gray", "libaom-av1"),
    ],
)
def test_the_decoder_draws_what_our_synthesis_draws_over_an_unchanged_base(
    tmp_path: Path, size: str, pixels: str, codec: str
) -> None:
    source = encode(tmp_path / "plain.mkv", size=size, pixels=pixels, codec=codec)
    mono = pixels == "gray"
    grain = some_grain(chroma=not mono)
    tables = [grain] * 8 + [None] * 4 + [replace(grain, y=((0, 90), (255, 20)))] * 8
    seeds = [seed_of(frame) for frame in range(20)]
    done = inject(source, tmp_path / "grainy.mkv", tables, seeds)
    base, drawn = (decode(tmp_path / "grainy.mkv", grain=on) for on in (False, True))
    assert same(decode(source, grain=True), base)
    shape = Format(10 if "10" in pixels else 8, 1, 1)
    ours = [
        planes if table is None else apply(planes, table, seed, shape)
        for planes, table, seed in zip(base, tables, seeds, strict=True)
    ]
    assert same(ours, drawn)
    assert not same(base, drawn)
    assert done.frames == 16
    # 2 tables of ~90 bytes, 3 bytes a frame for the rest.
    assert 0 < done.side_bytes < 400


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_shorter_taps_read_as_written(tmp_path: Path, lag: int) -> None:
    source = encode(tmp_path / "plain.mkv", frames=2)
    grain = some_grain(lag=lag)
    inject(source, tmp_path / "grainy.mkv", [grain] * 2, [1, 2])
    base, drawn = (decode(tmp_path / "grainy.mkv", grain=on) for on in (False, True))
    assert same([apply(planes, grain, seed) for planes, seed in zip(base, (1, 2), strict=True)], drawn)


def test_a_single_frame_and_a_stream_without_grain_get_one_sequence_header(tmp_path: Path) -> None:
    source = encode(tmp_path / "one.mkv", frames=1)
    inject(source, tmp_path / "with.mkv", [some_grain()], [9])
    inject(source, tmp_path / "without.mkv", [None], [9])
    headers = {av1_sequence(temporal_units(tmp_path / name)[0]) for name in ("with.mkv", "without.mkv")}
    assert len(headers) == 1
    assert same(decode(tmp_path / "without.mkv", grain=True), decode(source, grain=True))
    told = trace(tmp_path / "without.mkv")[0]
    assert [one.elements["apply_grain"] for one in told if one.is_frame] == [0]


def test_what_has_grain_already_is_refused(tmp_path: Path) -> None:
    source = encode(tmp_path / "plain.mkv", frames=2)
    inject(source, tmp_path / "once.mkv", [some_grain()] * 2, [1, 2])
    with pytest.raises(GrainFormError, match="film grain already"):
        inject(tmp_path / "once.mkv", tmp_path / "twice.mkv", [None] * 2, [1, 2])
    assert not (tmp_path / "twice.mkv").exists()
    with pytest.raises(GrainFormError, match="for 3 frames"):
        inject(source, tmp_path / "long.mkv", [None] * 3, [1, 2, 3])


def test_parameters_take_the_bits_the_syntax_gives_them() -> None:
    grain = some_grain()
    points = 4 + 3 * 16 + 4 + 2 * 16 + 4 + 16
    whole = 1 + 16 + 1 + points + 4 + 8 * (24 + 25 + 25) + 4 + 2 * 25 + 2
    assert len(film_grain_bits(grain, 7)) == whole
    assert len(film_grain_bits(grain, 7, inter=True)) == whole + 1
    assert film_grain_bits(grain, 7, inter=True, reference=5) == "1" + f"{7:016b}" + "0" + "101"
    assert film_grain_bits(None, 7) == film_grain_bits(FilmGrain(), 7) == "0"


def test_seeds_are_fixed_legal_and_unlike_their_neighbours() -> None:
    seeds = np.array([seed_of(frame) for frame in range(5000)])
    assert seeds.min() >= 1
    assert seeds.max() <= 65535
    assert (np.diff(seeds) != 0).all()
    assert len(set(seeds[:250])) >= 249
    assert seed_of(3) == seed_of(3) != seed_of(3, seed=1)


@pytest.mark.parametrize(("value", "coded"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")])
def test_leb128(value: int, coded: bytes) -> None:
    assert leb128(value) == coded
