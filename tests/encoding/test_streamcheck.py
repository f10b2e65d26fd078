"""The check of a finished stream: silent on a sound one, and it names what is wrong with any other."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from shutil import copytree

import pytest
from streams import RATE, programme

from footlights.core.encodes import BasePictures
from footlights.core.signal import BT709_SIGNAL, Primaries
from footlights.core.time import FrameRange
from footlights.encoding.streamcheck import check_stream
from footlights.media.pieces import Clock
from footlights.media.playback import base_digest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("checked")
    parts = programme(folder)
    stream = parts.write(folder / "stream")
    return parts, stream, folder / "stream"


def failed(checks) -> list[str]:
    return [check.name for check in checks if not check.passed]


def test_a_sound_stream_passes_everything(made):
    parts, stream, folder = made
    checks = check_stream(folder, parts.expected(stream))
    assert [check for check in checks if not check.passed] == []
    names = {check.name for check in checks}
    assert {"av1-64: presentation times", "h264-64: frames", "sound-2: offset against the source"} <= names


def test_expectations_that_differ_are_named(made):
    parts, _, folder = made
    expected = parts.expected()
    later = tuple(time * Fraction(1001, 1000) for time in parts.clock.times)
    slow = Clock(later, parts.clock.end * Fraction(1001, 1000), RATE)
    assert "av1-64: presentation times" in failed(check_stream(folder, replace(expected, clock=slow)))
    moved = (FrameRange(0, 5), FrameRange(5, parts.segments[0].stop), *parts.segments[1:])
    assert "h264-64: segments" in failed(check_stream(folder, replace(expected, segments=moved)))
    wide = replace(BT709_SIGNAL, primaries=Primaries.BT2020)
    assert failed(check_stream(folder, replace(expected, signal=wide))) == [
        "av1-64: colour in the bitstream (H.273)",
        "h264-64: colour in the bitstream (H.273)",
    ]
    late = (replace(parts.sound[0], start=parts.sound[0].start + Fraction(1, 1000)), parts.sound[1])
    assert failed(check_stream(folder, replace(expected, sound=late))) == ["sound-1: offset against the source"]
    more = replace(expected, renditions=(*expected.renditions, "av1-128"))
    assert "av1-128: readable" in failed(check_stream(folder, more))


def test_pictures_without_grain_are_those_that_were_judged(made):
    parts, stream, folder = made
    pieces = next(one for one in parts.renditions if one.name == "av1-64").pieces
    right = tuple(BasePictures(piece.frames, 0, base_digest(piece.path)) for piece in pieces)
    expected = parts.expected(stream)
    checks = check_stream(folder, replace(expected, base={"av1-64": right}))
    assert failed(checks) == []
    assert sum("grain" in check.name for check in checks) == 2
    wrong = (right[0], replace(right[1], base="0" * 64, drawn_frames=3))
    assert failed(check_stream(folder, replace(expected, base={"av1-64": wrong}))) == [
        "av1-64: chunks whose pictures without grain are not those judged",
        "av1-64: pictures with film grain",
    ]


def edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_lies_in_the_manifests_are_found(made, tmp_path: Path):
    parts, _, original = made
    lies = [
        ("master.m3u8", "BANDWIDTH=", "BANDWIDTH=1,X=", "av1-64: BANDWIDTH"),
        ("master.m3u8", "av01.0.00M", "av01.0.05M", "av1-64: CODECS"),
        ("master.m3u8", "av1-64/media.m3u8", "av1/media.m3u8", "master.m3u8: STREAM-INF"),
        ("manifest.mpd", ' d="', ' d="1', "av1-64: timeline in manifest.mpd"),
        ("h264-64/media.m3u8", "#EXT-X-ENDLIST", "", "h264-64: EXT-X-ENDLIST, EXT-X-INDEPENDENT-SEGMENTS"),
        ("h264-64/media.m3u8", "#EXTINF:0.", "#EXTINF:1.", "h264-64: sum of EXTINF"),
        ("h264-64/iframes.m3u8", "@24", "@25", "h264-64: readable"),
        ("sound-1/media.m3u8", "00002.m4s", "00003.m4s", "sound-1: EXTINF follows the media"),
    ]
    for number, (file, old, new, name) in enumerate(lies):
        folder = tmp_path / str(number)
        copytree(original, folder)
        edit(folder, file, old, new)
        assert name in failed(check_stream(folder, parts.expected())), (file, new)


def test_damage_becomes_a_failed_check_and_never_raises(made, tmp_path: Path):
    parts, stream, original = made
    folder = tmp_path / "stream"
    copytree(original, folder)
    expected = parts.expected(stream)
    dice = random.Random(7)
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".m4s", ".mp4"))
    for _ in range(12):
        path = dice.choice(files)
        whole = path.read_bytes()
        data = bytearray(whole)
        kind = dice.choice(["cut", "flip", "scramble", "remove"])
        place = dice.randrange(len(data))
        if kind == "cut":
            data = data[:place]
        elif kind == "flip":
            data[place] ^= 1 << dice.randrange(8)
        else:
            data[place : place + 24] = dice.randbytes(24)
        path.write_bytes(bytes(data))
        if kind == "remove":
            path.unlink()
        assert failed(check_stream(folder, expected)), (path.name, kind, place)
        path.write_bytes(whole)


@pytest.mark.parametrize("file", ["master.m3u8", "manifest.mpd", "av1-64/media.m3u8", "av1-64/iframes.m3u8"])
@pytest.mark.parametrize("content", [b"", b"#EXTM3U\n#EXTINF:x,\na\n", b"<MPD><Period/></MPD>", b"\xff\xfe\x00"])
def test_ruined_manifests_never_raise(made, tmp_path: Path, file, content):
    parts, _, original = made
    copytree(original, tmp_path / "stream")
    (tmp_path / "stream" / file).write_bytes(content)
    assert failed(check_stream(tmp_path / "stream", replace(parts.expected(), sound=())))


def test_an_empty_folder_fails(made, tmp_path: Path):
    parts, _, _ = made
    names = failed(check_stream(tmp_path, parts.expected()))
    assert "master.m3u8: readable" in names
    assert "sound-2: readable" in names
