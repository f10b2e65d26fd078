"""Following the faces of one shot: its fields as pictures with square samples, in the order of their exposure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from footlights.analysis.facetracks import FaceTracker, Limits
from footlights.core import colour, faces
from footlights.core.clip import Clip, Plane
from footlights.core.faces import ShotFaces
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader
from footlights.models.faces import Picture
from footlights.pipeline.pictures import Cuts, source_blocks

FACES = "faces.npz"


@dataclass(frozen=True, slots=True)
class FaceRequest:
    """One shot whose faces are to be followed."""

    shot: int
    slots: FrameRange
    """Frame instants, holes counted; one further than the shot where the next one begins inside a frame."""
    starts_late: bool
    ends_late: bool
    instants: int
    """Pictures per frame: 2 of fields, 1 of progressive frames."""
    field_order: FieldOrder
    most: int
    """Faces followed at once, the largest first."""


def track(
    request: FaceRequest, opened: tuple[Ingest, VideoReader], folder: Path, progress: Callable[[int], None]
) -> ShotFaces:
    """Write what is found to `faces.npz`."""
    tracker = FaceTracker(Limits(most=request.most))
    found = tracker.follow(request.shot, pictures(request, opened), progress)
    faces.save(folder / FACES, found)
    return found


def pictures(request: FaceRequest, opened: tuple[Ingest, VideoReader]) -> Iterator[Picture]:
    """R'G'B' of every instant of the shot, as many lines as the tape has, square samples."""
    ingest, reader = opened
    cuts = Cuts(request.slots, request.starts_late, request.ends_late)
    width, height = picture_size(ingest)
    for clip in source_blocks(ingest, reader, request.slots, cuts, request.field_order):
        for index in range(len(clip)):
            first = 1 if request.field_order is FieldOrder.BOTTOM_FIRST else 0
            parities = (first, 1 - first) if request.instants == 2 else (None,)
            for parity in parities:
                yield picture_of(clip, index, parity, (width, height))


def picture_size(ingest: Ingest) -> tuple[int, int]:
    """Width and height of the pictures with square samples."""
    source = ingest.source
    height = source.height // 2 * 2
    return round(source.width * source.signal.sample_aspect), height


def picture_of(clip: Clip, index: int, parity: int | None, size: tuple[int, int]) -> Picture:
    """R'G'B' of one frame of a clip, or of one of its fields, at `size` (width, height) with square samples."""
    planes = [_shown(plane, parity, size) for plane in (clip.luma[index], clip.chroma[index, 0], clip.chroma[index, 1])]
    rgb = cv2.transform(np.stack(planes, axis=-1), colour.ycbcr_to_rgb(clip.signal.matrix).astype(np.float32))
    return np.asarray(np.clip(rgb * 255 + 0.5, 0, 255), np.uint8)


def _shown(plane: Plane, parity: int | None, size: tuple[int, int]) -> Plane:
    """A plane, or one field of it with its lines where they belong: they lie half a line from those of the other."""
    lines = plane if parity is None else np.ascontiguousarray(plane[parity::2])
    across = plane.shape[1] / size[0]
    down = plane.shape[0] / size[1] / (1 if parity is None else 2)
    top = 0.0 if parity is None else -parity / 2
    matrix = np.array([[across, 0, (across - 1) / 2], [0, down, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(lines, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)
