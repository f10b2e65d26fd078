"""Nothing lost, nothing invented, nothing mistagged, on real clips: `python benchmarks/fidelity.py --data DIR`.

Five real clips: two 1080i50 captures resampled field by field to 576i50 and written as MPEG-2 (so labelled: no real
interlaced SD clip may be had), and three SD camera files as they are. Each is restored at reduced size (what is checked
here does not depend on it), with its master as MKV and MP4 (AV1) and as MOV (HEVC).

The files are read back with PyAV alone, not with Footlights' own readers: frame counts by decoding and by counting
packets; times as rationals; the sound of tape and master decoded and compared sample by sample at their times; colour
tags and sample aspect of master and segments; and every source field looked for in the master's frame list.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

import bench
from footlights.media import ffmpeg

SETTINGS = (
    "geometry.height=288",
    "encoding.heights=[144]",
    "encoding.h264_height=144",
    "encoding.probes=1",
    "encoding.preset=13",
    "analysis.faces.enabled=false",
    "engine.reserve=0.5",
)
CONTAINERS = {"mkv": "av1", "mp4": "av1", "mov": "hevc"}
"""And the master's codec in each: MOV holds no AV1 that players know."""
BT709 = (1, 1, 1, 1)
"""Primaries, transfer, matrix of H.273, and limited range."""
_LATE = "0.123"
"""Seconds by which the sound of resampled clips is moved, so that there is an offset to keep."""
_MKV_SLACK = Fraction(1, 2000)
_SEARCH = 480
"""Samples to either side in which the sound's shift is looked for."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clip:
    """A real clip and what is done to it."""

    name: str
    file: str
    how: str
    fields: bool
    """Resampled field by field to 576i50."""
    suffix: str


CLIPS = (
    Clip(
        "sony 576i50 PS",
        "sony_a7m3_1080i50.mts",
        "1080i50 AVCHD capture, resampled field by field, sound 123 ms late",
        True,
        ".mpg",
    ),
    Clip("svt 576i50 TS", "svt_PPH10I4_Panasonic_A.mkv", "1080i50 SVT capture, resampled field by field", True, ".ts"),
    Clip("canon 480p", "canon_sd_mjpeg.avi", "as the camera wrote it", False, ".avi"),
    Clip("kodak 240p15", "kodak_320.avi", "as the camera wrote it", False, ".avi"),
    Clip("gopro 480p", "gopro_sd.mp4", "as the camera wrote it", False, ".mp4"),
)


def tape_of(clip: Clip, source: Path, folder: Path) -> Path:
    """The clip as a tape file."""
    if not clip.fields:
        return source
    target = folder / f"tape{clip.suffix}"
    fields = "separatefields,scale=720:288:flags=lanczos+accurate_rnd,weave=first_field=top"
    tags = ["-colorspace", "bt470bg", "-color_primaries", "bt470bg", "-color_trc", "gamma28"]
    coding = ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "8M", "-maxrate", "9M", "-bufsize", "1835008"]
    ffmpeg.run(
        [*ffmpeg.input_arguments(source), "-itsoffset", _LATE, *ffmpeg.input_arguments(source),
         "-map", "0:v:0", "-map", "1:a?", "-c:a", "copy",
         "-vf", f"{fields},format=yuv420p,setsar=64/45,setfield=tff", *coding, "-g", "12", "-bf", "2", *tags,
         ffmpeg.file_url(target)],
        doing=f"resampling {source.name}",
    )  # fmt: skip
    return target


@dataclass(frozen=True, slots=True)
class Video:
    """A video stream as PyAV shows it."""

    packets: int
    decoded: int
    times: tuple[Fraction, ...]
    """Seconds on the file's own clock, in display order."""
    size: tuple[int, int]
    aspect: Fraction
    tags: tuple[int, int, int, int]
    interlaced: int
    """Frames flagged as interlaced."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A decoded sound track."""

    start: Fraction
    """Seconds of the first sample on the file's clock."""
    rate: int
    samples: NDArray[np.float32]

    def at(self, rate: int) -> NDArray[np.float32]:
        """The samples at another rate."""
        if rate == self.rate:
            return self.samples
        common = gcd(rate, self.rate)
        return np.asarray(resample_poly(self.samples, rate // common, self.rate // common), np.float32)


def look(source: Path | io.BytesIO) -> Video:
    """Count, decode and note."""
    packets = interlaced = 0
    times: list[Fraction] = []
    tags = (0, 0, 0, 0)
    with av.open(_openable(source), "r") as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            packets += packet.size > 0 and packet.pts is not None
            for frame in packet.decode():
                times.append(_moment(frame))
                interlaced += frame.interlaced_frame
                tags = int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), int(frame.color_range)
        context = stream.codec_context
        aspect = Fraction(stream.sample_aspect_ratio or context.sample_aspect_ratio or 1)
        size = (context.width, context.height)
        return Video(packets, len(times), tuple(sorted(times)), size, aspect, tags, interlaced)


def _openable(source: Path | io.BytesIO) -> io.BytesIO | str:
    return source if isinstance(source, io.BytesIO) else str(source)


def _moment(frame: av.VideoFrame | av.AudioFrame) -> Fraction:
    """Seconds on the file's clock; a frame without a time is no frame to check."""
    if frame.pts is None or frame.time_base is None:
        raise SystemExit("a decoded frame has no time")
    return frame.pts * frame.time_base


def sound(source: Path | io.BytesIO) -> Sound | None:
    """The first sound track, its channels averaged; None where all is silent."""
    with av.open(_openable(source), "r") as container:
        if not container.streams.audio:
            return None
        begin: Fraction | None = None
        parts, rate = [], 0
        for frame in container.decode(audio=0):
            if begin is None:
                begin, rate = _moment(frame), frame.sample_rate
            samples = frame.to_ndarray().astype(np.float32)
            samples = samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T
            parts.append(samples.mean(axis=0) / (32768 if frame.format.name.startswith("s16") else 1))
        return Sound(begin or Fraction(0), rate, np.concatenate(parts))


def shift_of_sound(tape: Path, made: Path | io.BytesIO, tape_video: Fraction, made_video: Fraction) -> Row | None:
    """By how many samples the master's sound is off against its pictures, compared with the tape's."""
    first, second = sound(tape), sound(made)
    if first is None or second is None:
        return None
    rate = first.rate
    offsets = [first.start - tape_video, second.start - made_video]
    apart = round((offsets[1] - offsets[0]) * rate)
    a, b = first.samples, second.at(rate)
    start = max(0, apart)
    length = min(len(a) - start, len(b) - (start - apart)) - 2 * _SEARCH
    middle = a[start + _SEARCH : start + _SEARCH + length]
    scores = [
        float(np.dot(middle, b[start - apart + _SEARCH + lag : start - apart + _SEARCH + lag + length]))
        for lag in range(-_SEARCH, _SEARCH + 1)
    ]
    lag = int(np.argmax(scores)) - _SEARCH
    same = b[start - apart + _SEARCH + lag : start - apart + _SEARCH + lag + length]
    return {
        "tape_offset_ms": round(float(offsets[0]) * 1000, 4),
        "offset_ms": round(float(offsets[1]) * 1000, 4),
        "offset_error_ms": round(float(abs(offsets[1] - offsets[0])) * 1000, 4),
        "lag_samples": lag,
        "identical": bool(np.allclose(middle, same, atol=1e-4)),
        "correlation": round(float(np.corrcoef(middle, same)[0, 1]), 5),
        "compared_samples": length,
    }


def check_master(path: Path, rows: list[dict[str, str]], report: Row, tape: Path, tape_video: Video) -> Row:
    """One container of the master against the frame list and the tape."""
    made = look(path)
    times = [Fraction(row["seconds"]) for row in rows]
    wrong = max(abs(moment - made.times[0] - wanted) for moment, wanted in zip(made.times, times, strict=True))
    heard = shift_of_sound(tape, path, tape_video.times[0], made.times[0])
    limit = _MKV_SLACK if path.suffix == ".mkv" else Fraction(0)
    return {
        "packets": made.packets,
        "decoded": made.decoded,
        "frames_exact": made.packets == made.decoded == len(rows) == report["frames_out"],
        "worst_time_error_ms": round(float(wrong) * 1000, 4),
        "times_exact": wrong <= limit,
        "tags": list(made.tags),
        "tags_exact": made.tags == BT709,
        "sample_aspect": str(made.aspect),
        "aspect_exact": made.aspect == 1,
        "size": list(made.size),
        "sound": heard,
        "sound_exact": heard is None
        or (heard["lag_samples"] == 0 and heard["offset_error_ms"] <= float(2 * limit) * 1000 + 1e-9),
    }


def check_segments(folder: Path, rows: list[dict[str, str]], tape: Path, tape_video: Video) -> Iterator[Row]:
    """Every rendition, its segments behind its init segment."""
    times = [Fraction(row["seconds"]) for row in rows]
    opened = {
        rendition.name: io.BytesIO(
            b"".join(path.read_bytes() for path in [rendition / "init.mp4", *sorted(rendition.glob("*.m4s"))])
        )
        for rendition in sorted(path for path in (folder / "stream").iterdir() if path.is_dir())
    }
    for name, content in opened.items():
        with av.open(content, "r") as container:
            is_video = bool(container.streams.video)
        content.seek(0)
        if not is_video:
            heard = shift_of_sound(tape, content, tape_video.times[0], Fraction(0))
            # AAC is no copy: its shift is what counts, not its samples.
            yield {"name": name, "sound": heard, "sound_exact": heard is None or abs(heard["lag_samples"]) <= 1}
            continue
        made = look(content)
        wrong = max(abs(moment - made.times[0] - wanted) for moment, wanted in zip(made.times, times, strict=True))
        yield {
            "name": name,
            "frames_exact": made.packets == made.decoded == len(rows),
            "times_exact": wrong == 0,
            "worst_time_error_ms": round(float(wrong) * 1000, 4),
            "tags_exact": made.tags == BT709,
            "tags": list(made.tags),
            "aspect_exact": made.aspect == 1,
            "sample_aspect": str(made.aspect),
        }


def check_accounting(rows: list[dict[str, str]], report: Row, tape_video: Video) -> Row:
    """Every field of the tape in the frame list, and its times against those of the tape's own clock."""
    factor = Fraction(report["rate_out"]) / Fraction(report["rate_in"])
    slots = report["time_map"]["spans"][-1]["slots"]["stop"]
    wanted = {Fraction(step, int(factor)) for step in range(int(factor) * slots)}
    listed = [Fraction(row["source_instant"]) for row in rows]
    starts = [moment - tape_video.times[0] for moment in tape_video.times]
    shown = {Fraction(row["source_instant"]): Fraction(row["seconds"]) for row in rows}
    drift = max(
        abs(shown[Fraction(number)] - moment) for number, moment in enumerate(starts) if Fraction(number) in shown
    )
    exact = all(Fraction(row["seconds"]) == Fraction(int(row["frame"])) / Fraction(report["rate_out"]) for row in rows)
    original = sum(row["origin"] == "original" for row in rows)
    return {
        "frames_in": report["frames_in"],
        "frames_in_exact": report["frames_in"] == tape_video.decoded,
        "tape_packets": tape_video.packets,
        "tape_decoded": tape_video.decoded,
        "tape_interlaced_frames": tape_video.interlaced,
        "output_per_frame": str(factor),
        "instants": slots,
        "every_field_listed_once": sorted(listed) == sorted(wanted),
        "original": original,
        "rebuilt_or_held": len(rows) - original,
        "gaps": len(report["gaps"]),
        "sidecar_exact": exact,
        "worst_drift_against_tape_ms": round(float(drift) * 1000, 4),
    }


def examine(clip: Clip, data: Path, work: Path) -> Row:
    """Restore one clip three times over and check everything."""
    folder = work / clip.name.replace(" ", "-")
    folder.mkdir()
    tape = tape_of(clip, data / "real_sd" / clip.file, folder)
    tape_video = look(tape)
    job = folder / "job"
    masters: Row = {}
    seconds = 0.0
    for container, codec in CONTAINERS.items():
        chosen = (*SETTINGS, f"master.container={container}", f"master.codec={codec}")
        sets = [word for one in chosen for word in ("--set", one)]
        ran = bench.checked(bench.footlights("restore", tape, "-o", job, *sets))
        seconds += ran.seconds
        report = json.loads((job / "report.json").read_text("utf-8"))
        with (job / "master.frames.csv").open(encoding="ascii") as file:
            rows = list(csv.DictReader(file))
        masters[container] = check_master(job / f"master.{container}", rows, report, tape, tape_video)
    shape = Fraction(*masters["mkv"]["size"])
    signal = report["source"]["signal"]
    return {
        "clip": clip.name,
        "file": clip.file,
        "how": clip.how,
        "tape": f"{report['source']['codec']} in {report['source']['container']}, {report['source']['width']}×"
        f"{report['source']['height']}, {report['rate_in']} frames a second, {report['field_order']}",
        "signal": signal,
        "picture_shape": round(float(shape), 4),
        "notes": report["plan"]["notes"],
        "warnings": report["warnings"],
        "accounting": check_accounting(rows, report, tape_video),
        "masters": masters,
        "segments": list(check_segments(job, rows, tape, tape_video)),
        "own_checks": f"{sum(one['passed'] for one in report['checks'])} of {len(report['checks'])} passed",
        "seconds": round(seconds, 1),
    }


def misses(row: Row) -> list[str]:
    """Everything that is not exact, in words."""
    found = []
    places = {
        "accounting": row["accounting"],
        **{f"master.{name}": one for name, one in row["masters"].items()},
        **{f"stream/{one['name']}": one for one in row["segments"]},
    }
    for place, one in places.items():
        found += [f"{place}: {key} is false" for key, value in one.items() if value is False]
    return found


def main() -> int:
    parser = bench.arguments("fidelity", __doc__)
    parser.add_argument("--only", default="", help="words that a clip's name must hold")
    options = bench.parsed(parser)
    facts = bench.machine()
    rows = []
    with tempfile.TemporaryDirectory(prefix="fidelity-") as work:
        for clip in CLIPS:
            if options.only in clip.name:
                rows.append(examine(clip, options.data, Path(work)))
                print(f"{clip.name}: {rows[-1]['seconds']} s", file=sys.stderr)
    result: Row = {
        "machine": facts,
        "settings": list(SETTINGS),
        "clips": [{**row, "misses": misses(row)} for row in rows],
    }
    bench.table(
        ("clip", "frames", "fields", "sidecar", *(f"{name} ms" for name in CONTAINERS), "A/V lag", "tags, aspect"),
        (
            (
                row["clip"],
                f"{row['accounting']['frames_in']} = {row['accounting']['tape_decoded']}",
                row["accounting"]["every_field_listed_once"],
                row["accounting"]["sidecar_exact"],
                *(row["masters"][name]["worst_time_error_ms"] for name in CONTAINERS),
                "/".join(str((row["masters"][name]["sound"] or {}).get("lag_samples", "-")) for name in CONTAINERS),
                all(one.get("tags_exact", True) and one.get("aspect_exact", True)
                    for one in (*row["masters"].values(), *row["segments"])),
            )
            for row in rows
        ),
    )  # fmt: skip
    wrong = [f"{row['clip']}: {miss}" for row in result["clips"] for miss in row["misses"]]
    print("\n".join(wrong) if wrong else "everything exact")
    bench.write(options.out, result)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
