"""A painted stage: a wide shot with a band under moving beams, then the singer's close-up in coloured light.

Everything is drawn anew for every field, so both fields of a frame show their own instant. The singer's face is a
synthetic one (SFHQ data set, no real person); see NOTICE.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from math import pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""(H, W, 3) R'G'B' 0..1."""

WIDTH, HEIGHT = 960, 720
FIELDS = 156
"""2.6 seconds at 59.94 fields a second."""
CUT = 79
"""First field of the close-up: the second field of a frame, because tape edits fall between fields."""

_BEAMS = (
    ((1.0, 0.18, 0.12), 180, 0.9, 0.0),
    ((0.2, 0.35, 1.0), 360, 1.2, 1.3),
    ((1.0, 0.85, 0.55), 520, 0.7, 2.2),
    ((0.9, 0.15, 0.8), 700, 1.1, 3.1),
    ((0.15, 0.9, 0.75), 840, 0.8, 4.4),
)
"""Colour, lamp position, swing speed, phase."""


def pictures() -> Iterator[Picture]:
    """One picture per field."""
    for field in range(FIELDS):
        seconds = field / 59.94
        yield _wide(seconds) if field < CUT else _close(seconds)


def _wide(seconds: float) -> Picture:
    scene = _backdrop().copy()
    _led_wall(scene, seconds)
    scene += _beams(seconds) * 0.55
    _drums(scene, seconds)
    _singer(scene, seconds)
    _crowd(scene, seconds)
    pan, zoom = 24 * sin(0.9 * seconds), 1.04 + 0.03 * seconds
    moved = np.array([[zoom, 0, WIDTH / 2 * (1 - zoom) + pan], [0, zoom, HEIGHT / 2 * (1 - zoom)]], np.float32)
    shown = cv2.warpAffine(scene, moved, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.clip(shown, 0, 1).astype(np.float32)


def _close(seconds: float) -> Picture:
    scene = cv2.GaussianBlur(_backdrop() + _beams(seconds) * 0.8, (0, 0), 14)
    face, mask = _face()
    size = 1.12 + 0.05 * seconds
    angle = 5 * sin(2.1 * seconds)
    turn = cv2.getRotationMatrix2D((face.shape[1] / 2, face.shape[0] / 2), angle, size)
    turn[:, 2] += (WIDTH / 2 - face.shape[1] / 2 + 30 * sin(1.7 * seconds), HEIGHT / 2 - face.shape[0] / 2 + 60)
    light = _face_light(seconds)
    placed = cv2.warpAffine(face, turn, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC) * light
    cover = cv2.warpAffine(mask, turn, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)[..., None]
    return np.clip(scene * (1 - cover) + placed * cover, 0, 1).astype(np.float32)


def _face_light(seconds: float) -> Picture:
    """Warm from the left, blue from the right, the border wandering."""
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :, None]
    side = 1 / (1 + np.exp(-4 * (x - 0.35 * np.float32(sin(1.3 * seconds)))))
    warm, blue = np.array([1.15, 0.72, 0.5], np.float32), np.array([0.42, 0.5, 1.15], np.float32)
    return np.asarray(warm * (1 - side) + blue * side, np.float32)


@lru_cache(maxsize=1)
def _backdrop() -> Picture:
    y = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
    scene = np.broadcast_to(np.array([0.03, 0.035, 0.09], np.float32) * (1.6 - y), (HEIGHT, WIDTH, 3)).copy()
    floor = int(HEIGHT * 0.74)
    scene[floor:] = np.array([0.10, 0.07, 0.06], np.float32)
    for line in range(floor, HEIGHT, 18):
        cv2.line(scene, (0, line), (WIDTH, line), (0.05, 0.035, 0.03), 2, cv2.LINE_AA)
    for x in range(-40, WIDTH + 40, 44):  # truss
        cv2.line(scene, (x, 20), (x + 44, 64), (0.25, 0.25, 0.27), 2, cv2.LINE_AA)
        cv2.line(scene, (x, 64), (x + 44, 20), (0.25, 0.25, 0.27), 2, cv2.LINE_AA)
    for y_line in (20, 64):
        cv2.line(scene, (0, y_line), (WIDTH, y_line), (0.32, 0.32, 0.34), 4, cv2.LINE_AA)
    cv2.putText(scene, "FOOTLIGHTS", (268, 168), cv2.FONT_HERSHEY_DUPLEX, 2.2, (0.85, 0.8, 0.62), 4, cv2.LINE_AA)
    cv2.putText(scene, "LIVE 2000", (392, 222), cv2.FONT_HERSHEY_DUPLEX, 1.1, (0.6, 0.56, 0.5), 2, cv2.LINE_AA)
    return scene


def _led_wall(scene: Picture, seconds: float) -> None:
    """Lamps that sparkle: bright, small, gone in a moment, and no dropouts."""
    rng = np.random.default_rng(int(seconds * 12))
    for index in range(60):
        x, y = 70 + (index % 20) * 43, 262 + (index // 20) * 34
        glow = 0.25 + 0.75 * float(rng.random()) ** 3
        cv2.circle(scene, (x, y), 4, (0.9 * glow, 0.75 * glow, 0.35 * glow), -1, cv2.LINE_AA)


def _beams(seconds: float) -> Picture:
    light = np.zeros((HEIGHT // 4, WIDTH // 4, 3), np.float32)
    for colour, lamp, speed, phase in _BEAMS:
        swing = 260 * sin(speed * seconds * 1.6 + phase)
        cone = np.array([[lamp - 8, 66], [lamp + 8, 66], [lamp + swing + 110, 700], [lamp + swing - 110, 700]]) / 4
        one = np.zeros(light.shape[:2], np.float32)
        cv2.fillConvexPoly(one, np.round(cone * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
        light += cv2.GaussianBlur(one, (0, 0), 5)[..., None] * np.array(colour, np.float32)
    fall = np.linspace(1, 0.35, light.shape[0], dtype=np.float32)[:, None, None]
    return np.asarray(cv2.resize(light * fall, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.float32)


def _drums(scene: Picture, seconds: float) -> None:
    for x, y, radius in ((640, 520, 62), (560, 480, 34), (720, 480, 34), (800, 530, 46)):
        cv2.circle(scene, (x, y), radius, (0.55, 0.12, 0.1), -1, cv2.LINE_AA)
        cv2.circle(scene, (x, y), radius, (0.85, 0.85, 0.8), 4, cv2.LINE_AA)
        cv2.circle(scene, (x, y), radius - 10, (0.78, 0.74, 0.66), -1, cv2.LINE_AA)
    for x, phase in ((520, 0.0), (850, 1.0)):
        tilt = 10 * sin(9 * seconds + phase)
        cv2.ellipse(scene, (x, 420), (52, 10), tilt, 0, 360, (0.9, 0.75, 0.3), -1, cv2.LINE_AA)
        cv2.line(scene, (x, 420), (x, 560), (0.5, 0.5, 0.5), 3, cv2.LINE_AA)


def _singer(scene: Picture, seconds: float) -> None:
    sway = 34 * sin(2.4 * seconds)
    x, y = int(330 + sway), int(380 + 8 * abs(sin(5 * seconds)))
    body = np.array([[x - 44, y + 52], [x + 44, y + 52], [x + 54, y + 250], [x - 54, y + 250]], np.int32)
    cv2.fillConvexPoly(scene, body, (0.75, 0.75, 0.82), cv2.LINE_AA)
    arm = int(40 * sin(3.1 * seconds))
    cv2.line(scene, (x + 38, y + 76), (x + 112, y + 30 - arm), (0.72, 0.72, 0.8), 20, cv2.LINE_AA)
    cv2.line(scene, (x - 38, y + 76), (x - 22, y + 40), (0.72, 0.72, 0.8), 18, cv2.LINE_AA)
    face, mask = _face()
    small = cv2.resize(face, (104, 104), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(mask, (104, 104), interpolation=cv2.INTER_AREA)[..., None]
    part = scene[y - 52 : y + 52, x - 52 : x + 52]
    part[:] = part * (1 - cover) + small * cover * np.array([1.05, 0.95, 0.85], np.float32)
    cv2.line(scene, (x - 22, y + 44), (x - 8, y + 30), (0.2, 0.2, 0.2), 8, cv2.LINE_AA)


def _crowd(scene: Picture, seconds: float) -> None:
    rng = np.random.default_rng(7)
    for _ in range(36):
        x, size, phase = rng.integers(0, WIDTH), rng.integers(20, 34), rng.random() * 2 * pi
        lift = 9 * sin(6 * seconds + phase)
        y = int(HEIGHT - 34 + rng.integers(-12, 12) + lift)
        cv2.circle(scene, (int(x), y), int(size), (0.02, 0.02, 0.03), -1, cv2.LINE_AA)
        if rng.random() < 0.45:
            lean = 26 * sin(3 * seconds + phase)
            cv2.line(scene, (int(x), y), (int(x + lean), y - 92), (0.025, 0.025, 0.035), 12, cv2.LINE_AA)


@lru_cache(maxsize=1)
def _face() -> tuple[Picture, NDArray[np.float32]]:
    """The singer's head R'G'B' (560, 560, 3) and its soft outline (560, 560)."""
    data = np.frombuffer((files("footlights.pipeline.sample") / "singer.webp").read_bytes(), np.uint8)
    decoded: NDArray[np.uint8] = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    picture = decoded[..., ::-1].astype(np.float32) / np.float32(255)
    mask = np.zeros(picture.shape[:2], np.float32)
    cv2.ellipse(mask, (278, 250), (172, 252), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    cv2.ellipse(mask, (280, 620), (250, 170), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    return np.ascontiguousarray(picture), cv2.GaussianBlur(mask, (0, 0), 7)
