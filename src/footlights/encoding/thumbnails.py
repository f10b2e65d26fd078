"""Small pictures for the bar of a player: sprite sheets, and a WebVTT track that says which tile belongs to which time.

    stream/thumbnails.vtt
    stream/thumbnails/001.jpg …

One tile per key frame of the smallest rendition, without film grain; its cue lasts until the next. The track points at
tiles by spatial media fragments (`#xywh=x,y,w,h` in samples, W3C Media Fragments URI 1.0, 4.2.2), as players read them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.encoding.cmaf import write_file
from footlights.media.playback import key_pictures

TRACK_FILE = "thumbnails.vtt"
FOLDER = "thumbnails"
_LINES = 90
_COLUMNS, _ROWS = 10, 10
_QUALITY = 80
"""Of JPEG."""
_CUE = re.compile(r"([\d:.]+) --> ([\d:.]+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tile:
    """One cue of the track."""

    start: Fraction
    """Seconds, whole milliseconds."""
    end: Fraction
    sheet: str
    """Path from the folder of the stream."""
    x: int
    y: int
    width: int
    height: int


def tile_size(width: int, height: int, sample_aspect: Fraction = Fraction(1)) -> tuple[int, int]:
    """Width and height of a tile for pictures of that size, shown with square samples."""
    return max(2, round(width * sample_aspect * _LINES / height)), _LINES


def lay_out(starts: Sequence[Fraction], end: Fraction, size: tuple[int, int]) -> tuple[Tile, ...]:
    """Tiles of key frames at these seconds, row after row, sheet after sheet; the first cue begins at 0."""
    marks = [_milliseconds(start) for start in starts]
    marks[0] = Fraction(0)
    marks.append(_milliseconds(end))
    tiles = []
    for number, (start, stop) in enumerate(pairwise(marks)):
        sheet, place = divmod(number, _COLUMNS * _ROWS)
        row, column = divmod(place, _COLUMNS)
        name = f"{FOLDER}/{sheet + 1:03d}.jpg"
        tiles.append(Tile(start, stop, name, column * size[0], row * size[1], *size))
    return tuple(tile for tile in tiles if tile.end > tile.start)


def track(tiles: Sequence[Tile]) -> str:
    """The text of the WebVTT file."""
    cues = [
        f"{_stamp(tile.start)} --> {_stamp(tile.end)}\n{tile.sheet}#xywh={tile.x},{tile.y},{tile.width},{tile.height}\n"
        for tile in tiles
    ]
    return "\n".join(["WEBVTT\n", *cues])


def read_track(text: str) -> tuple[Tile, ...]:
    """The cues of a track as this module writes it; ValueError for what is no WebVTT."""
    if not text.startswith("WEBVTT"):
        raise ValueError("it does not begin with WEBVTT")
    return tuple(
        Tile(_seconds(start), _seconds(end), sheet, *(int(value) for value in place))
        for start, end, sheet, *place in _CUE.findall(text)
    )


def write(folder: Path, rendition: Sequence[Path], end: Fraction, sample_aspect: Fraction) -> None:
    """Sheets and track into the stream's folder, from the files of a rendition: header and segments."""
    starts: list[Fraction] = []
    size = (0, 0)
    sheet: list[NDArray[np.uint8]] = []
    (folder / FOLDER).mkdir(exist_ok=True)
    for start, picture in key_pictures(rendition):
        size = tile_size(picture.shape[1], picture.shape[0], sample_aspect)
        sheet.append(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8))
        starts.append(start)
        if len(sheet) == _COLUMNS * _ROWS:
            _write_sheet(folder, len(starts), sheet)
            sheet = []
    if sheet:
        _write_sheet(folder, len(starts), sheet)
    if starts:
        write_file(folder / TRACK_FILE, track(lay_out(starts, end, size)).encode())


def faults(folder: Path, end: Fraction) -> list[str]:
    """What is wrong with the track of a stream's folder: cues that do not lie end to end from 0 to `end`, tiles outside
    their sheets, sheets that are missing."""
    tiles = read_track((folder / TRACK_FILE).read_text("utf-8"))
    found = [f"{one.end} s is followed by {other.start} s" for one, other in pairwise(tiles) if one.end != other.start]
    if not tiles or tiles[0].start != 0 or tiles[-1].end != _milliseconds(end):
        found.append("the cues do not span the programme")
    for sheet in sorted({tile.sheet for tile in tiles}):
        whole = cv2.imread(str(folder / sheet))
        if whole is None:
            found.append(f"{sheet} cannot be read")
            continue
        height, width = whole.shape[:2]
        on_it = [tile for tile in tiles if tile.sheet == sheet]
        if any(tile.x + tile.width > width or tile.y + tile.height > height for tile in on_it):
            found.append(f"{sheet} is smaller than its tiles need")
    return found


def _write_sheet(folder: Path, count: int, tiles: Sequence[NDArray[np.uint8]]) -> None:
    """The sheet that ends with tile number `count`, as large as its tiles need."""
    columns, rows = min(len(tiles), _COLUMNS), ceil(len(tiles) / _COLUMNS)
    height, width = tiles[0].shape[:2]
    whole = np.zeros((rows * height, columns * width, 3), np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, _COLUMNS)
        whole[row * height : (row + 1) * height, column * width : (column + 1) * width] = tile
    _, data = cv2.imencode(".jpg", whole[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    number = ceil(count / (_COLUMNS * _ROWS))
    write_file(folder / FOLDER / f"{number:03d}.jpg", data.tobytes())


def _milliseconds(seconds: Fraction) -> Fraction:
    return Fraction(round(seconds * 1000), 1000)


def _stamp(seconds: Fraction) -> str:
    count = round(seconds * 1000)
    minutes, rest = divmod(count, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _seconds(stamp: str) -> Fraction:
    hours, minutes, seconds = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
