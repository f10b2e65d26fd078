"""Thumbnails: an independent reader of the track finds, for any moment, the picture that is shown then."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from streams import programme

from footlights.encoding import thumbnails
from footlights.encoding.streamcheck import check_stream


def test_the_tile_of_every_cue_is_the_key_frame_shown_then(tmp_path: Path) -> None:
    parts = programme(tmp_path)
    stream = parts.write(tmp_path / "stream")
    smallest = min(stream.video, key=lambda one: one.width * one.height).track
    joined = tmp_path / "joined.mp4"
    files = ["init.mp4", *(segment.file for segment in smallest.segments)]
    joined.write_bytes(b"".join((tmp_path / "stream" / smallest.name / name).read_bytes() for name in files))
    with av.open(str(joined)) as source:
        shown = [(frame.pts * frame.time_base, frame.to_ndarray(format="rgb24")) for frame in source.decode(video=0)]
    text = (tmp_path / "stream" / "thumbnails.vtt").read_text("utf-8")
    cues = re.findall(r"00:00:(\S+) --> 00:00:(\S+)\nthumbnails/001\.jpg#xywh=(\d+),(\d+),135,90\n", text)
    assert len(cues) == len(parts.keys)
    sheet = cv2.imread(str(tmp_path / "stream" / "thumbnails" / "001.jpg"))[..., ::-1]
    for start, _, x, y in cues:
        due = min(shown, key=lambda one: abs(one[0] - Fraction(start)))[1]
        tile = sheet[int(y) : int(y) + 90, int(x) : int(x) + 135].astype(float)
        wanted = cv2.resize(due, (135, 90), interpolation=cv2.INTER_AREA).astype(float)
        assert np.abs(tile - wanted).mean() < 8
    checks = check_stream(tmp_path / "stream", parts.expected(stream))
    assert all(check.passed for check in checks)
    (tmp_path / "stream" / "thumbnails" / "001.jpg").unlink()
    failed = [check.name for check in check_stream(tmp_path / "stream", parts.expected(stream)) if not check.passed]
    assert failed == ["thumbnails.vtt: cues and sheets that do not fit"]


@pytest.mark.parametrize("count", [1, 10, 11, 100, 101, 257])
def test_tiles_do_not_overlap_and_cues_lie_end_to_end(count: int) -> None:
    starts = [Fraction(1001 * 240 * number, 60_000) for number in range(count)]
    end = starts[-1] + Fraction(7, 3)
    tiles = thumbnails.lay_out(starts, end, (160, 90))
    assert len({(tile.sheet, tile.x, tile.y) for tile in tiles}) == count
    assert all(tile.x % 160 == 0 <= tile.x < 1600 and tile.y % 90 == 0 <= tile.y < 900 for tile in tiles)
    assert [tile.start for tile in tiles[1:]] == [tile.end for tile in tiles[:-1]]
    assert (tiles[0].start, tiles[-1].end) == (0, Fraction(round(end * 1000), 1000))
    assert thumbnails.read_track(thumbnails.track(tiles)) == tiles


def test_samples_that_are_not_square_become_square() -> None:
    assert thumbnails.tile_size(720, 576, Fraction(16, 15)) == (120, 90)
    assert thumbnails.tile_size(3840, 2160) == (160, 90)
