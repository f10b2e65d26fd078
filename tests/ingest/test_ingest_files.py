"""Ingest: nothing invented, nothing dropped, damage itemised, the copy bit-exact."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from footlights.core.signal import FieldOrder
from footlights.core.source import GapKind
from footlights.core.time import FrameRange
from footlights.errors import SourceError, VerificationError
from footlights.ingest import ingest as taking_in
from footlights.ingest.ingest import probe
from footlights.media import ffmpeg
from footlights.media.lossless import frame_digest
from footlights.media.reader import VideoReader
from made_tapes import settings, take_in
from tape_files import make, make_dv


@pytest.mark.parametrize("suffix", ["mpg", "ts", "mkv", "mov", "avi", "mp4"])
def test_every_format_is_taken_in_frame_by_frame(tmp_path: Path, suffix: str) -> None:
    tape = make(tmp_path / f"tape.{suffix}", 20)
    record = take_in(tape, tmp_path / "in").ingest
    assert record.frames == 20
    assert record.slots == tuple(range(20))
    assert record.source.rate == 25
    assert record.gaps == ()
    assert [Fraction(stamp) * record.time_base for stamp in record.pts[:2]] == [0, Fraction(1, 25)]
    assert record.source.audio[0].packets > 0
    assert abs(record.source.audio[0].start or 0) < Fraction(1, 10)


def test_the_quantiser_of_every_mpeg_picture_is_kept(tmp_path: Path) -> None:
    """Quantiser code 5 on the linear scale is 10 (ISO/IEC 13818-2, table 7-6); FFmpeg's encoder holds it when asked."""
    tape = tmp_path / "tape.mpg"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=352x288:r=25"]
    coder = ["-c:v", "mpeg2video", "-q:v", "5", "-i_qfactor", "1", "-b_qfactor", "1", "-b_qoffset", "0", "-bf", "2"]
    ffmpeg.run([*picture, *coder, "-frames:v", "12", ffmpeg.file_url(tape)], doing="making a tape")
    scales = take_in(tape, tmp_path / "in").ingest.quantisers
    assert scales[:-1] == pytest.approx([10.0] * 11, abs=0.5)
    assert scales[-1:] == (0.0,), "of the picture that comes out as the decoder is drained nothing is told"
    assert take_in(make(tmp_path / "tape.mkv", 3), tmp_path / "other").ingest.quantisers == ()


def test_the_copy_is_ffv1_level_3_with_checksums_and_every_frame_a_key(tmp_path: Path) -> None:
    taken = take_in(make(tmp_path / "tape.mpg", 8), tmp_path / "in")
    with VideoReader(taken.folder / taking_in.PICTURES) as reader:
        assert reader.index.codec == "ffv1"
        assert reader.index.keyframes == tuple(range(8))
        digests = [frame_digest(picture.planes) for picture in reader.read(FrameRange(0, 8))]
    assert tuple(digests) == taking_in.read_hashes(taken.folder)
    damaged = bytearray((taken.folder / taking_in.PICTURES).read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    (tmp_path / "damaged.mkv").write_bytes(damaged)
    messages = ffmpeg.run([*ffmpeg.input_arguments(tmp_path / "damaged.mkv"), "-f", "null", "-"], doing="reading")
    assert "CRC mismatch" in messages


def test_ntsc_dv_keeps_its_layout_and_rate(tmp_path: Path) -> None:
    source = take_in(make_dv(tmp_path / "tape.mov"), tmp_path / "in").ingest.source
    assert (source.chroma, source.rate, source.signal.field_order) == (
        "4:1:1",
        Fraction(30000, 1001),
        FieldOrder.BOTTOM_FIRST,
    )
    assert source.signal.sample_aspect == Fraction(10, 11)


def test_raw_dv_promises_the_frames_it_has_and_no_ticks(tmp_path: Path) -> None:
    tape = make_dv(tmp_path / "tape.dv", frames=12)
    source, promised = probe(tape, settings().ingest)
    # 525-line DV has 120000 bytes a frame.
    assert (source.rate, promised) == (Fraction(30000, 1001), tape.stat().st_size // 120_000)
    assert not take_in(tape, tmp_path / "in").ingest.gaps  # nor is it said that frames are missing


def test_taking_in_twice_gives_the_same_content(tmp_path: Path) -> None:
    tape = make(tmp_path / "tape.mpg", 12)
    first, second = (take_in(tape, tmp_path / name).ingest for name in "ab")
    assert first == second
    other = take_in(make(tmp_path / "other.mpg", 13), tmp_path / "c").ingest
    assert other.content != first.content


@pytest.mark.parametrize("suffix", ["mpg", "ts", "avi", "mkv"])
@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.75, 0.97])
def test_a_truncated_tape_gives_what_survives_and_a_damage_list(tmp_path: Path, suffix: str, share: float) -> None:
    tape = make(tmp_path / f"tape.{suffix}", 30)
    data = tape.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: int(len(data) * share)])
    try:
        record = take_in(cut, tmp_path / "in").ingest
    except SourceError:
        assert share <= 0.05, "only a stub of a file may be refused"
        return
    assert 0 < record.frames <= 30
    assert record.slots[-1] + 1 >= record.frames
    if 30 - record.frames > 2:
        assert record.gaps, "what is missing must be said"
    assert all(gap.timecode for gap in record.gaps)


def test_a_truncated_mp4_has_no_index_and_is_refused_with_a_reason(tmp_path: Path) -> None:
    tape = make(tmp_path / "tape.mp4", 20)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(tape.read_bytes()[:-3000])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        take_in(cut, tmp_path / "in")


@pytest.mark.parametrize("flips", [3, 40])
def test_flipped_bits_never_crash_and_never_change_the_count_silently(tmp_path: Path, flips: int) -> None:
    tape = make(tmp_path / "tape.mpg", 30)
    clean = take_in(tape, tmp_path / "clean")
    rng = np.random.default_rng(flips)
    data = bytearray(tape.read_bytes())
    for place in rng.integers(4000, len(data), flips):
        data[place] ^= 1 << int(rng.integers(0, 8))
    broken = tmp_path / "broken.mpg"
    broken.write_bytes(data)
    record = take_in(broken, tmp_path / "in").ingest
    lost = sum(len(gap.slots) for gap in record.gaps if gap.kind is GapKind.LOST)
    changed = taking_in.read_hashes(tmp_path / "in") != taking_in.read_hashes(clean.folder)
    assert record.slot_count == record.frames + lost
    if record.frames != 30 or changed:
        assert record.faults or record.gaps or lost


def test_a_hole_in_the_timestamps_is_a_lost_frame_with_a_place(tmp_path: Path) -> None:
    tape = make(tmp_path / "tape.mkv", 20, sound=False)
    holed = tmp_path / "holed.mkv"
    ffmpeg.run(
        [
            *ffmpeg.input_arguments(tape),
            "-vf",
            "select='not(eq(n,7)+eq(n,8))'",
            "-fps_mode",
            "passthrough",
            "-c:v",
            "ffv1",
            str(holed),
        ],
        doing="dropping frames",
    )
    record = take_in(holed, tmp_path / "in").ingest
    assert record.frames == 18
    assert record.slot_count == 20
    (gap,) = record.gaps
    assert (gap.kind, gap.start, gap.stop, gap.slots) == (GapKind.LOST, 7, 7, FrameRange(7, 9))
    assert record.slot_range(FrameRange(0, 18)) == FrameRange(0, 20)


@pytest.mark.parametrize(("order", "expected"), [("tff", FieldOrder.TOP_FIRST), ("bff", FieldOrder.BOTTOM_FIRST)])
def test_field_order_tags_are_read(tmp_path: Path, order: str, expected: FieldOrder) -> None:
    assert (
        take_in(make(tmp_path / "tape.mkv", 4, order=order), tmp_path / "in").ingest.source.signal.field_order
        is expected
    )


@pytest.mark.parametrize("size", ["353x289", "720x486"])
def test_odd_sizes_are_kept_whole(tmp_path: Path, size: str) -> None:
    width, height = (int(side) for side in size.split("x"))
    path = tmp_path / "odd.mkv"
    ffmpeg.run(
        [
            "-f",
            "lavfi",
            "-i",
            f"testsrc=s={size}:r=25",
            "-frames:v",
            "4",
            "-pix_fmt",
            "yuv444p",
            "-c:v",
            "ffv1",
            str(path),
        ],
        doing="making",
    )
    source = take_in(path, tmp_path / "in").ingest.source
    assert (source.width, source.height) == (width, height)


@pytest.mark.parametrize("pixel_format", ["rgb24", "uyvy422", "gray", "yuvj420p", "yuv422p10le"])
def test_other_pixel_layouts_keep_their_sample_values(tmp_path: Path, pixel_format: str) -> None:
    path = tmp_path / "tape.nut"
    arguments = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=64x48:r=25",
        "-frames:v",
        "3",
        "-pix_fmt",
        pixel_format,
        "-c:v",
        "rawvideo",
    ]
    ffmpeg.run([*arguments, str(path)], doing="making")
    taken = take_in(path, tmp_path / "in")
    kept = tmp_path / "kept.txt"
    same = ["-map", "0:v", "-fps_mode", "passthrough", "-f", "framehash"]
    picture = "rgb24" if pixel_format == "rgb24" else taken.ingest.source.pixel_format.replace("yuvj", "yuv")
    for source, out in ((path, tmp_path / "was.txt"), (taken.folder / taking_in.PICTURES, kept)):
        conversion = [] if pixel_format == "yuvj420p" else ["-pix_fmt", picture if picture != "uyvy422" else "yuv422p"]
        ffmpeg.run([*ffmpeg.input_arguments(source), *conversion, *same, str(out)], doing="hashing")
    was, now = (
        [line.split(",")[-1] for line in path.read_text().splitlines() if line[0] != "#"]
        for path in (tmp_path / "was.txt", kept)
    )
    assert was == now


def test_a_copy_that_reads_back_differently_is_not_accepted(tmp_path: Path) -> None:
    taken = take_in(make(tmp_path / "tape.mkv", 6), tmp_path / "in")
    digests = list(taking_in.read_hashes(taken.folder))
    digests[3] = "0" * 64
    with pytest.raises(VerificationError, match="frame 3"):
        taking_in._read_back(taken.folder / taking_in.PICTURES, digests)


def test_settings_of_a_person_win(tmp_path: Path) -> None:
    chosen = settings("ingest.field_order=bottom-first", "ingest.sample_aspect=1:1")
    signal = take_in(make(tmp_path / "tape.mpg", 4), tmp_path / "in", chosen).ingest.source.signal
    assert (signal.field_order, signal.sample_aspect) == (FieldOrder.BOTTOM_FIRST, 1)
