"""`footlights face3d`: pictures of one person to a textured mesh and a turntable picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from footlights.core import records
from footlights.core.face_shape import Points
from footlights.errors import OutputExistsError, SourceError, UsageError
from footlights.models import face3d
from footlights.models.face_kit import read_face_kit
from footlights.models.face_points import FacePoints
from footlights.models.faces import Picture
from footlights.report.pictures import png

_MOST_SAMPLES = 50_000_000
_MOST_VIEWS = 64
_SURE = 0.5
_UNSEEN = 0.02
_YAWS = (-60, -30, 0, 30, 60)
_TURNTABLE_SIDE = 320


@dataclass(frozen=True, slots=True)
class HeadMade:
    """What was written, and how well the views agreed."""

    files: tuple[Path, ...]
    yaws: tuple[float, ...]
    """Degrees, one a view."""
    errors: tuple[float, ...]
    """mm, root mean square distance between landmarks and shape, one a view."""
    notes: tuple[str, ...]


def make_head(views: Sequence[Path], output: Path, kit: Path | None) -> HeadMade:
    """Write `output` (OBJ) with its MTL, its texture and a turntable picture beside it; nothing is overwritten.

    The largest face of each picture is taken. SourceError where a picture cannot be read or shows no face.
    """
    names = [output, output.with_suffix(".mtl"), output.with_suffix(".png"), output.with_suffix(".turntable.png")]
    _check(views, output, names)
    model = face3d.built_in() if kit is None else read_face_kit(kit, face3d.built_in().mean)
    points = FacePoints()
    pictures = [_read(path) for path in views]
    marked = [_face(points, path, picture) for path, picture in zip(views, pictures, strict=True)]
    made = face3d.head(model, pictures, np.array([one[:, :2] for one, _ in marked]))
    mesh, material = face3d.obj(made, names[1].name, names[2].name)
    turntable = face3d.turntable(made, _YAWS, _TURNTABLE_SIDE)
    # The mesh comes last: it never names a file that is not there yet.
    contents: tuple[str | bytes, ...] = (png(turntable), png(made.texture), material, mesh)
    for path, content in zip(names[::-1], contents, strict=True):
        records.write(path, content)
    yaws = tuple(view.angles[0] for view in made.fit.views)
    notes = [note for _, note in marked if note]
    if len(views) > 1 and max(yaws) - min(yaws) < 20:
        notes.append(
            f"the views lie within {max(yaws) - min(yaws):.0f}° of each other: depth is mostly the model's own"
        )
    if made.unseen > _UNSEEN:
        notes.append(f"{made.unseen:.0%} of the face is in no view and stays grey")
    return HeadMade(tuple(names), yaws, made.fit.errors, tuple(notes))


def _check(views: Sequence[Path], output: Path, names: Sequence[Path]) -> None:
    if not 1 <= len(views) <= _MOST_VIEWS:
        raise UsageError(
            f"{len(views)} views were given", f"1 to {_MOST_VIEWS} can be used", "name pictures of one face"
        )
    if output.suffix.lower() != ".obj":
        raise UsageError(f"{output} cannot be written", "its name does not end in .obj", "write -o NAME.obj")
    if not output.parent.is_dir():
        raise UsageError(f"{output} cannot be written", f"there is no folder {output.parent}", "make it first")
    for path in names:
        if path.exists():
            raise OutputExistsError(f"{path} is there already", "nothing is overwritten", "choose another name")


def _read(path: Path) -> Picture:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceError(f"{path} cannot be read", error.strerror or str(error), "name a picture") from error
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error:  # larger than OpenCV's own limit
        picture = None
    if picture is None or picture.shape[0] * picture.shape[1] > _MOST_SAMPLES:
        raise SourceError(
            f"{path} cannot be read as a picture",
            f"it is damaged, of an unknown kind, or larger than {_MOST_SAMPLES // 1_000_000} million samples",
            "give PNG, JPEG or WebP",
        )
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _face(points: FacePoints, path: Path, picture: Picture) -> tuple[Points, str]:
    found = [one for one in points.find(picture) if one.presence > _SURE]
    if not found:
        raise SourceError(f"{path} shows no face", "neither detector nor landmark net finds one", "crop nearer to it")
    note = f"{path.name}: {len(found)} faces, the largest is taken" if len(found) > 1 else ""
    return found[0].points, note
