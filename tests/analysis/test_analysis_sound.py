"""Sound facts against closed forms: tones of known level, hum under music, holes, cut peaks, clocks that run off."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from footlights.analysis import sound
from footlights.core.sound_reports import SoundReport
from footlights.media.audio import AudioTrack

RATE = 48_000


def track(path: Path, samples: NDArray[np.float64], clock: float = 1.0) -> AudioTrack:
    """`(2, n)` as 16-bit PCM in NUT; the stamps of its clock run `clock` times as fast as the samples."""
    codes = np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)
    with av.open(str(path), "w", format="nut") as out:
        stream = out.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        for start in range(0, codes.shape[1], 1024):
            part = np.ascontiguousarray(codes[:, start : start + 1024].T.reshape(1, -1))
            frame = AudioFrame.from_ndarray(part, format="s16", layout="stereo")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            for packet in stream.encode(frame):
                packet.time_base = Fraction(1, RATE)
                packet.pts = packet.dts = round(start * clock)
                out.mux(packet)
    return AudioTrack(path, Fraction(0))


def measured(path: Path, samples: NDArray[np.float64], clock: float = 1.0) -> SoundReport:
    duration = Fraction(samples.shape[1], RATE)
    return sound.measure(track(path / "sound.nut", samples, clock), 1, duration)[0]


def tone(frequency: float, decibels: float, seconds: float) -> NDArray[np.float64]:
    """A sine whose peak has this level."""
    wave = 10 ** (decibels / 20) * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, wave])


def music(seconds: float, level: float = 0.1, bass: float = 1.0, seed: int = 1) -> NDArray[np.float64]:
    """Bass notes of half a second between 41 and 65 Hz over pink-like noise, the sides half alike."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    common, sides = rng.standard_normal(count), rng.standard_normal((2, count))
    noise = np.cumsum(common + sides, axis=1)
    noise -= np.apply_along_axis(lambda row: np.convolve(row, np.ones(2048) / 2048, "same"), 1, noise)
    notes = np.concatenate(
        [np.sin(2 * np.pi * rng.uniform(41, 65) * np.arange(RATE // 2) / RATE) for _ in range(round(2 * seconds))]
    )
    return level * (noise / noise.std() + bass * notes[:count])


def test_a_tone_of_minus_23_is_minus_23_lufs(tmp_path: Path) -> None:
    """EBU Tech 3341, case 1: 1 kHz at -23 dBFS on both sides."""
    found = measured(tmp_path, tone(1000, -23, 6))
    assert found.loudness == pytest.approx(-23, abs=0.1)
    assert found.true_peak == pytest.approx(-23, abs=0.2)
    assert found.loudness_range < 0.1
    assert (found.balance, found.correlation, found.silent) == (0, 1, False)
    assert (found.clipped, found.dropouts, found.hum_frequency, found.drift, found.missing) == (0, 0, 0, 0, 0)


def test_loudness_over_time_follows_the_sound(tmp_path: Path) -> None:
    """EBU Tech 3341, case 9 in short: the momentary loudness of a tone that changes its level."""
    samples = np.concatenate([tone(1000, -40, 3), tone(1000, -20, 3)], axis=1)
    _, momentary = sound.measure(track(tmp_path / "a.nut", samples), 1, Fraction(6))
    assert len(momentary) == 60
    assert momentary[20] == pytest.approx(-40, abs=0.2)
    assert momentary[50] == pytest.approx(-20, abs=0.2)


@pytest.mark.parametrize("mains", [50, 60])
def test_hum_is_found_under_music_with_its_level(tmp_path: Path, mains: int) -> None:
    level = -44.0
    humming = music(22, 0.02, bass=0) + tone(mains, level + 3.01, 22) + tone(2 * mains, level - 6.99, 22)
    found = measured(tmp_path, humming)
    assert found.hum_frequency == mains
    assert found.hum_level == pytest.approx(10 * np.log10(10 ** (level / 10) + 10 ** ((level - 10) / 10)), abs=1.5)


def test_bass_notes_are_no_hum(tmp_path: Path) -> None:
    assert measured(tmp_path, music(22)).hum_frequency == 0


def test_sudden_holes_are_dropouts_and_fading_notes_are_not(tmp_path: Path) -> None:
    samples = music(6)
    for start in (1.0, 2.5, 4.2):
        samples[:, round(start * RATE) : round((start + 0.04) * RATE)] = 0
    found = measured(tmp_path, samples)
    assert found.dropouts == 3
    assert np.allclose(found.dropout_seconds, (1.0, 2.5, 4.2), atol=0.006)
    plucked = np.exp(-((np.arange(6 * RATE) / RATE) % 0.5) * 14)  # 60 dB in half a second
    assert measured(tmp_path, tone(330, -6, 6) * plucked).dropouts == 0


def test_cut_peaks_are_counted_at_any_level_and_whole_ones_are_not(tmp_path: Path) -> None:
    assert measured(tmp_path, tone(40, -1, 2)).clipped == 0
    loud = tone(440, 6, 1)
    full = measured(tmp_path, np.clip(loud, -1, 1))
    assert full.clipped == 2 * 880, "each side, each half wave"
    assert full.clip_level == pytest.approx(0, abs=0.01)
    lower = measured(tmp_path, np.clip(loud, -0.5, 0.5))
    assert lower.clipped == 2 * 880
    assert lower.clip_level == pytest.approx(-6.02, abs=0.01)


def test_balance_and_phase(tmp_path: Path) -> None:
    sides = tone(1000, -20, 2)
    weaker = measured(tmp_path, sides * np.array([[1.0], [0.5]]))
    assert weaker.balance == pytest.approx(6.02, abs=0.05)
    assert measured(tmp_path, sides * np.array([[1.0], [-1.0]])).correlation == pytest.approx(-1, abs=1e-3)
    dead = measured(tmp_path, sides * np.array([[1.0], [0.0]]))
    assert (dead.balance, dead.correlation) == (60, 0)


def test_a_clock_that_runs_off_is_told_in_parts_per_million(tmp_path: Path) -> None:
    found = measured(tmp_path, music(20), clock=1 + 200e-6)
    assert found.drift == pytest.approx(200, abs=10)
    assert found.missing == 0


def test_sound_that_ends_before_the_picture(tmp_path: Path) -> None:
    report, _ = sound.measure(track(tmp_path / "a.nut", tone(1000, -20, 2)), 3, Fraction(5, 2))
    assert report.ends == pytest.approx(-0.5, abs=1e-3)
    assert report.track == 3


@pytest.mark.parametrize("seconds", [0.02, 3])
def test_a_silent_track_is_called_silent(tmp_path: Path, seconds: float) -> None:
    found = measured(tmp_path, np.zeros((2, round(seconds * RATE))))
    assert found.silent
    assert (found.loudness, found.hum_frequency, found.dropouts, found.clipped) == (-70, 0, 0, 0)
    assert np.isfinite([found.true_peak, found.balance, found.correlation, found.hum_level]).all()
