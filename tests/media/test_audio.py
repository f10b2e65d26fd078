"""Sound on the programme's timeline: every sample where its packet's time puts it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from coded import click_track

from footlights.media.audio import (
    PRIMING,
    STREAM_RATE,
    AudioTrack,
    decoded,
    encode_aac,
    measure_offset,
    programme_sound,
    source_format,
    stereo,
)

DURATION = Fraction(1001, 1000)


def laid_out(track: AudioTrack, duration: Fraction = DURATION) -> np.ndarray:
    return np.concatenate([np.zeros((2, 0)), *programme_sound(track, duration)], axis=1)


def clicks_in(sound: np.ndarray) -> list[int]:
    """Samples at which something loud begins."""
    loud = np.flatnonzero(np.abs(sound).max(axis=0) > 0.4)
    return [int(place) for index, place in enumerate(loud) if index == 0 or place - loud[index - 1] > 100]


@pytest.mark.parametrize("start", [Fraction(0), Fraction(1, 7), Fraction(-1, 7), Fraction(-1, 2)])
def test_samples_lie_where_the_track_begins(tmp_path: Path, start):
    path = tmp_path / "sound.nut"
    click_track(path, "pcm_s16le", [Fraction(1, 10), Fraction(6, 10)], Fraction(4, 5))
    sound = laid_out(AudioTrack(path, start))
    assert sound.shape == (2, round(DURATION * STREAM_RATE))
    wanted = [click + start for click in (Fraction(1, 10), Fraction(6, 10)) if click + start >= 0]
    assert clicks_in(sound) == [pytest.approx(float(time * STREAM_RATE), abs=1) for time in wanted]


def test_a_hole_is_silent_and_moves_nothing(tmp_path: Path):
    path = tmp_path / "sound.nut"
    hole = (Fraction(1, 3), Fraction(2, 3))
    click_track(path, "pcm_s16le", [Fraction(1, 10), Fraction(1, 2), Fraction(9, 10)], Fraction(1), hole=hole)
    assert clicks_in(laid_out(AudioTrack(path, Fraction(0)))) == [4800, 43200]


@pytest.mark.parametrize("seconds", [Fraction(1, 5), Fraction(2)])
def test_the_track_is_cut_or_filled_to_the_programme(tmp_path: Path, seconds):
    path = tmp_path / "sound.nut"
    click_track(path, "pcm_s16le", [Fraction(1, 10)], seconds)
    for duration in (DURATION, Fraction(1, 48_000), Fraction(1, 3)):
        assert laid_out(AudioTrack(path, Fraction(0)), duration).shape[1] == round(duration * STREAM_RATE)


def test_a_track_without_packets_is_silence(tmp_path: Path):
    path = tmp_path / "empty.nut"
    click_track(path, "pcm_s16le", [], Fraction(1), hole=(Fraction(0), Fraction(1)))
    assert not source_format(AudioTrack(path, Fraction(0))).packets
    sound = laid_out(AudioTrack(path, Fraction(0)))
    assert sound.shape[1] == round(DURATION * STREAM_RATE)
    assert not sound.any()


@pytest.mark.parametrize("rate", [32_000, 44_100, 96_000])
def test_resampling_delays_nothing(tmp_path: Path, rate):
    path = tmp_path / "sound.nut"
    click_track(path, "pcm_s16le", [Fraction(1, 4), Fraction(3, 4)], Fraction(1), rate=rate)
    sound = laid_out(AudioTrack(path, Fraction(0)))
    for wanted in (12_000, 36_000):
        found = wanted - 100 + int(np.argmax(np.abs(sound[0, wanted - 100 : wanted + 100])))
        assert abs(found - wanted) <= 1


@pytest.mark.parametrize(
    ("codec", "layout"),
    [("pcm_s16le", "mono"), ("pcm_s16le", "stereo"), ("pcm_s16le", "5.1"), ("pcm_u8", "mono"), ("flac", "5.1")],
)
def test_every_layout_becomes_stereo(tmp_path: Path, codec, layout):
    path = tmp_path / "sound.nut"
    click_track(path, codec, [Fraction(1, 2)], Fraction(1), channels=layout)
    sound = laid_out(AudioTrack(path, Fraction(0)))
    assert clicks_in(sound) == [24_000]
    np.testing.assert_allclose(sound[:, 24_000], 0.9, atol=0.01)  # equal in all channels: as loud as before


def test_downmix_weighs_the_channels_and_cannot_clip():
    names = ("FL", "FR", "FC", "LFE", "BL", "BR")
    one = stereo(np.eye(6, dtype=np.float32), names)
    np.testing.assert_allclose(one[0] / one[0, 0], [1, 0, 0.5**0.5, 0, 0.5**0.5, 0], atol=1e-6)
    np.testing.assert_allclose(one[1] / one[1, 1], [0, 1, 0.5**0.5, 0, 0, 0.5**0.5], atol=1e-6)
    assert np.abs(stereo(np.full((6, 1), -(2**15), np.int16), names)).max() <= 1
    np.testing.assert_array_equal(stereo(np.array([[128, 255, 0]], np.uint8), ("FC",))[0], [0, 127 / 128, -1])


def test_a_coarse_clock_cuts_no_sound(tmp_path: Path):
    """Matroska rounds to milliseconds: 48 samples."""
    path, coarse = tmp_path / "sound.nut", tmp_path / "coarse.mkv"
    click_track(path, "mp2", [Fraction(k, 10) for k in range(1, 10)], Fraction(1))
    with av.open(str(path)) as source, av.open(str(coarse), "w") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    np.testing.assert_array_equal(laid_out(AudioTrack(path, Fraction(0))), laid_out(AudioTrack(coarse, Fraction(0))))


def test_damaged_packets_stay_silent(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path, damaged = tmp_path / "sound.nut", tmp_path / "damaged.nut"
    click_track(path, "ac3", [Fraction(1, 4), Fraction(3, 4)], Fraction(1))
    with av.open(str(path)) as source, av.open(str(damaged), "w", format="nut") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for number, packet in enumerate(source.demux(audio=0)):
            if packet.size:
                data = bytes(packet) if number not in (6, 7, 8) else b"\xff" * packet.size
                copy = av.Packet(data)
                copy.pts, copy.dts, copy.time_base, copy.stream = packet.pts, packet.dts, packet.time_base, stream
                output.mux(copy)
    sound = laid_out(AudioTrack(damaged, Fraction(0)))
    whole = laid_out(AudioTrack(path, Fraction(0)))
    assert abs(clicks_in(sound)[-1] - clicks_in(whole)[-1]) <= 1
    assert not sound[:, 7 * 1536 : 9 * 1536].any()
    assert "cannot be decoded" in caplog.text


def test_decoded_frames_never_overlap(tmp_path: Path):
    path = tmp_path / "sound.nut"
    click_track(path, "mp2", [], Fraction(1))
    reached = 0
    for placed in decoded(AudioTrack(path, Fraction(0))):
        assert placed.position == reached
        reached += placed.samples.shape[1]


@pytest.mark.parametrize("duration", [Fraction(1, 100), Fraction(1001, 30_000), DURATION, Fraction(2048, 48_000)])
def test_aac_begins_with_the_programme(tmp_path: Path, duration):
    """Decoded by another decoder instance, priming cut off, it lies on the source to the sample."""
    path = tmp_path / "sound.nut"
    click_track(path, "pcm_s16le", [Fraction(3, 1000), Fraction(8, 1000), Fraction(1, 2)], Fraction(1))
    track = AudioTrack(path, Fraction(0))
    stream = encode_aac(track, duration, 128_000)
    packets = list(stream.packets)
    assert len(packets) == stream.packet_count
    assert sum(stream.duration(number) for number in range(len(packets))) == stream.samples + PRIMING
    context = av.AudioCodecContext.create("aac", "r")
    context.extradata = stream.config
    frames = [frame for data in packets for frame in context.decode(av.Packet(data))]
    heard = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)[0, PRIMING:]
    wanted = laid_out(track, duration)[0]
    assert len(heard) >= len(wanted) == stream.samples
    assert measure_offset(wanted, heard[: len(wanted)], STREAM_RATE) == 0


def test_offset_is_positive_for_what_comes_later():
    signal = np.random.default_rng(1).standard_normal(4000)
    later = np.concatenate([np.zeros(37), signal])[:4000]
    assert measure_offset(signal, later, 48_000) == Fraction(37, 48_000)
    assert measure_offset(later, signal, 48_000) == Fraction(-37, 48_000)
