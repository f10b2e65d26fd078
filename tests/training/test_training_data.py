"""What training data promise: exact truth, tapes inside their bounds, codecs that keep fields apart, a fair split."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from footlights.errors import SourceError
from footlights.media.recode import Pictures, TapeCodec, recode
from footlights.tape.presets import NEUTRAL
from footlights.training import render, scenes, tapes
from footlights.training.scenes import FINE, MovedStill, Place
from footlights.training.sources import Sources, find_sources


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of soft coloured noise."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    (folder / "train_images").mkdir()
    for number in range(12):
        small = rng.integers(0, 256, (60, 90, 3)).astype(np.uint8)
        picture = cv2.resize(small, (1440, 960), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / "train_images" / f"still{number}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    return folder


class _Still:
    """A scene that stands still."""

    def __init__(self, light: np.ndarray) -> None:
        self._light = light

    @property
    def places(self) -> tuple[Place, ...]:
        return (Place(12, 12, 216, 328),)

    def light_at(self, field: int) -> np.ndarray:
        del field
        return self._light


def test_a_neutral_tape_lies_exactly_on_its_truth():
    rng = np.random.default_rng(4)
    small = rng.random((24, 36, 3), np.float32) * np.float32(0.6)
    light = np.maximum(cv2.resize(small, (FINE[1], FINE[0]), interpolation=cv2.INTER_CUBIC), 0)
    lights = [scene.light_at(0) for scene in [_Still(light)] * 4]
    take = render._Take(tapes.Tape(NEUTRAL, None, 0, bottom_first=False), seed=1)
    for _ in range(2):
        take.shoot(render._half_rows(lights))
    woven = take.frames().luma[0]
    for crop in (render.Crop(0, 40, 60), render.Crop(3, 100, 200)):
        luma, _ = render._truth(light, crop)
        expected = luma.reshape(render.SIDE, 4, render.SIDE, 4).mean(axis=(1, 3))
        top, left = crop.frame_top, crop.frame_left
        found = woven[top : top + render.SIDE, left : left + render.SIDE].astype(np.float32)
        # One code of rounding on either side, and the mean of light is not the mean of signals.
        assert np.abs(found - expected).mean() < 1.0
        slope = np.gradient(expected, axis=1)
        shift = float((slope * (found - expected)).sum() / (slope**2).sum())
        assert abs(shift) < 0.02


def test_a_scene_moves_from_field_to_field_and_stays_light(data: Path):
    sources = find_sources(data, held_out=False)
    made = MovedStill(sources, fields=4, rng=np.random.default_rng(7))
    first, last = made.light_at(0), made.light_at(3)
    assert first.shape == (*FINE, 3)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert np.isfinite(last).all()
    assert not np.array_equal(first, last)


def test_stage_light_is_in_the_truth(data: Path):
    rng = np.random.default_rng(2)
    lit = next(
        scene
        for scene in (scenes.draw_scene(find_sources(data, held_out=False), 4, rng) for _ in range(20))
        if isinstance(scene, scenes.LitScene) and scene.light.beams
    )
    assert not np.allclose(lit.light_at(1), lit.scene.light_at(1), atol=1e-3)


def test_random_tapes_are_legal_varied_and_neutral_in_colour():
    rng = np.random.default_rng(11)
    drawn = [tapes.draw_tape(rng) for _ in range(200)]  # every group checks its own bounds
    for tape in drawn:
        assert tape.preset.levels.gain == 1
        assert tape.preset.sensor.setup == 0
        for connection in (tape.preset.recording, tape.preset.playback):
            assert connection is None or (connection.hue, connection.saturation) == (0, 1)
    sigmas = [tape.preset.noise.luma_sigma for tape in drawn]
    assert min(sigmas) < 0.5
    assert max(sigmas) > 4
    assert {tape.codec for tape in drawn} == {None, TapeCodec.DV, TapeCodec.MPEG2}
    assert any(tape.preset.recording for tape in drawn)
    assert any(tape.bottom_first for tape in drawn)


@pytest.mark.parametrize("codec", list(TapeCodec))
def test_recoding_keeps_the_fields_apart(codec: TapeCodec):
    # One field dark and blue-free, the other bright: a codec path that mixes fields would pull them together.
    luma = np.full((4, 480, 720), 60, np.uint8)
    chroma = np.full((4, 2, 480, 360), 100, np.uint8)
    luma[:, 1::2], chroma[:, :, 1::2] = 180, 156
    back = recode(Pictures(luma, chroma), codec, bit_rate=9_000_000)
    inner = (slice(None), slice(40, 440), slice(40, 320))
    for parity, (light, colour) in enumerate(((60, 100), (180, 156))):
        assert abs(float(back.luma[inner][:, parity::2].mean()) - light) < 2
        assert abs(float(back.chroma[:, 0][inner][:, parity::2].mean()) - colour) < 3


def test_held_out_sources_are_never_trained_on(data: Path):
    training, held_out = (find_sources(data, held_out=side) for side in (False, True))
    assert training.stills
    assert not set(training.stills) & set(held_out.stills)
    assert len(training.stills) + len(held_out.stills) == 12


def test_an_empty_data_folder_is_refused(tmp_path: Path):
    with pytest.raises(SourceError):
        find_sources(tmp_path, held_out=False)
    assert Sources((), (), ()).videos == ()


def test_a_camera_at_rest_shows_the_same_picture_and_a_pushed_one_moves_all_of_it(data: Path):
    sources = find_sources(data, held_out=False)
    calm = MovedStill(sources, fields=4, rng=np.random.default_rng(5), at_rest=True)
    calm._front = []
    assert np.array_equal(calm.light_at(0), calm.light_at(3))
    before = calm.light_at(1)
    calm.shake(np.array([[0.0, 6.0, 0.0, 0.0], [0.0, -4.0, 0.0, 0.0]]))
    assert np.array_equal(calm.light_at(0), calm.light_at(3))
    pushed = calm.light_at(1)
    assert pushed[8:-8, 8:-14] == pytest.approx(before[4:-12, 14:-8], abs=1e-4)
