"""Faces in the report, shot by shot: when each was there and how far it can be trusted, and its best moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from footlights.core.faces import FacePath, ShotFaces, TrackedFace
from footlights.core.likeness import FaceVerdict
from footlights.report.pictures import data_url, jpeg

_WIDTH, _ROW, _LEFT = 1000, 18, 70
_THUMBNAIL = 128
_PICTURES = 6
_SURE = 0.5
MOST = 60
"""Shots with faces that a page shows, the longest; `report.json` has all."""


@dataclass(frozen=True, slots=True)
class FaceSection:
    """What the page shows of one shot."""

    shot: int
    summary: str
    timeline: str
    """SVG."""
    sheets: tuple[tuple[str, str], ...]
    """Caption and `data:` URL of every face's contact sheet."""


def sections(found: Mapping[int, ShotFaces]) -> list[FaceSection]:
    """Of the longest shots in which faces were followed or left out, in their order."""
    some = [shot for shot in found if found[shot].faces or found[shot].left_out]
    longest = sorted(some, key=lambda shot: (-found[shot].instants, shot))[:MOST]
    return [_section(found[shot]) for shot in sorted(longest)]


def facts(found: Mapping[int, ShotFaces], verdicts: Sequence[FaceVerdict] = ()) -> list[dict[str, Any]]:
    """For `report.json`: one row per face; `likeness` is None where it was not restored."""
    judged = {(one.shot, one.face): one for one in verdicts}
    return [
        {
            "shot": shot,
            "face": number,
            "person": face.person,
            "first": face.path.first,
            "pictures": len(face.path),
            "seen": int((face.path.presence > _SURE).sum()),
            "height": round(face.height, 1),
            "yaw": _range(face.path, 0),
            "clipped": round(float(face.path.clipped.mean()), 4),
            "picture": face.picture,
            "likeness": _likeness(judged.get((shot, number))),
        }
        for shot in sorted(found)
        for number, face in enumerate(found[shot].faces)
    ]


def _likeness(verdict: FaceVerdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    names = ("judged", "similarity", "lowest", "drift", "refused")
    return {name: getattr(verdict, name) for name in names}


def _section(one: ShotFaces) -> FaceSection:
    said = [f"{len(one.faces)} followed through {one.instants} pictures"]
    if one.left_out:
        said.append(f"up to {one.left_out} more at once left out (restoration.faces.most)")
    if one.dropped:
        said.append(f"{one.dropped} too short or too unsure to be believed")
    sheets = tuple((_caption(number, face), _sheet(face)) for number, face in enumerate(one.faces) if len(face.crops))
    return FaceSection(one.shot, "; ".join(said), _timeline(one), sheets)


def _caption(number: int, face: TrackedFace) -> str:
    who = f", person {face.person}" if face.person >= 0 else ""
    path = face.path
    seen = float((path.presence > _SURE).mean())
    low, high = _range(path, 0)
    return (
        f"Face {number}{who}: pictures {path.first} to {path.first + len(path)}, {face.height:.0f} lines high, "
        f"seen in {seen:.0%}, yaw {low:+.0f}° to {high:+.0f}°{_of_picture(face)}"
    )


def _of_picture(face: TrackedFace) -> str:
    return "" if face.alive else f"; taken for a picture of a face ({face.picture:.2f}) and left as it is"


def _range(path: FacePath, axis: int) -> tuple[float, float]:
    known = path.pose[np.isfinite(path.pose[:, axis]), axis]
    return (round(float(known.min()), 1), round(float(known.max()), 1)) if len(known) else (0.0, 0.0)


def _sheet(face: TrackedFace) -> str:
    size = (_THUMBNAIL, _THUMBNAIL)
    row = [cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in face.crops[:_PICTURES]]
    return data_url(jpeg(np.ascontiguousarray(np.hstack(row)[..., ::-1])))


def _timeline(one: ShotFaces) -> str:
    """One bar per face over the pictures of the shot, as solid as the net was sure."""
    height = _ROW * max(len(one.faces), 1)
    to_x = (_WIDTH - _LEFT) / max(one.instants, 1)
    parts = [_bar(number, face, to_x) for number, face in enumerate(one.faces)]
    label = f"{len(one.faces)} faces in shot {one.shot}"
    head = f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">'
    return f"{head}{''.join(parts)}</svg>"


def _bar(number: int, face: TrackedFace, to_x: float) -> str:
    top = number * _ROW + 3
    parts = [f'<text x="4" y="{top + 10}" class="axis">face {number}</text>']
    sure = face.path.presence > _SURE
    for start, stop, seen in _runs(sure):
        left, width = _LEFT + (face.path.first + start) * to_x, max((stop - start) * to_x, 0.5)
        colour = "#ffb84d" if seen else "#6b5a3a"
        parts.append(f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_ROW - 6}" fill="{colour}"/>')
    return "".join(parts)


def _runs(values: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Sequence[tuple[int, int, bool]]:
    edges = [0, *(np.flatnonzero(np.diff(values.astype(np.int8))) + 1).tolist(), len(values)]
    return [(a, b, bool(values[a])) for a, b in pairwise(edges) if b > a]
