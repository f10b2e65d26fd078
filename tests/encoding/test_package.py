"""Stream folders: independent readers find every picture at its time, and the manifests tell the truth."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from streams import FRAMES, HEIGHT, RATE, WIDTH, programme

from footlights.core.time import FrameRange
from footlights.encoding.boxes import fragments
from footlights.encoding.codecs import codec_string, sample_entry
from footlights.encoding.dash import read_manifest
from footlights.encoding.hls import read_master, read_media
from footlights.encoding.package import Rendition, write_stream
from footlights.errors import OutputExistsError, ToolError, UsageError
from footlights.media.ffmpeg import binary, file_url
from footlights.media.lossless import frame_digest
from footlights.media.pieces import Clock
from footlights.media.pixels import layout, plane_views


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("made")
    parts = programme(folder)
    return parts, parts.write(folder / "stream"), folder / "stream"


def digests(frames) -> list[str]:
    return [frame_digest(plane_views(frame, layout(frame.format.name))) for frame in frames]


def read_by_ffmpeg(*arguments: str) -> list[tuple[int, str]]:
    """Time stamps and MD5 of frames as the ffmpeg program reads them."""
    command = [str(binary()), "-v", "error", *arguments, "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    assert done.stderr == b""
    lines = [line.split(",") for line in done.stdout.decode().splitlines() if not line.startswith("#")]
    return [(int(fields[2]), fields[-1].strip()) for fields in lines]


def test_segments_joined_decode_to_the_pieces_at_exact_times(made):
    parts, stream, folder = made
    for rendition, variant in zip(parts.renditions, stream.video, strict=True):
        names = ["init.mp4", *(segment.file for segment in variant.track.segments)]
        joined = folder.parent / f"{rendition.name}.mp4"
        joined.write_bytes(b"".join((folder / rendition.name / name).read_bytes() for name in names))
        with av.open(str(joined)) as source:
            frames = [(frame.pts * frame.time_base, frame) for frame in source.decode(video=0)]
            assert [time for time, _ in frames] == [number / RATE for number in range(FRAMES)]
            found = digests(frame for _, frame in frames)
        wanted: list[str] = []
        for piece in rendition.pieces:
            with av.open(str(piece.path)) as source:
                wanted += digests(source.decode(video=0))
        assert found == wanted


def test_the_ffmpeg_program_reads_the_playlists(made):
    _, stream, folder = made
    for number, variant in enumerate(stream.video):
        source = ["-allowed_extensions", "ALL", "-i", file_url(folder / "master.m3u8")]
        frames = read_by_ffmpeg(
            *source, "-map", f"0:v:{number}", "-fps_mode", "passthrough", "-enc_time_base", "1/60000"
        )
        assert [stamp for stamp, _ in frames] == [1001 * number for number in range(FRAMES)]
        manifest = read_by_ffmpeg("-i", file_url(folder / "manifest.mpd"), "-map", f"0:v:{number}")
        assert len(manifest) == FRAMES
        alone = ["-allowed_extensions", "ALL", "-i", file_url(folder / variant.track.name / "iframes.m3u8")]
        keys = read_by_ffmpeg(*alone, "-fps_mode", "passthrough", "-enc_time_base", "1/60000")
        by_stamp = dict(frames)
        assert len(keys) == sum(len(segment.keys) for segment in variant.track.segments)
        assert all(by_stamp[stamp] == digest for stamp, digest in keys)


def test_every_segment_decodes_alone(made):
    parts, stream, folder = made
    for variant in stream.video:
        header = (folder / variant.track.name / "init.mp4").read_bytes()
        for segment, part in zip(variant.track.segments, parts.segments, strict=True):
            alone = folder.parent / "alone.mp4"
            alone.write_bytes(header + (folder / variant.track.name / segment.file).read_bytes())
            with av.open(str(alone)) as source:
                frames = list(source.decode(video=0))
            assert len(frames) == len(part)
            assert frames[0].key_frame
            assert frames[0].pts * frames[0].time_base == part.start / RATE


def test_key_frames_are_fragments_of_their_own(made):
    parts, stream, folder = made
    assert set(parts.keys) > {part.start for part in parts.segments}
    for variant in stream.video:
        keys = [key.start for segment in variant.track.segments for key in segment.keys]
        assert keys == [1001 * key for key in parts.keys]
        for segment in variant.track.segments:
            data = (folder / variant.track.name / segment.file).read_bytes()
            for key in segment.keys:
                (found,) = fragments(data[key.offset : key.offset + key.length])
                assert [sample.key for sample in found.samples] == [True]


def test_playlists_are_exact(made):
    parts, stream, folder = made
    for track in [*(variant.track for variant in stream.video), *(variant.track for variant in stream.sound)]:
        playlist = read_media((folder / track.name / "media.m3u8").read_text())
        assert abs(sum(segment.duration for segment in playlist.segments) - FRAMES / RATE) < Fraction(1, 10**6)
        assert playlist.target >= max(round(segment.duration) for segment in playlist.segments)
        assert len(playlist.segments) == len(parts.segments)
        assert playlist.ended
    tags = read_master((folder / "master.m3u8").read_text())
    variants = [tag for tag in tags if tag.name == "STREAM-INF"]
    assert [tag.uri for tag in variants] == ["av1-64/media.m3u8", "h264-64/media.m3u8"]
    assert variants[0].get("CODECS") == "av01.0.00M.10,mp4a.40.2"
    assert re.fullmatch(r"avc1\.64[0-9A-F]{4},mp4a\.40\.2", variants[1].get("CODECS"))
    assert variants[0].get("RESOLUTION") == f"{WIDTH}x{HEIGHT}"
    assert (variants[0].get("FRAME-RATE"), variants[0].get("VIDEO-RANGE")) == ("59.940", "SDR")
    sounds = [tag for tag in tags if tag.name == "MEDIA"]
    assert [(tag.get("NAME"), tag.get("LANGUAGE")) for tag in sounds] == [("Hall 'A' & <B>", "en"), ("de", "de")]
    assert [tag.get("DEFAULT") for tag in sounds] == ["YES", "NO"]


def test_stated_bit_rates_hold(made):
    _, stream, folder = made
    tags = {tag.uri: tag for tag in read_master((folder / "master.m3u8").read_text())}
    sound = max(sum(segment.bytes for segment in variant.track.segments) for variant in stream.sound)
    for variant in stream.video:
        tag = tags[f"{variant.track.name}/media.m3u8"]
        total = sum(segment.bytes for segment in variant.track.segments) + sound
        average = total * 8 / stream.duration
        assert average <= int(tag.get("AVERAGE-BANDWIDTH")) < average + 3
        assert int(tag.get("BANDWIDTH")) >= int(tag.get("AVERAGE-BANDWIDTH"))


def test_the_manifest_describes_the_same_files(made):
    parts, stream, folder = made
    duration, items = read_manifest((folder / "manifest.mpd").read_text())
    assert abs(duration - stream.duration) < Fraction(1, 10**6)
    assert [item.name for item in items] == ["av1-64", "h264-64", "sound-1", "sound-2"]
    for item in items:
        assert all((folder / file).is_file() for file in (item.header, *item.files))
        assert item.codecs == codec_string((folder / item.header).read_bytes())
    for item in items[:2]:
        assert item.starts == (*(part.start / RATE for part in parts.segments), FRAMES / RATE)
        assert sample_entry((folder / item.header).read_bytes()).width == item.width
    text = (folder / "manifest.mpd").read_text()
    assert '<Label>Hall "A" &amp; &lt;B&gt;</Label>' in text
    assert 'lang="en"' in text


def test_sound_boundaries_lie_within_a_packet_of_the_pictures(made):
    parts, stream, _ = made
    for variant in stream.sound:
        for segment, part in zip(variant.track.segments, parts.segments, strict=True):
            assert abs(Fraction(segment.start, 48_000) - part.start / RATE) <= Fraction(1024, 48_000)
        spans = [(segment.start, segment.start + segment.duration) for segment in variant.track.segments]
        assert all(early[1] == late[0] for early, late in pairwise(spans))
        assert spans[-1][1] == round(stream.duration * 48_000)


def test_equal_input_gives_equal_bytes(made, tmp_path: Path):
    parts, _, folder = made
    parts.write(tmp_path / "again")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


def test_uneven_times_are_kept(tmp_path: Path):
    times = [Fraction(3 * number + number % 3, 180) for number in range(FRAMES)]
    clock = Clock(times, times[-1] + Fraction(1, 60), Fraction(60))
    parts = programme(tmp_path, clock)
    stream = parts.write(tmp_path / "stream")
    for variant in stream.video:
        folder = tmp_path / "stream" / variant.track.name
        joined = tmp_path / "joined.mp4"
        files = ["init.mp4", *(segment.file for segment in variant.track.segments)]
        joined.write_bytes(b"".join((folder / file).read_bytes() for file in files))
        with av.open(str(joined)) as source:
            assert [frame.pts * frame.time_base for frame in source.decode(video=0)] == times


def test_a_stream_without_sound(made, tmp_path: Path):
    parts, _, _ = made
    write_stream(tmp_path / "mute", parts.renditions[:1], parts.clock, parts.segments)
    text = (tmp_path / "mute" / "master.m3u8").read_text()
    assert "AUDIO" not in text
    assert 'CODECS="av01.0.00M.10"' in text


def test_what_cannot_be_a_stream_is_refused(made, tmp_path: Path):
    parts, _, folder = made
    av1 = parts.renditions[0]
    wrong = (FrameRange(0, 30), FrameRange(30, FRAMES))
    with pytest.raises(ToolError, match="cannot be cut at frame"):
        write_stream(tmp_path / "a", [av1], parts.clock, wrong)
    with pytest.raises(UsageError, match="segments end"):
        write_stream(tmp_path / "b", [av1], parts.clock, parts.segments[:-1])
    for name in ("../up", "a b", "sound-1", ""):
        with pytest.raises(UsageError, match="cannot be called"):
            write_stream(tmp_path / "c", [Rendition(name, av1.pieces)], parts.clock, parts.segments)
    with pytest.raises(OutputExistsError):
        write_stream(folder, [av1], parts.clock, parts.segments)
