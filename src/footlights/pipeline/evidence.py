"""Pictures that show what was found and what was done: one per shot, and before beside after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from footlights.core import colour
from footlights.core.reports import Survey
from footlights.core.signal import BT709_SIGNAL, Matrix, Primaries
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader, index_video
from footlights.pipeline.pictures import to_planes
from footlights.planning.geometry import lay_out
from footlights.report.pictures import Picture, beside, displayed, fitted, jpeg
from footlights.report.shown import shown_shots
from footlights.settings import GeometrySettings

_THUMBNAIL_LINES = 180
_PAIR_LINES = 540
_MOST = 12
"""Pairs in a report."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture of the master and the source frame it came from."""

    source_frame: int
    """Ingest frame number."""
    piece: int
    """Which of the given pieces."""
    frame: int
    """In that piece."""
    caption: str


def write_thumbnails(
    folder: Path, ingest: Ingest, reader: VideoReader, survey: Survey, progress: Callable[[int], None]
) -> None:
    """`shot-0000.jpg` … : the middle frame of every shot the report shows, one field of it where it is interlaced."""
    shown = shown_shots(survey)
    for number, report in enumerate(one for one in survey.shots if one.shot.index in shown):
        frame = (report.shot.frames.start + report.shot.frames.stop) // 2
        picture = source_picture(ingest, reader, survey, frame, one_field=True)
        small = fitted(picture, _THUMBNAIL_LINES, picture_shape(ingest))
        (folder / f"shot-{report.shot.index:04d}.jpg").write_bytes(jpeg(small, 80))
        progress(number + 1)


def write_pairs(
    folder: Path,
    ingest: Ingest,
    reader: VideoReader,
    survey: Survey,
    pieces: Sequence[Path],
    moments: Sequence[Moment],
) -> None:
    """`pair-0000.jpg` … : the tape's frame as it is, fields woven, beside the master's."""
    shape = picture_shape(ingest)
    for number, moment in enumerate(moments):
        before = source_picture(ingest, reader, survey, moment.source_frame, one_field=False)
        after = master_picture(pieces[moment.piece], moment.frame)
        pair = beside(fitted(before, _PAIR_LINES, shape), fitted(after, _PAIR_LINES, after.shape[1] / after.shape[0]))
        (folder / f"pair-{number:04d}.jpg").write_bytes(jpeg(pair))


def source_picture(ingest: Ingest, reader: VideoReader, survey: Survey, frame: int, *, one_field: bool) -> Picture:
    """An ingest frame in B'G'R', cropped to the master's part of the raster, fields and samples as they are.

    Its colours are shown as they are meant, like the master's: with the tape's primaries taken into account.
    """
    (picture,) = reader.read(FrameRange(frame, frame + 1))
    signal = ingest.source.signal
    luma, chroma = to_planes(picture, reader.layout, signal, interlaced=ingest.interlaced[frame])
    left, right = _sides(ingest)
    luma, chroma = luma[:, left : luma.shape[1] - right], chroma[:, :, left : chroma.shape[2] - right]
    if one_field and survey.field_order.interlaced:
        luma, chroma = luma[0::2], chroma[:, 0::2]
    matrix = Matrix.SMPTE170M if signal.matrix is Matrix.IDENTITY else signal.matrix
    height, width = luma.shape
    full = np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in chroma])
    shown = (Matrix.BT709, Primaries.BT709)
    luma, chroma = colour.convert_primaries(np.ascontiguousarray(luma), full, (matrix, signal.primaries), shown)
    return displayed(luma, chroma, Matrix.BT709)


def master_picture(path: Path, frame: int) -> Picture:
    """A frame of a finished piece or master in B'G'R'."""
    with VideoReader(path, index_video(path)) as reader:
        (picture,) = reader.read(FrameRange(frame, frame + 1))
        bits, levels = reader.layout.bits, BT709_SIGNAL.range
        luma = colour.luma_from_codes(picture.planes[0], bits, levels)
        chroma = np.stack([colour.chroma_from_codes(plane, bits, levels) for plane in picture.planes[1:3]])
    return displayed(luma, chroma, Matrix.BT709)


def choose(survey: Survey) -> Iterator[int]:
    """Ingest frames worth showing: the middle of the longest shots, and the worst dropouts."""
    by_length = sorted(survey.shots, key=lambda report: -len(report.shot.frames))
    for report in by_length[:_MOST]:
        worst = [frame for frame in report.dropouts.worst_frames if frame in report.shot.frames]
        yield worst[0] if worst else (report.shot.frames.start + report.shot.frames.stop) // 2


def _sides(ingest: Ingest) -> tuple[int, int]:
    left, _, right, _ = lay_out(ingest.source, GeometrySettings()).crop
    return left, right


def picture_shape(ingest: Ingest) -> Fraction:
    """Width to height of `source_picture` on a screen."""
    left, right = _sides(ingest)
    source = ingest.source
    return (source.width - left - right) * source.signal.sample_aspect / source.height
