"""Playlists and manifest from hand-made tracks: rounding, bit rates, names."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footlights.encoding.cmaf import KeyRange, SegmentFile, StreamTrack, measured_rates, sound_edges
from footlights.encoding.dash import manifest, read_manifest
from footlights.encoding.hls import (
    SoundVariant,
    Stream,
    VideoVariant,
    iframe_playlist,
    language_tag,
    master_playlist,
    media_playlist,
    read_master,
    read_media,
)
from footlights.media.audio import AacStream


def track(name: str, timescale: int, durations: list[int]) -> StreamTrack:
    segments, start = [], 0
    for number, duration in enumerate(durations, start=1):
        keys = (KeyRange(start, 24, 100),)
        segments.append(SegmentFile(f"{number:05d}.m4s", start, duration, 1000 * number, keys))
        start += duration
    return StreamTrack(name, b"", timescale, tuple(segments), "")


def stream(durations: list[int], title: str = "Sound") -> Stream:
    duration = Fraction(sum(durations), 60_000)
    video = VideoVariant(track("av1", 60_000, durations), "av01.0.13M.10", 3840, 2160, Fraction(60_000, 1001))
    sound = track("sound-1", 48_000, [round(duration * 48_000)])
    return Stream((video,), (SoundVariant(sound, "mp4a.40.2", title, "en"),), duration)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_durations_never_drift(frames):
    made = stream([1001 * count for count in frames])
    for text in (media_playlist(made.video[0].track, made), iframe_playlist(made.video[0].track, made)):
        playlist = read_media(text)
        total = Fraction(0)
        for entry, segment in zip(playlist.segments, made.video[0].track.segments, strict=True):
            assert abs(total - Fraction(segment.start, 60_000)) <= Fraction(1, 2_000_000)
            total += entry.duration
            assert int(entry.duration + Fraction(1, 2)) <= playlist.target
        assert abs(total - made.duration) <= Fraction(1, 2_000_000)
    duration, (video, sound) = read_manifest(manifest(made))
    assert abs(duration - made.duration) <= Fraction(1, 2_000_000)
    assert video.starts[-1] == made.duration
    assert len(video.files) == len(frames)
    assert sound.files == ("sound-1/00001.m4s",)


def test_peak_rate_is_of_half_to_one_and_a_half_target_durations():
    seconds = [Fraction(4), Fraction(4), Fraction(1, 10), Fraction(4)]
    rates = measured_rates([4000, 8000, 9000, 4000], seconds, target=4)
    assert rates.peak == -(-17_000 * 8 * 10 // 41)  # the short segment counts together with the one before it
    assert rates.average == -(-25_000 * 8 * 10 // 121)
    assert measured_rates([1000], [Fraction(1, 10)], target=4).peak == 80_000


def test_master_adds_the_sound_and_names_everything():
    made = stream([240_240, 240_240])
    tags = read_master(master_playlist(made))
    (variant,) = [tag for tag in tags if tag.name == "STREAM-INF"]
    sound = made.sound[0].track.rates(made.target)
    video = made.video[0].track.rates(made.target)
    assert int(variant.get("BANDWIDTH")) == video.peak + sound.peak
    assert int(variant.get("AVERAGE-BANDWIDTH")) == video.average + sound.average
    assert variant.get("AUDIO") == "sound"
    assert variant.get("FRAME-RATE") == "59.940"
    (iframes,) = [tag for tag in tags if tag.name == "I-FRAME-STREAM-INF"]
    assert iframes.uri == "av1/iframes.m3u8"
    assert iframes.get("CODECS") == "av01.0.13M.10"


@pytest.mark.parametrize("title", ['a "quoted" name', "new\nline\r", "<&>'\"", "Saal Süd · 舞台", "\x01\x7f"])
def test_names_are_escaped(title):
    made = stream([240_240], title)
    lines = master_playlist(made).split("\n")
    (line,) = [line for line in lines if line.startswith("#EXT-X-MEDIA")]
    assert line.count('"') == 10
    (tag,) = [tag for tag in read_master(master_playlist(made)) if tag.name == "MEDIA"]
    assert tag.get("URI") == "sound-1/media.m3u8"
    assert len(tag.get("NAME")) == len(title)
    assert read_manifest(manifest(made))[1][1].name == "sound-1"


def test_languages_have_their_shortest_code():
    assert [language_tag(code) for code in ("eng", "ger", "yue", "und", "")] == ["en", "de", "yue", "", ""]


def test_manifest_runs_and_rates():
    made = stream([240_240, 240_240, 240_240, 120_120])
    text = manifest(made)
    assert '<S t="0" d="240240" r="2" />' in text
    assert '<S d="120120" />' in text
    assert 'frameRate="60000/1001"' in text
    assert 'par="16:9"' in text
    narrow = replace(made, video=(replace(made.video[0], width=704, height=480, sample_aspect=Fraction(10, 11)),))
    assert 'sar="10:11"' in manifest(narrow)
    assert 'par="4:3"' in manifest(narrow)


@pytest.mark.parametrize("text", ["", "<MPD/>", "<!DOCTYPE x [<!ENTITY a 'b'>]><MPD/>", "#EXTM3U"])
def test_what_is_no_manifest_is_a_value_error(text):
    with pytest.raises(ValueError, match="it "):
        read_manifest(text)


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 48_000 * 20),
    marks=st.lists(st.fractions(0, 20, max_denominator=1000), max_size=8, unique=True),
)
def test_sound_edges_are_packets_in_order(samples, marks):
    sound = AacStream(b"", -(-samples // 1024) + 1, samples, 128_000, iter(()))
    boundaries = sorted(mark for mark in marks if 0 < mark < Fraction(samples, 48_000))
    edges = sound_edges(sound, boundaries)
    assert edges[0] == 0
    assert edges[-1] == sound.packet_count
    assert all(early < late for early, late in pairwise(edges))
