"""Pictures of the worst moments: the frame as it is on the tape, of dropouts the part around the largest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from footlights.analysis.view import FrameView
from footlights.core.defects import Defect
from footlights.core.reports import Survey
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader
from footlights.metrics import dropouts
from footlights.pipeline.evidence import picture_shape, source_picture
from footlights.report.pictures import Picture, fitted, jpeg
from footlights.report.worst import Moment

_LINES, _QUALITY = 216, 78
_PART = 3
"""A third of the width and of the height around a dropout."""


def write(folder: Path, ingest: Ingest, reader: VideoReader, survey: Survey, moments: Sequence[Moment]) -> None:
    """`worst-FRAME-DEFECT.jpg`, fields woven."""
    shape = picture_shape(ingest)
    for one in moments:
        picture = source_picture(ingest, reader, survey, one.frame, one_field=False)
        if one.defect is Defect.DROPOUT:
            picture = _around(picture, _streak(ingest, reader, one.frame))
        small = fitted(picture, _LINES, shape)
        (folder / f"worst-{one.frame}-{one.defect}.jpg").write_bytes(jpeg(small, _QUALITY))


def read(folder: Path) -> dict[tuple[int, Defect], bytes]:
    """What `write` wrote, by frame and defect."""
    found = {}
    for path in sorted(folder.glob("worst-*.jpg")):
        _, frame, defect = path.stem.split("-", 2)
        found[int(frame), Defect(defect)] = path.read_bytes()
    return found


def _streak(ingest: Ingest, reader: VideoReader, frame: int) -> tuple[float, float]:
    """Middle of the largest dropout of a frame, as shares of width and height; the picture's own where none is seen."""
    near = FrameRange(frame - 1, frame + 2).intersect(FrameRange(0, ingest.frames))
    views = [FrameView(one.number, one.planes, reader.layout, ingest.source.signal) for one in reader.read(near)]
    largest, place = 0, (0.5, 0.5)
    if len(views) < 3:
        return place
    for field in (0, 1):
        before, now, after = (view.fields[field] for view in views)
        mask = dropouts.find(now, before, after).mask.astype(np.uint8)
        count, _, stats, middles = cv2.connectedComponentsWithStats(cv2.dilate(mask, np.ones((3, 9), np.uint8)))
        for label in range(1, count):
            if stats[label, cv2.CC_STAT_AREA] > largest:
                largest = int(stats[label, cv2.CC_STAT_AREA])
                place = float(middles[label][0] / mask.shape[1]), float(middles[label][1] / mask.shape[0])
    return place


def _around(picture: Picture, place: tuple[float, float]) -> Picture:
    """The part of a picture around a place, as far as the picture goes."""
    height, width = picture.shape[:2]
    wide, high = width // _PART, height // _PART
    left = min(max(round(place[0] * width) - wide // 2, 0), width - wide)
    top = min(max(round(place[1] * height) - high // 2, 0), height - high)
    return np.ascontiguousarray(picture[top : top + high, left : left + wide])
