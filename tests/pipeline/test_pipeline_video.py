"""`encode`: any progressive video to a stream, its colours kept; what cannot be is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from math import log2
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.core.encodes import ChunkEncode, Probe
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import allocation, ladder
from footlights.errors import SourceError
from footlights.media import ffmpeg
from footlights.pipeline import job as jobs
from footlights.pipeline import verification, video
from footlights.pipeline.allotting import may_be_trimmed, still_good, trims
from footlights.pipeline.chunks import TOLERANCE, ChunkRequest
from footlights.pipeline.video import Encoded
from footlights.settings import EncodingSettings
from small_job import silent

SMALL = ("encoding.heights=[144]", "encoding.h264_height=0", "encoding.target=85")
PATCHES = ("0x606060", "0x904040", "0x409040", "0x404090")


def encode(path: Path, folder: Path) -> Encoded:
    return video.encode(jobs.open_job(path, folder, SMALL, Path("/dev/null")), silent)


def make(path: Path, *codec: str, pictures: str = "testsrc2=s=256x144:r=25:d=2.4", seconds: float = 2.4) -> Path:
    source = ["-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", f"sine=440:r=48000:d={seconds}"]
    ffmpeg.run([*source, *codec, ffmpeg.file_url(path)], doing="making a video")
    return path


def colours(path: Path) -> NDArray[np.float64]:
    """Mean R'G'B' 0..255 of the four patches in the middle picture, from BT.709 studio codes by the formula."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="yuv444p16le") for frame in container.decode(video=0)]
    y, cb, cr = np.moveaxis(frames[len(frames) // 2].astype(np.float64) / 256, -1, 0)
    luma, blue, red = (y - 16) * 255 / 219, (cb - 128) * 255 / 224, (cr - 128) * 255 / 224
    picture = np.stack([luma + 1.5748 * red, luma - 0.1873 * blue - 0.4681 * red, luma + 1.8556 * blue], axis=-1)
    height, width = luma.shape
    quarter = width // 4
    inside = [picture[height // 4 : -height // 4, n * quarter + 8 : (n + 1) * quarter - 8] for n in range(4)]
    return np.array([patch.mean(axis=(0, 1)) for patch in inside])


def test_stream_of_a_video(tmp_path: Path) -> None:
    """Two scenes: the cut is found and begins a key frame; frame count and sound are exact; verify agrees."""
    two = (
        "testsrc2=s=256x144:r=25:d=1.2,setsar=1[a];mandelbrot=s=256x144:r=25,trim=duration=1.2,setsar=1[b];[a][b]concat"
    )
    clip = make(tmp_path / "a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", pictures=f"{two}=n=2:v=1")
    encoded = encode(clip, tmp_path / "job")
    assert encoded.listed.frames == 60
    assert [seen.shot.frames.start for seen in encoded.shots] == [0, 30]
    assert all(check.passed for check in encoded.checks)
    assert any("sound-1" in check.name for check in encoded.checks)
    report = json.loads((tmp_path / "job" / "report.json").read_text("utf-8"))
    assert report["renditions"][0]["name"] == "av1-144"
    sizes = [path.stat().st_size for path in sorted((tmp_path / "job" / "stream" / "av1-144").glob("*.m4s"))]
    lengths = [(part["stop"] - part["start"]) / 25 for part in report["segments"]]
    peaks, average = report["renditions"][0]["peaks"], sum(sizes) / sum(lengths)
    highest = max(size / length for size, length in zip(sizes, lengths, strict=True))
    assert peaks["segment"] == pytest.approx(highest / average, abs=1e-3)
    assert peaks["kbit_per_second"] == pytest.approx(highest * 8 / 1000, abs=1)
    assert (peaks["segment_cap"], peaks["window"]) == (None, None)
    assert report["foretold"]["renditions"][0][0] == "av1-144"
    page = (tmp_path / "job" / "report.html").read_text("utf-8")
    assert page.count('class="rd"') >= 2 * len(encoded.encodes)
    assert "Foretold before the first encode: 1 rendition of" in page
    checks = verification.verify(tmp_path / "job", silent)
    assert all(check.passed for check in checks)
    assert any(check.name.startswith("av1-144") for check in checks)


def test_grain_of_a_video_is_coded_and_verified(tmp_path: Path) -> None:
    """Noise that changes from picture to picture leaves the pictures and comes back as parameters; verify sees both."""
    noisy = "mandelbrot=s=256x144:r=25,trim=duration=1.2,boxblur=3,format=yuv420p,noise=c0s=16:c0f=t"
    clip = make(tmp_path / "a.mkv", "-c:v", "ffv1", "-c:a", "flac", pictures=noisy, seconds=1.2)
    encoded = encode(clip, tmp_path / "job")
    report = json.loads((tmp_path / "job" / "report.json").read_text("utf-8"))
    assert set(report["renditions"][0]["grain"]["outcomes"]) == {"coded"}
    assert report["renditions"][0]["grain"]["sigma"] > 1
    checks = {check.name: check for check in verification.verify(tmp_path / "job", silent)}
    assert all(check.passed for check in checks.values())
    assert checks["av1-144: pictures with film grain"].found == str([len(one.frames) for one in encoded.encodes])


def test_what_it_takes_is_told_and_nothing_is_encoded(tmp_path: Path) -> None:
    """And after the encode nothing is left to be done."""
    clip = make(
        tmp_path / "a.mkv", "-c:v", "ffv1", "-an", pictures="mandelbrot=s=256x144:r=25,trim=duration=0.4,setsar=1"
    )
    job = jobs.open_job(clip, tmp_path / "job", SMALL, Path("/dev/null"))
    told = video.encode(job, silent, dry=True)
    assert told.encodes == told.checks == ()
    assert not (tmp_path / "job" / "stream").exists()
    assert told.foretold.reused == 0 < told.foretold.seconds.low < told.foretold.seconds.likely
    assert told.foretold.bytes.low < told.foretold.bytes.likely < told.foretold.bytes.high
    video.encode(job, silent)
    again = video.encode(job, silent, dry=True).foretold
    assert again.reused == again.chunks == 1
    assert again.seconds.likely == again.disk == 0


def test_a_rendition_nobody_can_tell_from_a_smaller_one_is_left_out(tmp_path: Path) -> None:
    """Soft pictures of 320 lines: 240 shows no more than 144. Resumed, it is the same; with 0 all are made."""
    soft = "mandelbrot=s=568x320:r=25,trim=duration=0.48,gblur=9,format=yuv420p,setsar=1"
    clip = make(tmp_path / "a.mkv", "-c:v", "ffv1", "-an", pictures=soft)
    sets = ("encoding.heights=[320,240,144]", "encoding.h264_height=0", "encoding.target=85", "encoding.grain=keep")
    encoded = video.encode(jobs.open_job(clip, tmp_path / "job", sets, Path("/dev/null")), silent)
    plan = encoded.layout.encode
    assert [rung.name for rung in plan.rungs] == ["av1-320", "av1-144"]
    assert [one.name for one in plan.left_out] == ["av1-240"]
    assert any("av1-240 is left out: shown at 320 lines it looks like av1-144" in text for text in encoded.warnings)
    assert {chunk.rung for chunk in encoded.encodes} == {"av1-320", "av1-144"}
    report = json.loads((tmp_path / "job" / "report.json").read_text("utf-8"))
    assert report["left_out"][0]["name"] == "av1-240"
    assert not (tmp_path / "job" / "stream" / "av1-240").exists()
    assert all(check.passed for check in encoded.checks)


def test_a_target_out_of_reach_ships_the_finest_and_says_so(tmp_path: Path) -> None:
    """Noise at a quality that no allowed value or rate reaches."""
    noise = make(
        tmp_path / "a.mkv",
        "-c:v",
        "ffv1",
        "-an",
        pictures="mandelbrot=s=256x144:r=25,trim=duration=2.4,noise=alls=12:allf=t",
    )
    more = (*SMALL, "encoding.target=99", "encoding.grain=keep", "encoding.probes=6")
    encoded = video.encode(jobs.open_job(noise, tmp_path / "job", more, Path("/dev/null")), silent)
    assert {chunk.outcome for chunk in encoded.encodes} <= {"ceiling", "capped"}
    assert any("stays below the target" in warning for warning in encoded.warnings)
    parts = json.loads((tmp_path / "job" / "report.json").read_text("utf-8"))["parts"]
    assert all(part["q"] in [trial["q"] for trial in part["trials"]] for part in parts)


@pytest.mark.parametrize("length", ["0.04", "1"])
def test_one_frame_and_all_black(tmp_path: Path, length: str) -> None:
    """Odd sizes and no colour tags among them, sound longer than the pictures."""
    black = make(
        tmp_path / "a.mkv", "-c:v", "ffv1", "-c:a", "flac", pictures=f"color=black:s=255x143:r=25:d={length}", seconds=2
    )
    encoded = encode(black, tmp_path / "job")
    assert encoded.listed.frames == round(float(length) * 25)
    assert all(check.passed for check in encoded.checks)


def test_mean_mode_spends_where_it_is_cheap_and_keeps_the_floor(tmp_path: Path) -> None:
    """Two unlike scenes: the mean comes near the target, nothing falls below the floor, resumed it is the same."""
    two = (
        "testsrc2=s=256x144:r=25:d=2.4,noise=alls=18:allf=t,setsar=1[a];"
        "mandelbrot=s=256x144:r=25,trim=duration=2.4,setsar=1[b];[a][b]concat"
    )
    clip = make(
        tmp_path / "a.mp4", "-c:v", "libx264", "-crf", "10", "-pix_fmt", "yuv420p", "-an", pictures=f"{two}=n=2:v=1"
    )
    more = ("encoding.mode=mean", "encoding.target=92", "encoding.slack=5", "encoding.grain=keep")
    job = jobs.open_job(clip, tmp_path / "job", (*SMALL, *more), Path("/dev/null"))
    encoded = video.encode(job, silent)
    chunks = encoded.encodes
    assert "allocated" in {chunk.outcome for chunk in chunks}
    frames = sum(len(chunk.frames) for chunk in chunks)
    mean = sum(chunk.chosen.mean * len(chunk.frames) for chunk in chunks) / frames
    assert mean == pytest.approx(92, abs=1.5)
    assert all(chunk.chosen.mean >= 92 - 5 - 0.75 for chunk in chunks)
    assert all(chunk.chosen in chunk.probes for chunk in chunks)
    assert [one.segment.cap for one in encoded.rates] == [2.0]
    assert all(check.passed for check in encoded.checks)
    again = video.encode(jobs.open_job(clip, tmp_path / "job", (*SMALL, *more), Path("/dev/null")), silent)
    assert again.encodes == chunks


def test_parts_come_to_one_level_where_that_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any saving is made to count: what ended above comes down to the worst, or that comes up; resumed, the same."""
    monkeypatch.setattr(allocation, "_DEAR", 1e-6)
    two = (
        "testsrc2=s=256x144:r=10:d=3.2,noise=alls=18:allf=t,setsar=1[a];"
        "mandelbrot=s=256x144:r=10,trim=duration=3.2,setsar=1[b];[a][b]concat"
    )
    codec = ("-c:v", "libx264", "-crf", "10", "-pix_fmt", "yuv420p", "-an")
    clip = make(tmp_path / "a.mp4", *codec, pictures=f"{two}=n=2:v=1")
    more = ("encoding.target=92", "encoding.grain=keep")
    encoded = video.encode(jobs.open_job(clip, tmp_path / "job", (*SMALL, *more), Path("/dev/null")), silent)
    chunks = encoded.encodes
    assert "allocated" in {chunk.outcome for chunk in chunks}
    searched = []
    for chunk in chunks:
        accepted = [one for one in chunk.probes if one.why != "allocation" and abs(one.score - 92) <= TOLERANCE]
        searched.append(max(accepted, key=lambda one: one.q))
        assert abs(chunk.chosen.score - 92) <= TOLERANCE
        if chunk.outcome == "allocated":
            last = chunk.probes[-1]
            assert (chunk.chosen, last.why) == (last, "allocation")
            assert (last.bytes < searched[-1].bytes) == (last.score < searched[-1].score)
        else:
            assert chunk.chosen == searched[-1]
    before, after = [one.score for one in searched], [chunk.chosen.score for chunk in chunks]
    assert max(after) - min(after) < max(before) - min(before)
    assert all(check.passed for check in encoded.checks)
    again = video.encode(jobs.open_job(clip, tmp_path / "job", (*SMALL, *more), Path("/dev/null")), silent)
    assert again.encodes == chunks


@pytest.mark.parametrize(("worst", "aimed"), [(93.3, 93.0), (92.8, 92.8), (92.56, 92.75)])
def test_a_large_part_comes_down_to_where_the_worst_one_ended(worst: float, aimed: float) -> None:
    """What it lacks of 100 doubles with every 12 units of q; not quite down to the lowest score that is accepted."""
    (rung,) = ladder.rungs(960, 540, EncodingSettings(heights=(540,), h264_height=0, target=93))
    asked = ChunkRequest(rung, FrameRange(0, 96), (0,), Fraction(25), 960, 540, BT709_SIGNAL, 30.0, 5)

    def ended(scale: float, score: float) -> tuple[ChunkRequest, tuple[Probe, ...], ChunkEncode]:
        at = 30 + 12 * log2((100 - score) / 7)
        trials = tuple(
            Probe(q, round(scale * 2 ** (-q / 6)), loss, loss - 1, loss - 2)
            for q in (at, at - 4)
            for loss in [100 - 7 * 2 ** ((q - 30) / 12)]
        )
        return asked, trials, ChunkEncode("av1-540", asked.frames, (0,), trials[0], trials, "reached", target=93.0)

    chunks = [ended(4e6, 93.1), *(ended(4e6, 93.2) for _ in range(3)), ended(2e8, 93.44), ended(4e6, worst)]
    unreachable = (asked, chunks[0][1], replace(ended(4e6, 90.0)[2], outcome="ceiling"))
    found = trims([*chunks, unreachable])
    assert list(found) == [4]
    assert found[4] == pytest.approx(30 + 12 * log2((100 - aimed) / 7), abs=0.126)
    # Of large parts alike a small one that is the worst comes up to the target, unless one has to stay below it.
    others = [*(ended(4e6, 93.2) for _ in range(4)), ended(4e5, worst)]
    assert trims(others) == ({} if worst > 93 else {4: 30.0})
    assert trims([*others, unreachable]) == {}


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ((93.4, "few"), (92.6, "few"), True),
        ((93.4, "few"), (92.5, "few"), False),
        ((93.4, "few"), (92.9, "seen"), False),
        ((92.6, "few"), (93.1, "few"), True),
        ((92.6, "few"), (92.58, "few"), False),
        ((92.6, "few"), (93.5, "few"), False),
    ],
)
def test_a_part_that_would_fall_below_its_target_or_show_bands_stays_as_it_was(
    before: tuple[float, str], after: tuple[float, str], kept: bool
) -> None:
    one, other = (
        ChunkEncode(
            "av1-144",
            FrameRange(0, 9),
            (0,),
            Probe(30, round(9 * score), score, score, score),
            (),
            "reached",
            None,
            93.0,
            bands,
        )
        for score, bands in (before, after)
    )
    assert may_be_trimmed(one)
    assert still_good(one, other) == kept
    assert not may_be_trimmed(replace(one, outcome="capped"))
    assert not may_be_trimmed(replace(one, bands="mended"))


@pytest.mark.parametrize(
    ("matrix", "levels", "aspect"), [("bt709", "tv", "1"), ("smpte170m", "tv", "16/15"), ("smpte170m", "pc", "1")]
)
def test_colours_and_shape_are_kept(tmp_path: Path, matrix: str, levels: str, aspect: str) -> None:
    """Patches of known R'G'B', stored with another matrix, range or sample shape, come out as the same R'G'B'."""
    boxes = ",".join(f"drawbox={n * 64}:0:64:144:{colour}:fill" for n, colour in enumerate(PATCHES))
    graph = f"format=gbrp,{boxes},scale=out_color_matrix={matrix}:out_range={levels},setsar={aspect},format=yuv420p"
    tags = f"setparams=colorspace={matrix}:color_primaries=bt709:color_trc=bt709:range={levels}"
    clip = make(
        tmp_path / "a.mkv", "-vf", f"{graph},{tags}", "-c:v", "libx264", "-crf", "4", "-c:a", "flac",
        pictures="color=black:s=256x144:r=25:d=2.4",
    )  # fmt: skip
    encoded = encode(clip, tmp_path / "job")
    expected = np.array([[int(colour[at : at + 2], 16) for at in (2, 4, 6)] for colour in PATCHES], float)
    chunk = next((tmp_path / "job").glob("artifacts/??/*/chunk.mkv"))
    assert np.abs(colours(chunk) - expected).max() <= 2.5
    assert encoded.layout.encode.rungs[0].width == (274 if aspect == "16/15" else 256)


def test_interlaced_is_refused(tmp_path: Path) -> None:
    clip = make(
        tmp_path / "a.mkv", "-vf", "interlace=scan=tff:lowpass=0,setfield=tff", "-c:v", "ffv1", "-c:a", "flac",
        pictures="testsrc2=s=256x144:r=50:d=2.4",
    )  # fmt: skip
    with pytest.raises(SourceError, match="footlights restore") as caught:
        encode(clip, tmp_path / "job")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("curve", "number", "shown"), [("smpte2084", 16, "PQ"), ("arib-std-b67", 18, "HLG")])
def test_hdr_keeps_its_tags(tmp_path: Path, curve: str, number: int, shown: str) -> None:
    """Primaries, transfer, matrix and range of BT.2100 in the bitstream, in the codec string and in the playlist; the
    rendition of eight bits is left out."""
    tags = f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={curve}:range=tv"
    pictures = "mandelbrot=s=256x144:r=25,trim=duration=0.4,setsar=1"
    clip = make(tmp_path / "a.mkv", "-vf", f"format=yuv420p10le,{tags}", "-c:v", "libx265", "-an", pictures=pictures)
    sets = (*SMALL, "encoding.h264_height=144")
    encoded = video.encode(jobs.open_job(clip, tmp_path / "job", sets, Path("/dev/null")), silent)
    assert [(one.name, "HDR" in one.why) for one in encoded.layout.encode.left_out] == [("h264-144", True)]
    assert all(check.passed for check in encoded.checks)
    master = (tmp_path / "job" / "stream" / "master.m3u8").read_text("utf-8")
    assert f"VIDEO-RANGE={shown}" in master
    assert f".09.{number:02d}.09.0" in master
    chunk = next((tmp_path / "job").glob("artifacts/??/*/chunk.mkv"))
    with av.open(str(chunk)) as container:
        context = next(container.decode(video=0))
    assert (context.color_primaries, context.color_trc, context.colorspace) == (9, number, 9)


def test_hdr_that_is_no_bt2100_is_refused(tmp_path: Path) -> None:
    tags = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=smpte2084:range=tv"
    pictures = "mandelbrot=s=256x144:r=25,trim=duration=0.4,setsar=1"
    clip = make(tmp_path / "a.mkv", "-vf", f"format=yuv420p10le,{tags}", "-c:v", "libx265", "-an", pictures=pictures)
    with pytest.raises(SourceError, match="HDR"):
        encode(clip, tmp_path / "job")
    assert not (tmp_path / "job" / "stream").exists()
