"""Faces restored along their paths: blocks equal the whole, only inside the mask, in no other colour, or not at all."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from importlib.resources import files

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts_stage import assert_stage, weights_of
from footlights.core.clip import Clip
from footlights.core.colour import rgb_to_ycbcr
from footlights.core.faces import FACE_SHARE, FacePath, ShotFaces, TrackedFace
from footlights.core.plans import Step
from footlights.core.signal import BT709_SIGNAL, Matrix
from footlights.core.time import FrameRange
from footlights.restoration.base import STAGES, Stage, build
from footlights.restoration.faces import RestoreFaces, shares

COUNT, START = 12, 30
WIDTH, HEIGHT, LINES = 512, 384, 192
"""The enlarged picture is twice the tape's; samples of the tape are square."""
RASTER = {"raster": (256, 192), "sigma": 2.0}
FACE = 60.0
"""Lines of the tape from brow to chin."""


def place(instant: int) -> tuple[float, float]:
    """Middle of the face in lines of the tape."""
    return 128 + 2 * np.sin(instant / 2), 98.0


def tape(light: tuple[float, float, float] = (1, 1, 1)) -> Clip:
    """The demo's synthetic singer, soft and noisy, swaying."""
    data = np.frombuffer((files("footlights.pipeline.sample") / "singer.webp").read_bytes(), np.uint8)
    portrait = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32) / 255 * np.array(light, np.float32)
    scale = 2 * FACE / 330
    rng = np.random.default_rng(1)
    pictures = []
    for instant in range(COUNT):
        x, y = (2 * value for value in place(instant))
        matrix = np.array([[scale, 0, x - 280 * scale], [0, scale, y - 300 * scale]])
        soft = cv2.GaussianBlur(portrait, (0, 0), 1.6 / scale)
        rgb = cv2.warpAffine(soft, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderValue=(0.2, 0.2, 0.2))
        rgb += cv2.resize(rng.normal(0, 0.01, (HEIGHT // 2, WIDTH // 2, 3)).astype(np.float32), (WIDTH, HEIGHT))
        pictures.append(cv2.transform(rgb, rgb_to_ycbcr(Matrix.BT709).astype(np.float32)))
    ycc = np.stack(pictures)
    chroma = np.stack([[cv2.resize(one[..., k], (WIDTH // 2, HEIGHT // 2)) for k in (1, 2)] for one in ycc])
    frames = FrameRange(START, START + COUNT)
    return Clip(np.ascontiguousarray(ycc[..., 0]), chroma, BT709_SIGNAL, frames, Fraction(50))


def face(height: float = FACE, *, yaw: float = 0.0, clipped: float = 0.0, landmarks: bool = True) -> TrackedFace:
    crop = np.array([[height / FACE_SHARE, 0.0, *place(instant)] for instant in range(COUNT)])
    ones = np.ones(COUNT)
    pose = np.tile([yaw, 0.0, 0.0], (COUNT, 1))
    path = FacePath(0, crop, ones, pose, ones, ones * clipped, landmarks)
    return TrackedFace(path, (), np.zeros((0, 256, 256, 3), np.uint8))


APART = 90
"""Lines of the tape between two singers."""


def moved(lines: float) -> TrackedFace:
    """A face as it would be followed beside the singer's."""
    crop = face().path.crop.copy()
    crop[:, 2] += lines
    return replace(face(), path=replace(face().path, crop=crop))


def beside(planes: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Pictures in which the singer stands a second time, at the right."""
    twice = planes.copy()
    middle = planes.shape[-1] // 2 + samples // 2
    twice[..., middle:] = np.roll(planes, samples, axis=-1)[..., middle:]
    return twice


def shot(*faces: TrackedFace) -> ShotFaces:
    return ShotFaces(0, COUNT, 256, LINES, faces)


def guided(found: ShotFaces, **params: object) -> RestoreFaces:
    cls = STAGES.get("faces.restore")
    stage = build(Step("faces.restore", cls.version, {**RASTER, **params}, "", weights_of(cls, {})))
    assert isinstance(stage, RestoreFaces)
    stage.guide(found, START)
    return stage


def whole(stage: RestoreFaces, clip: Clip) -> Clip:
    made = list(stage.stream(iter([clip])))
    return replace(
        made[0],
        luma=np.concatenate([one.luma for one in made]),
        chroma=np.concatenate([one.chroma for one in made]),
        frames=clip.frames,
    )


@pytest.fixture(scope="module")
def given() -> Clip:
    return tape()


@pytest.fixture(scope="module")
def brief(given: Clip) -> Clip:
    """Its first pictures."""
    return given.take(FrameRange(START, START + 3))


@pytest.fixture(scope="module")
def made(brief: Clip) -> Clip:
    return whole(guided(shot(face())), brief)


def test_it_keeps_the_contract_of_stages_with_a_face_in_view(given: Clip) -> None:
    def prepare(stage: Stage) -> None:
        assert isinstance(stage, RestoreFaces)
        one = face()
        path = replace(one.path, first=5, crop=one.path.crop[5:7], presence=np.ones(2), pose=np.zeros((2, 3)))
        path = replace(path, sharpness=np.ones(2), clipped=np.zeros(2))
        stage.guide(shot(replace(one, path=path)), START)

    assert_stage("faces.restore", given, identity={"strength": 0.0}, prepare=prepare, **RASTER)


def test_something_changes_on_the_face_and_nothing_outside(brief: Clip, made: Clip) -> None:
    change = np.abs(made.luma - brief.luma)
    x, y = (2 * value for value in place(0))
    reach = FACE / FACE_SHARE
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    outside = np.hypot((columns - x) / (0.31 * 2), (rows - y) / (0.4 * 2)) > reach + 8
    assert change[0][outside].max() == 0
    assert change[0].max() > 0.002


def test_coarse_colour_stays(brief: Clip, made: Clip) -> None:
    red = tape((1, 0.03, 0.02)).take(brief.frames)
    for before, clip in ((brief, made), (red, whole(guided(shot(face())), red))):
        sigma = 0.09 * 2 * FACE / FACE_SHARE
        for plane, own in ((clip.luma, before.luma), (clip.chroma[:, 0], before.chroma[:, 0])):
            blur = sigma if plane is clip.luma else sigma / 2
            off = cv2.GaussianBlur(plane[2], (0, 0), blur) - cv2.GaussianBlur(own[2], (0, 0), blur)
            assert np.abs(off).max() < 1.5 / 255


def test_what_was_touched_is_recorded(brief: Clip) -> None:
    stage = guided(shot(face()))
    whole(stage, brief)
    assert [touch.frame for touch in stage.touched] == list(brief.frames)
    assert all(0.01 < touch.area < 0.15 for touch in stage.touched)


def test_it_says_how_alike_each_face_stays(brief: Clip) -> None:
    reference = np.full((1, 256, 256, 3), 90, np.uint8)
    stage = guided(shot(face(30), replace(face(), crops=reference, moments=(0,))))
    whole(stage, brief)
    assert [(one.face, one.frame) for one in stage.likeness] == [(1, frame) for frame in brief.frames]
    assert all(0.9 < one.to_source <= 1 for one in stage.likeness)
    assert all(abs(one.loss) < 0.05 for one in stage.likeness)
    least = stage.least[1]
    assert least.to_source == min(one.to_source for one in stage.likeness)
    assert least.before.shape == least.after.shape == (256, 256, 3)
    assert (least.before != least.after).any()


def test_a_refused_face_stays_bit_by_bit_and_the_others_do_not(brief: Clip) -> None:
    twice = replace(brief, luma=beside(brief.luma, 2 * APART), chroma=beside(brief.chroma, APART))
    stage = guided(shot(face(), moved(APART)), refused=(0,))
    made = whole(stage, twice)
    np.testing.assert_array_equal(made.luma[..., : WIDTH // 2], twice.luma[..., : WIDTH // 2])
    assert {one.face for one in stage.likeness} == {1}
    assert np.abs(made.luma - twice.luma).max() > 0
    none = guided(shot(face()), refused=(0,))
    np.testing.assert_array_equal(whole(none, brief).luma, brief.luma)
    assert none.touched == []


@pytest.mark.parametrize(
    "one",
    [face(30), face(200), face(yaw=80), face(clipped=0.7), face(landmarks=False)],
    ids=["small", "large", "profile", "clipped", "unsure"],
)
def test_a_face_that_cannot_be_trusted_stays_bit_by_bit(given: Clip, one: TrackedFace) -> None:
    stage = guided(shot(one))
    made = whole(stage, given)
    np.testing.assert_array_equal(made.luma, given.luma)
    np.testing.assert_array_equal(made.chroma, given.chroma)
    assert stage.touched == []


def test_what_does_not_look_like_a_face_stays_bit_by_bit(given: Clip) -> None:
    stage = guided(shot(moved(APART)))
    made = whole(stage, given)
    np.testing.assert_array_equal(made.luma, given.luma)
    np.testing.assert_array_equal(made.chroma, given.chroma)
    assert stage.touched == []
    assert stage.likeness == []


def test_a_face_that_stands_still_flickers_less(given: Clip) -> None:
    still = FrameRange(START, START + 6)
    rng = np.random.default_rng(8)
    luma = np.repeat(given.luma[:1], 6, axis=0)
    noise = [
        cv2.resize(rng.normal(0, 0.01, (HEIGHT // 2, WIDTH // 2)).astype(np.float32), (WIDTH, HEIGHT)) for _ in luma
    ]
    clip = replace(given.take(still), luma=luma + np.stack(noise), chroma=np.repeat(given.chroma[:1], 6, axis=0))
    crop = np.tile(face().path.crop[:1], (COUNT, 1))
    made = whole(guided(shot(replace(face(), path=replace(face().path, crop=crop)))), clip)
    x, y = (round(2 * value) for value in place(0))
    window = (slice(2, None), slice(y - 40, y + 40), slice(x - 40, x + 40))
    changes = [float(np.mean(np.diff(each.luma[window], axis=0) ** 2)) for each in (clip, made)]
    assert changes[1] < 0.8 * changes[0]


def test_shares_fade_inside_a_shot_and_stand_at_cuts() -> None:
    one = face()
    assert shares(one, COUNT).min() == 1
    later = replace(one, path=replace(one.path, first=5))
    faded = shares(later, COUNT + 50)
    assert faded[0] == faded[-1] == pytest.approx(0.08)
    assert np.abs(np.diff(faded)).max() <= 0.08 + 1e-9


def test_half_a_face_at_the_border_is_no_obstacle(brief: Clip) -> None:
    one = face()
    crop = one.path.crop.copy()
    crop[:, 2] = 2.0
    made = whole(guided(shot(replace(one, path=replace(one.path, crop=crop)))), brief)
    assert np.isfinite(made.luma).all()
    np.testing.assert_array_equal(made.luma[:, :, WIDTH // 2 :], brief.luma[:, :, WIDTH // 2 :])
