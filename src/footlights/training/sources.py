"""Where training pictures come from: stills and footage in a data folder, split once and for all by source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.errors import SourceError

Picture = NDArray[np.uint8]
"""R'G'B' `(H, W, 3)`."""

_HELD_OUT = 8
"""One source in so many is kept for validation."""
_HELD_OUT_VIDEOS = frozenset({"androidx_face_selfie", "sam2_05_default_juggle", "aigen_office5"})
_UNFIT = frozenset({"androidx_london_hdr", "sam2_bedroom"})
"""Not display-referred SDR; too small to be reduced."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Files of one side of the split, in the order of their names."""

    stills: tuple[Path, ...]
    videos: tuple[Path, ...]
    faces: tuple[Path, ...]


def find_sources(data: Path, *, held_out: bool) -> Sources:
    """The sources under `data` (`train_images`, `train_video`, `train_faces`) for training or for validation."""
    stills = _pictures(data / "train_images")
    if not stills:
        raise SourceError(
            f"{data} holds no training pictures", "train_images is missing or empty", "name the data folder"
        )
    return Sources(
        stills=tuple(path for path in stills if _is_held_out(path) is held_out),
        videos=tuple(
            path
            for path in sorted((data / "train_video").glob("*.mp4"))
            if (path.stem in _HELD_OUT_VIDEOS) is held_out and path.stem not in _UNFIT
        ),
        faces=tuple(path for path in _pictures(data / "train_faces") if _is_held_out(path) is held_out),
    )


def read_picture(path: Path) -> Picture:
    """A still as R'G'B'."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SourceError(f"{path} cannot be read as a picture", "it is damaged or of an unknown kind", "remove it")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".webp", ".png", ".jpg", ".jpeg"))


def _is_held_out(path: Path) -> bool:
    """By name, not by place in a list: more data later must not move a source to the other side."""
    return crc32(path.stem.encode()) % _HELD_OUT == 0
