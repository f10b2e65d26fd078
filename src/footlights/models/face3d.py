"""A person's head in 3D from several pictures: landmarks, one shape for all views, a texture from where each sees best.

After MVF-Net (Wu et al., CVPR 2019): its view-alignment idea is kept, that what one view shows must lie, through the
shape, on what the others show. Here it moves the landmarks instead of training a net: the views are unrolled onto the
same map of the face, optical flow between the maps says where a landmark should have been, and the shape is fitted
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.face_shape import FaceFit, FaceModel, Points, View, fit, in_sight, vertex_normals
from footlights.models.faces import Picture
from footlights.models.runtime import data

MAP = 512
"""Samples along the side of the map that the face is unrolled onto."""
_REACH = 6.0
"""Samples of the map that a landmark may be moved: beyond, flow has found another place that looks alike."""
_SHARE = 0.5
_ROUNDS = 2
_SEEN = 0.2**4
_GREY = 96


@dataclass(frozen=True, slots=True)
class Head:
    """A head as the views agree on it."""

    model: FaceModel
    fit: FaceFit
    shape: Points
    """`(V, 3)` mm, at rest."""
    texture: Picture
    """`(MAP, MAP, 3)` R'G'B'."""
    places: Points
    """`(V, 2)` samples of the texture."""
    unseen: float
    """Share of the face that no view shows; it is grey in the texture."""


@lru_cache(maxsize=1)
def built_in() -> FaceModel:
    """The shape model of the package: 468 points, 60 directions of identity, 6 expressions."""
    with np.load(BytesIO(data("face_shape")), allow_pickle=False) as file:
        parts = {name: file[name].astype(np.float64) for name in ("mean", "identity", "expression")}
        triangles = file["triangles"].astype(np.int64)
    return FaceModel(**parts, triangles=triangles, landmarks=np.arange(len(parts["mean"])))


def head(model: FaceModel, pictures: Sequence[Picture], landmarks: Points) -> Head:
    """Shape and texture from pictures and their landmarks `(N, L, 2)`; the views may differ in size."""
    places = unrolled(model.mean)
    triangle, share = raster(places, np.zeros(len(places)), model.triangles, MAP, MAP)
    fitted = fit(model, landmarks)
    for _ in range(_ROUNDS if len(pictures) > 1 else 0):
        landmarks = _aligned(model, fitted, pictures, landmarks, places, (triangle, share))
        fitted = fit(model, landmarks)
    texture, unseen = _texture(model, fitted, pictures, (triangle, share))
    return Head(model, fitted, model.shape(fitted.coefficients), texture, places, unseen)


def unrolled(shape: Points) -> Points:
    """`(V, 2)` samples of the map: the face unrolled from a cylinder about the neck's axis."""
    back = shape[:, 2].max() + 20
    flat = np.stack([np.arctan2(shape[:, 0], back - shape[:, 2]) * 90, shape[:, 1]], 1)
    low, size = flat.min(0), np.ptp(flat, axis=0).max()
    return (flat - low - (np.ptp(flat, axis=0) - size) / 2) / size * (MAP - 9) + 4


Spread = tuple[NDArray[np.int64], Points]
"""Which triangle covers each sample `(H, W)` (-1: none), and the shares of its corners `(H, W, 3)`."""


def raster(flat: Points, depth: Points, triangles: NDArray[np.int64], width: int, height: int) -> Spread:
    """Triangles with corners at `flat` `(V, 2)` drawn onto `height` × `width` samples; the nearest wins."""
    found = np.full((height, width), -1, np.int64)
    shares = np.zeros((height, width, 3))
    nearest = np.full((height, width), np.inf)
    for index, corners in enumerate(triangles):
        a, b, c = flat[corners]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        low = np.maximum(np.floor(np.min([a, b, c], 0)).astype(int), 0)
        high = np.minimum(np.ceil(np.max([a, b, c], 0)).astype(int) + 1, [width, height])
        if abs(area) < 1e-9 or (high <= low).any():
            continue
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
        second = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        third = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        share = np.stack([1 - second - third, second, third], -1)
        far = share @ depth[corners]
        region = np.s_[low[1] : high[1], low[0] : high[0]]
        wins = (share >= -1e-9).all(-1) & (far < nearest[region])
        found[region][wins], shares[region][wins], nearest[region][wins] = index, share[wins], far[wins]
    return found, shares


def spread(values: Points, triangles: NDArray[np.int64], over: Spread) -> Points:
    """Values at vertices `(V, …)` carried to every sample `(H, W, …)`; zero where there is no triangle."""
    triangle, share = over
    carried = np.einsum("hwk,hwk...->hw...", share, values[triangles[np.maximum(triangle, 0)]])
    carried[triangle < 0] = 0
    return np.asarray(carried)


def turntable(made: Head, yaws: Sequence[float], side: int) -> Picture:
    """The head at rest, turned by degrees, side by side: `(side, side * len(yaws), 3)` on grey."""
    size = 0.9 * side / np.ptp(made.shape, axis=0).max()
    middle = (made.shape.max(0) + made.shape.min(0)) / 2
    drawn = []
    for yaw in np.radians(yaws):
        turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
        view = View(turn, size, np.array([side / 2, side / 2]) - size * (turn @ middle)[:2], np.zeros(0))
        drawn.append(_drawn(made, view, side))
    return np.concatenate(drawn, 1)


def obj(made: Head, material: str, texture: str) -> tuple[str, str]:
    """Wavefront OBJ and MTL texts; axes as the format's readers expect (y up, z towards the viewer), millimetres."""
    lines = [f"# Footlights face3d, millimetres\nmtllib {material}\nusemtl face"]
    lines += [f"v {x:.4f} {-y:.4f} {-z:.4f}" for x, y, z in made.shape]
    lines += [f"vt {x:.6f} {y:.6f}" for x, y in (made.places + 0.5) / MAP * [1, -1] + [0, 1]]
    # Turning two axes over is a rotation, so that the corners keep their order; the format counts from one.
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in made.model.triangles + 1]
    return "\n".join(lines) + "\n", f"newmtl face\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nmap_Kd {texture}\n"


def _drawn(made: Head, view: View, side: int) -> Picture:
    over = raster(view.project(made.shape), view.depth(made.shape), made.model.triangles, side, side)
    where = spread(made.places, made.model.triangles, over).astype(np.float32)
    shown = cv2.remap(made.texture, where[..., 0], where[..., 1], cv2.INTER_LINEAR)
    shown[over[0] < 0] = _GREY
    return np.asarray(shown, np.uint8)


def _unrolled_view(
    model: FaceModel, fitted: FaceFit, index: int, picture: Picture, over: Spread
) -> tuple[Points, Points, Picture]:
    """Where each sample of the map lies in a picture `(H, W, 2)`, how well it is seen `(H, W)`, and what is there."""
    view = fitted.views[index]
    shape = model.shape(fitted.coefficients, view.expression)
    where = spread(view.project(shape), model.triangles, over)
    seen = spread(in_sight(vertex_normals(shape, model.triangles), view), model.triangles, over)
    inside = ((where >= 0) & (where <= np.array(picture.shape[1::-1]) - 1)).all(-1)
    at = where.astype(np.float32)
    shown = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return where, seen * inside, np.asarray(shown, np.uint8)


def _texture(model: FaceModel, fitted: FaceFit, pictures: Sequence[Picture], over: Spread) -> tuple[Picture, float]:
    """The mean of the views, each where it sees best, and the share that none sees (grey).

    The overall light of the views is brought to that of the frontmost one.
    """
    views = [_unrolled_view(model, fitted, k, picture, over) for k, picture in enumerate(pictures)]
    front = int(np.argmax([seen.sum() for _, seen, _ in views]))
    total, amount = np.zeros((MAP, MAP, 3)), np.zeros((MAP, MAP))
    for _, seen, shown in views:
        both = (seen > _SHARE) & (views[front][1] > _SHARE)
        gain = np.ones(3)
        if both.sum() > MAP:
            gain = (views[front][2][both].mean(0) + 8) / (shown[both].mean(0) + 8)
        weight = seen**4
        total += weight[..., None] * shown * gain
        amount += weight
    mean = total / np.maximum(amount, 1e-9)[..., None]
    sure = np.clip(amount / _SEEN, 0, 1)[..., None]
    covered = over[0] >= 0
    unseen = float(np.mean(amount[covered] < _SEEN / 2))
    return np.asarray(np.clip(sure * mean + (1 - sure) * _GREY, 0, 255), np.uint8), unseen


def _aligned(
    model: FaceModel,
    fitted: FaceFit,
    pictures: Sequence[Picture],
    landmarks: Points,
    places: Points,
    over: Spread,
) -> Points:
    """Landmarks of all views but the frontmost, moved to where that one's map is found in theirs."""
    views = [_unrolled_view(model, fitted, k, picture, over) for k, picture in enumerate(pictures)]
    front = int(np.argmax([seen.sum() for _, seen, _ in views]))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    known = np.flatnonzero(model.landmarks >= 0)
    vertices = model.landmarks[known]
    at = places[vertices].astype(np.float32)
    moved = landmarks.copy()
    for k, (where, seen, shown) in enumerate(views):
        if k == front:
            continue
        step = flow.calc(_flat(views[front][2]), _flat(shown), None)
        step[np.minimum(seen, views[front][1]) < _SHARE] = np.nan
        step = _sampled(step, at)
        found = _sampled(np.where(over[0][..., None] < 0, np.nan, where), at + step)
        sure = np.isfinite(found).all(1) & (np.linalg.norm(step, axis=1) < _REACH)
        moved[k, known[sure]] += found[sure] - _at(model, fitted, k)[vertices[sure]]
    return moved


def _at(model: FaceModel, fitted: FaceFit, index: int) -> Points:
    view = fitted.views[index]
    return view.project(model.shape(fitted.coefficients, view.expression))


def _sampled(values: NDArray[np.floating], at: NDArray[np.floating]) -> Points:
    """`(V, C)` of values `(H, W, C)` at places `(V, 2)`; NaN beside a NaN."""
    place = np.nan_to_num(at.astype(np.float32), nan=-9)
    carried = cv2.remap(
        values.astype(np.float32), place[:, 0], place[:, 1], cv2.INTER_LINEAR, borderValue=(np.nan,) * 4
    )
    return np.asarray(carried[:, 0], np.float64)


def _flat(shown: Picture) -> NDArray[np.uint8]:
    """Detail of luma without the light that differs between views."""
    luma = cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY).astype(np.float32) + 8
    detail = np.log(luma) - cv2.GaussianBlur(np.log(luma), (0, 0), MAP / 20)
    return np.asarray(np.clip(128 + 160 * detail, 0, 255), np.uint8)
