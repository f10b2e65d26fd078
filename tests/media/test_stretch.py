"""Sound of slow motion: exactly as long as the pictures, at its own pitch."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from footlights.media import ffmpeg
from footlights.media.audio import AudioTrack, decoded
from footlights.media.stretch import stretched


@pytest.mark.parametrize("speed", [Fraction(1, 2), Fraction(1, 10), Fraction(4, 5)])
def test_stretched_sound_has_its_length_and_its_pitch(tmp_path: Path, speed: Fraction) -> None:
    source = tmp_path / "audio-1.nut"
    tone = ["-f", "lavfi", "-i", "sine=440:r=48000:d=1", "-c:a", "pcm_s16le", "-f", "nut", ffmpeg.file_url(source)]
    ffmpeg.run(tone, doing="making a tone")
    made = stretched(AudioTrack(source, Fraction(1, 10), "deu"), speed, tmp_path / "slow.nut")
    placed = list(decoded(made))
    sound = np.concatenate([one.samples for one in placed], axis=1)[0]
    assert made.start == Fraction(1, 10) / speed
    assert made.language == "deu"
    assert placed[0].position == round(made.start * 48000)
    assert len(sound) == round(48000 / speed)
    inner = sound[4800:-4800].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
    assert spectrum.argmax() * 48000 / len(inner) == pytest.approx(440, abs=3)


def test_a_hole_in_the_sound_grows_with_it(tmp_path: Path) -> None:
    source = tmp_path / "audio-1.nut"
    tone = "sine=440:r=48000:d=2,aselect='not(between(t,0.8,1.2))'"
    ffmpeg.run(["-f", "lavfi", "-i", tone, "-c:a", "pcm_s16le", "-f", "nut", ffmpeg.file_url(source)], doing="a hole")
    made = stretched(AudioTrack(source, Fraction(0)), Fraction(1, 2), tmp_path / "slow.nut")
    sound = np.concatenate([one.samples for one in decoded(made)], axis=1)[0]
    quiet = np.abs(sound[: len(sound) // 480 * 480].reshape(-1, 480)).max(axis=1) < 50
    assert len(sound) / 48000 == pytest.approx(4, abs=0.1)
    assert np.flatnonzero(quiet).mean() * 0.01 == pytest.approx(2.0, abs=0.1)
