"""Masters: every time exact, every picture and every sound packet as it was."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from coded import CLOCK, LENGTHS, RATE, click_track, digests, encode_pieces, heard

from footlights.core.signal import Matrix, Primaries, Range, Signal, Transfer
from footlights.errors import ToolError, UsageError
from footlights.media.audio import AudioTrack
from footlights.media.bitstreams import av1_sequence
from footlights.media.ffmpeg import file_url, run
from footlights.media.mux import payload_digest, write_master
from footlights.media.pieces import Clock, Piece, VideoTrack
from footlights.media.soundtrack import Container

HALF_MILLISECOND = Fraction(1, 2000)
COMBINATIONS = [
    ("av1", ".mkv", Container.MATROSKA),
    ("av1", ".mkv", Container.MP4),
    ("av1", ".ivf", Container.MP4),
    ("h264", ".mkv", Container.MATROSKA),
    ("h264", ".mkv", Container.MOV),
    ("h264", ".nut", Container.MP4),
    ("h264 unstitchable", ".mkv", Container.MP4),
    ("h264 unstitchable", ".mkv", Container.MATROSKA),
    ("hevc", ".mkv", Container.MOV),
    ("hevc", ".mkv", Container.MATROSKA),
    ("ffv1", ".mkv", Container.MATROSKA),
    ("prores", ".mov", Container.MOV),
    ("prores", ".mov", Container.MATROSKA),
]


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[Piece, ...]]:
    folder = tmp_path_factory.mktemp("pieces")
    wanted = dict.fromkeys((encoder, suffix) for encoder, suffix, _ in COMBINATIONS)
    return {(encoder, suffix): encode_pieces(folder, encoder, suffix) for encoder, suffix in wanted}


@pytest.mark.parametrize(("encoder", "suffix", "container"), COMBINATIONS)
def test_pictures_and_their_times_survive(pieces, tmp_path: Path, encoder, suffix, container):
    parts = pieces[encoder, suffix]
    path = tmp_path / "master.part"
    facts = write_master(path, container, parts, CLOCK)
    assert facts.frames == sum(LENGTHS)
    assert digests(path) == [digest for piece in parts for digest in digests(piece.path)]
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        times = [frame.pts * frame.time_base for frame in source.decode(stream)]
        tolerance = HALF_MILLISECOND if container is Container.MATROSKA else 0
        assert all(abs(time - wanted) <= tolerance for time, wanted in zip(times, CLOCK.times, strict=True))
        if container is Container.MATROSKA:  # DefaultDuration in nanoseconds, from which readers guess a fraction
            assert _default_duration(path) == int(10**9 / RATE)
        else:
            assert stream.average_rate == RATE
        assert stream.codec_context.color_primaries == 1
        assert stream.codec_context.colorspace == 1
    with av.open(str(path)) as source:
        stamps = [
            (packet.dts, packet.pts) for packet in source.demux(video=0) if packet.size and packet.dts is not None
        ]
        assert all(early < late for (early, _), (late, _) in pairwise(stamps))
        assert all(dts <= pts for dts, pts in stamps)


def test_container_length_ends_with_the_last_frame(pieces, tmp_path: Path):
    path = tmp_path / "master.mp4"
    write_master(path, Container.MP4, pieces["h264", ".nut"], CLOCK)
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        assert stream.duration * stream.time_base == CLOCK.end
        assert stream.time_base == Fraction(1, 60000)


@pytest.mark.parametrize("container", [Container.MP4, Container.MATROSKA])
def test_uneven_times_are_kept_with_reordered_pictures(pieces, tmp_path: Path, container):
    steps = [Fraction(1, 50), Fraction(1, 25), Fraction(3, 100), Fraction(1, 10)]
    times = [sum((steps[k % 4] for k in range(number)), Fraction(0)) for number in range(sum(LENGTHS))]
    clock = Clock(times, times[-1] + Fraction(1, 25), Fraction(25))
    path = tmp_path / "master"
    write_master(path, container, pieces["h264", ".mkv"], clock)
    with av.open(str(path)) as source:
        assert [frame.pts * frame.time_base for frame in source.decode(video=0)] == times


@pytest.mark.parametrize("container", list(Container))
def test_equal_input_gives_equal_bytes(pieces, tmp_path: Path, container):
    sound = tmp_path / "sound.nut"
    click_track(sound, "pcm_s16le", [Fraction(1, 4)], Fraction(1))
    for name in ("one", "two"):
        write_master(
            tmp_path / name, container, pieces["h264", ".mkv"], CLOCK,
            sound=[AudioTrack(sound, Fraction(1, 7), "deu")], timecode="01:00:00:05",
        )  # fmt: skip
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def _default_duration(path: Path) -> int:
    data = path.read_bytes()
    at = data.index(b"\x23\xe3\x83")
    return int.from_bytes(data[at + 4 : at + 4 + (data[at + 3] & 15)], "big")


def test_tags_say_what_the_signal_says(pieces, tmp_path: Path):
    colour = {"matrix": Matrix.SMPTE170M, "primaries": Primaries.SMPTE170M, "transfer": Transfer.SMPTE170M}
    signal = Signal(**colour, range=Range.LIMITED)
    write_master(tmp_path / "mkv", Container.MATROSKA, pieces["ffv1", ".mkv"], CLOCK, signal=signal)
    with av.open(str(tmp_path / "mkv")) as source:  # FFV1 says nothing of colour itself
        context = source.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (6, 6, 6, 1)
    narrow = Signal(**colour, range=Range.LIMITED, sample_aspect=Fraction(10, 11))
    write_master(tmp_path / "mov", Container.MOV, pieces["prores", ".mov"], CLOCK, signal=narrow)
    with av.open(str(tmp_path / "mov")) as source:
        assert source.streams.video[0].sample_aspect_ratio == Fraction(10, 11)
    with pytest.raises(UsageError, match="sample aspect 10/11"):
        write_master(tmp_path / "no", Container.MATROSKA, pieces["ffv1", ".mkv"], CLOCK, signal=narrow)


COPIED = [
    ("pcm_s16le", Container.MATROSKA),
    ("pcm_s16le", Container.MOV),
    ("pcm_u8", Container.MOV),
    ("mp2", Container.MATROSKA),
    ("mp2", Container.MOV),
    ("mp2", Container.MP4),
    ("ac3", Container.MP4),
    ("flac", Container.MP4),
]


@pytest.mark.parametrize(("codec", "container"), COPIED)
def test_sound_packets_are_copied_bit_for_bit(pieces, tmp_path: Path, codec, container):
    sound = tmp_path / "sound.nut"
    click_track(sound, codec, [Fraction(1, 4)], Fraction(1))
    master = tmp_path / "master"
    facts = write_master(
        master, container, pieces["h264", ".mkv"], CLOCK, sound=[AudioTrack(sound, Fraction(0), "jpn")]
    ).sound[0]
    assert facts.copied
    assert facts.note == ""
    count, digest = payload_digest(sound, 0)
    assert (facts.packets, facts.payload) == (count, digest)
    assert payload_digest(master, 0)[1] == digest
    with av.open(str(master)) as source:
        assert source.streams.audio[0].language == "jpn"


@pytest.mark.parametrize("container", list(Container))
def test_aac_of_a_transport_stream_loses_only_its_packet_headers(pieces, tmp_path: Path, container):
    sound, adts, master = tmp_path / "sound.nut", tmp_path / "adts.nut", tmp_path / "master"
    click_track(sound, "pcm_s16le", [Fraction(1, 4)], Fraction(1))
    run(["-i", file_url(sound), "-c:a", "aac", "-f", "adts", file_url(tmp_path / "s.aac")], doing="encoding sound")
    run(["-i", file_url(tmp_path / "s.aac"), "-c", "copy", file_url(adts)], doing="copying sound")
    facts = write_master(master, container, pieces["h264", ".mkv"], CLOCK, sound=[AudioTrack(adts, Fraction(0))])
    assert facts.sound[0].copied
    assert "ADTS" in facts.sound[0].note
    assert payload_digest(master, 0) == (facts.sound[0].packets, facts.sound[0].payload)


@pytest.mark.parametrize(
    ("codec", "container", "stored"),
    [
        ("pcm_s16le", Container.MP4, "flac"),
        ("pcm_s24le", Container.MP4, "flac"),
        ("pcm_u8", Container.MP4, "flac"),
        ("pcm_s8", Container.MATROSKA, "pcm_u8"),
        ("flac", Container.MOV, "pcm_s16le"),
    ],
)
def test_what_the_container_cannot_carry_is_stored_losslessly_and_reported(
    pieces, tmp_path: Path, codec, container, stored
):
    sound, master = tmp_path / "sound.nut", tmp_path / "master"
    click_track(sound, codec, [Fraction(1, 4), Fraction(1, 3)], Fraction(1))
    facts = write_master(master, container, pieces["h264", ".mkv"], CLOCK, sound=[AudioTrack(sound, Fraction(0))])
    assert (facts.sound[0].codec, facts.sound[0].copied) == (stored, False)
    assert stored in facts.sound[0].note
    with av.open(str(sound)) as one, av.open(str(master)) as other:
        before = b"".join(_float_bytes(frame) for frame in one.decode(audio=0))
        after = b"".join(_float_bytes(frame) for frame in other.decode(audio=0))
    assert before == after


def _float_bytes(frame: av.AudioFrame) -> bytes:
    values = frame.to_ndarray()
    if values.dtype.kind == "u":
        values = (values.astype("int16") - 128) << 8
    scale = {"int16": 2.0**15, "int32": 2.0**31}[values.dtype.name]
    flat = values if not frame.format.is_planar else values.T.reshape(1, -1)
    return (flat / scale).tobytes()


@pytest.mark.parametrize("start", [Fraction(0), Fraction(1001, 7000), Fraction(-2, 7)])
@pytest.mark.parametrize("container", list(Container))
def test_sound_keeps_its_distance_from_the_pictures(pieces, tmp_path: Path, container, start):
    sound, master = tmp_path / "sound.nut", tmp_path / "master"
    clicks = [Fraction(2, 5), Fraction(3, 5)]
    click_track(sound, "pcm_s16le", clicks, Fraction(4, 5))
    write_master(master, container, pieces["hevc", ".mkv"], CLOCK, sound=[AudioTrack(sound, start)])
    found, first = heard(master)
    tolerance = Fraction(1, 48_000) + (HALF_MILLISECOND if container is Container.MATROSKA else 0)
    for time, click in zip(found, clicks, strict=True):
        assert abs(time - first - (click + start)) <= tolerance


@pytest.mark.parametrize("container", list(Container))
def test_a_hole_in_the_sound_moves_nothing(pieces, tmp_path: Path, container):
    sound, master = tmp_path / "sound.nut", tmp_path / "master"
    click_track(
        sound, "pcm_s16le", [Fraction(1, 10), Fraction(9, 10)], Fraction(1), hole=(Fraction(1, 3), Fraction(2, 3))
    )
    facts = write_master(master, container, pieces["h264", ".mkv"], CLOCK, sound=[AudioTrack(sound, Fraction(0))])
    found, first = heard(master)
    assert [round(float(time - first), 3) for time in found] == [0.1, 0.9]
    assert payload_digest(master, 0)[1] == facts.sound[0].payload
    assert (facts.sound[0].silence > 0) == (container is not Container.MATROSKA)
    assert (facts.sound[0].note != "") == (container is not Container.MATROSKA)


def test_several_tracks_and_an_empty_one(pieces, tmp_path: Path):
    tracks = []
    for codec in ("mp2", "ac3", "pcm_s16le"):
        path = tmp_path / f"{codec}.nut"
        click_track(path, codec, [], Fraction(1))
        tracks.append(AudioTrack(path, Fraction(0), "eng", f"As {codec}"))
    empty = tmp_path / "empty.nut"
    click_track(empty, "pcm_s16le", [], Fraction(1), hole=(Fraction(0), Fraction(1)))
    master = tmp_path / "master"
    facts = write_master(
        master, Container.MATROSKA, pieces["av1", ".mkv"], CLOCK, sound=[*tracks, AudioTrack(empty, Fraction(0))]
    )
    assert [track.codec for track in facts.sound] == ["mp2", "ac3", "pcm_s16le"]
    with av.open(str(master)) as source:
        assert [stream.metadata["title"] for stream in source.streams.audio] == ["As mp2", "As ac3", "As pcm_s16le"]


def test_timecode_counts_output_frames_in_quicktime(pieces, tmp_path: Path):
    written = {}
    for container in (Container.MATROSKA, Container.MOV):
        path = tmp_path / container.value
        facts = write_master(path, container, pieces["h264", ".mkv"], CLOCK, timecode="01:02:03;14")
        with av.open(str(path)) as source:
            tags = {key.lower(): value for key, value in source.streams.video[0].metadata.items()}
        written[container] = (facts.timecode, tags["timecode"])
    assert written == {Container.MATROSKA: ("01:02:03;14",) * 2, Container.MOV: ("01:02:03;28",) * 2}
    facts = write_master(tmp_path / "x", Container.MOV, pieces["h264", ".mkv"], CLOCK, timecode="01:02:03:44")
    assert facts.timecode is None


def test_av1_record_is_the_sequence_header_of_the_stream(pieces):
    """SVT-AV1's own record differs from what it then writes into the stream."""
    with VideoTrack(pieces["av1", ".mkv"], CLOCK) as video:
        sample = next(video.samples())
        assert video.record == av1_sequence(sample.data)
        assert bytes(video.template.codec_context.extradata)[4:] != video.record


def test_pieces_that_do_not_fit_are_refused(pieces, tmp_path: Path):
    parts = pieces["av1", ".mkv"]
    wrong = (Piece(parts[0].path, 25), parts[1], Piece(parts[2].path, 6))
    mixed = (parts[0], *pieces["h264", ".mkv"][1:])
    with pytest.raises(ToolError, match="holds 24 frames"):
        write_master(tmp_path / "a", Container.MP4, wrong, CLOCK)
    with pytest.raises(ToolError, match="cannot follow"):
        write_master(tmp_path / "b", Container.MP4, mixed, CLOCK)
    with pytest.raises(UsageError, match="frame times"):
        write_master(tmp_path / "c", Container.MP4, parts[:2], CLOCK)
    with pytest.raises(UsageError, match="cannot hold ffv1"):
        write_master(tmp_path / "d", Container.MP4, pieces["ffv1", ".mkv"], CLOCK)
    with pytest.raises(UsageError, match="not later"):
        Clock([Fraction(0), Fraction(1), Fraction(1)], Fraction(2), Fraction(25))
