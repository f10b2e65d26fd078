"""Care for sound: loudness as measured by FFmpeg, clicks and hum gone, and not one sample moved."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from footlights.media.audio import AudioTrack, decoded, floating, measure_offset, programme_sound
from footlights.media.loudness import LoudnessMeter
from footlights.media.soundcare import Wanted, care

RATE = 48_000


def music(seconds: float = 3.0, rate: int = RATE, level: float = 0.03) -> NDArray[np.float64]:
    """Brownish noise that swells, different left and right, `(2, n)`."""
    rng = np.random.default_rng(5)
    n = round(seconds * rate)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * np.arange(n) / rate / 1.3)
    return np.asarray(lfilter([1], [1, -0.9], rng.standard_normal((2, n)), axis=1) * level * swell)


def track(folder: Path, samples: NDArray[np.float64], rate: int = RATE, start: str = "0.123") -> AudioTrack:
    """Samples as 16-bit PCM in NUT, as an ingest holds them."""
    path = folder / "audio-1.nut"
    with av.open(str(path), "w", format="nut") as output:
        stream = output.add_stream("pcm_s16le", rate=rate)
        stream.codec_context.layout = "mono" if len(samples) == 1 else "stereo"
        whole = np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(whole.T.reshape(1, -1).copy(), "s16", stream.codec_context.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return AudioTrack(path, Fraction(start))


def samples_of(one: AudioTrack) -> NDArray[np.float64]:
    return np.concatenate([floating(placed.samples) for placed in decoded(one)], axis=1)


def loudness(one: AudioTrack, seconds: float) -> tuple[float, float]:
    meter = LoudnessMeter()
    for block in programme_sound(AudioTrack(one.path, Fraction(0)), Fraction(str(seconds))):
        meter.add(block)
    meter.close()
    return meter.integrated, meter.true_peak


def treated(folder: Path, one: AudioTrack, **wanted: float | bool | int) -> tuple[AudioTrack, float]:
    """The result and its gain."""
    target = folder / "done.nut"
    done = care(one, Wanted(1, **wanted), target, lambda seconds: None)  # type: ignore[arg-type]
    assert not list(folder.glob(".*")), "nothing is left beside the result"
    made = AudioTrack(target, one.start)
    before, after = samples_of(one), samples_of(made)
    assert after.shape == before.shape
    assert done.samples == before.shape[1]
    assert not before.any() or measure_offset(before[0], after[0], RATE) == 0
    return made, done.gain


@pytest.mark.parametrize(("channels", "rate"), [(2, RATE), (1, 44_100)])
def test_loudness_comes_to_its_target_by_one_gain(tmp_path: Path, channels: int, rate: int) -> None:
    one = track(tmp_path, music(rate=rate, level=0.01)[:channels], rate)
    made, gain = treated(tmp_path, one, loudness=-23.0, peak=-1.0)
    assert loudness(made, 3.0)[0] == pytest.approx(-23.0, abs=0.15)
    assert samples_of(made) == pytest.approx(samples_of(one) * 10 ** (gain / 20), abs=2e-7)


def test_the_true_peak_bounds_the_gain(tmp_path: Path) -> None:
    quiet = music(level=0.005)
    quiet[:, 70_000:70_040] = 0.5
    one = track(tmp_path, quiet)
    made, gain = treated(tmp_path, one, loudness=-16.0, peak=-2.0)
    found, peak = loudness(made, 3.0)
    assert found < -17
    assert peak == pytest.approx(-2.0, abs=0.1)
    assert gain > 0


def test_clicks_go_and_everything_else_stays(tmp_path: Path) -> None:
    clean = music()
    places = np.random.default_rng(2).integers(2000, clean.shape[1] - 2000, 40)
    clicked = clean.copy()
    for place in places:
        clicked[:, place : place + 3] += 0.6
    made, _ = treated(tmp_path, track(tmp_path, clicked), declick=True)
    left = samples_of(made) - clean
    assert np.abs(left).max() < 0.35 * 0.6
    assert np.square(left).sum() < 0.01 * np.square(clicked - clean).sum()
    apart = np.ones(clean.shape[1], bool)
    for place in places:
        apart[place - 30 : place + 40] = False
    assert (np.abs(left[:, apart]) > 1e-4).mean() < 1e-3


def test_hum_is_notched_by_more_than_20_db_and_music_is_not(tmp_path: Path) -> None:
    clean, time = music(4.0), np.arange(4 * RATE) / RATE
    hum = sum(0.05 / k * np.sin(2 * np.pi * 50 * k * time) for k in (1, 2, 3))
    made, _ = treated(tmp_path, track(tmp_path, clean + hum), hum=50)
    left = samples_of(made)

    def level(samples: NDArray[np.float64], frequency: float) -> float:
        tail, at = samples[0, RATE:], time[RATE:]
        return float(np.abs((tail * np.exp(-2j * np.pi * frequency * at)).mean()))

    for frequency in (50, 100, 150):
        assert level(left, frequency) < 0.1 * level(clean + hum, frequency)
    assert level(left, 440) == pytest.approx(level(clean, 440), rel=0.05)


def test_a_silent_track_stays_silent(tmp_path: Path) -> None:
    made, gain = treated(tmp_path, track(tmp_path, np.full((2, RATE), 1e-6)), loudness=-23.0)
    assert gain == 0
    assert np.abs(samples_of(made)).max() < 1e-4


def test_times_that_wobble_by_a_millisecond_cut_nothing(tmp_path: Path) -> None:
    """Packets out of Matroska have times in whole milliseconds, which a copy keeps in its finer clock."""
    whole = np.rint(music(0.5)[:1] * 32767).astype(np.int16)
    path = tmp_path / "audio-1.nut"
    with av.open(str(path), "w", format="nut") as output:
        stream = output.add_stream("pcm_s16le", rate=RATE)
        stream.codec_context.layout = "mono"
        for start in range(0, whole.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(whole[:, start : start + 1024].copy(), "s16", "mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), round(start / 48) * 48
            for packet in stream.encode(frame):
                output.mux(packet)
    got = np.concatenate([placed.samples for placed in decoded(AudioTrack(path, Fraction(0)))], axis=1)
    np.testing.assert_array_equal(got, whole)
