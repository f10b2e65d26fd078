"""Source frames per second from tape to finished stream, and whether memory stays flat:
`python benchmarks/end_to_end_speed.py --data DIR`.

Speed: an NTSC MPEG-2 tape of some seconds (real clips and photographs on a simulated Betacam SP, with sound) is
restored with `--chain classical` and all defaults: 2880×2160 at 59.94p, five renditions, HLS and DASH, on two cores.
Wall time, processor time, seconds per operation from the report, peak memory of all processes, and what that makes of
a tape of two hours.

Memory: a 352×288 tape of 30 s and one of 5 min, to a 240-line master without a ladder. So small, because a 4K job of
five minutes takes hours here; what grows with length would grow all the same, and the 4K peak is that of the speed run.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import bench
import concerts
from footlights.core.time import NTSC_FRAME_RATE, FrameRange
from footlights.media import ffmpeg
from footlights.media.tone import write_tone
from footlights.pipeline.simulate import write_frames
from footlights.tape.presets import preset
from footlights.tape.simulate import Simulator

SMALL = (
    "geometry.height=240",
    "encoding.enabled=false",
    "analysis.faces.enabled=false",
    "master.codec=h264",
    "engine.reserve=0.5",
)
"""What the memory runs leave out."""
_LONG_TAPE = 2 * 3600 * NTSC_FRAME_RATE
"""Frames of two hours."""
Row = dict[str, Any]


def make_tape(data: Path, path: Path, frames: int) -> None:
    """NTSC, top field first, MPEG-2 at 8 Mbit/s, 4:3, with a tone."""
    simulator = Simulator(preset("medium"), seed=11)
    concert, cuts = concerts.draw(data, frames, simulator.schedule(()), np.random.default_rng(11), strobes=False)
    recording = simulator.run(concerts.show(concert), cuts, frames=FrameRange(0, frames))
    tone = path.with_suffix(".wav")
    write_tone(tone, seconds=frames / NTSC_FRAME_RATE)
    aspect = simulator.signal(Fraction(4, 3)).sample_aspect
    write_frames(path, recording, simulator, "mpeg2", aspect, tone, 8_000_000, lambda _: None)


def make_small_tape(path: Path, seconds: int) -> None:
    """PAL at 352×288, top field first, with moving test pictures, noise, and sound."""
    picture = f"testsrc2=s=352x288:r=50:d={seconds},noise=alls=5:allf=t,format=yuv420p,interlace=scan=tff:lowpass=0"
    inputs = ["-f", "lavfi", "-i", f"{picture},setsar=12/11", "-f", "lavfi", "-i", f"sine=440:r=48000:d={seconds}"]
    coding = ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "3M", "-g", "12", "-bf", "2", "-c:a", "mp2"]
    ffmpeg.run([*inputs, *coding, ffmpeg.file_url(path)], doing="making a small tape")


def restore(tape: Path, folder: Path, sets: tuple[str, ...]) -> tuple[bench.Ran, Row]:
    """Run the command and read its report."""
    words = [word for one in sets for word in ("--set", one)]
    ran = bench.checked(bench.footlights("restore", tape, "-o", folder, "--chain", "classical", *words))
    return ran, json.loads((folder / "report.json").read_text("utf-8"))


def measure_speed(data: Path, work: Path, seconds: float, sets: tuple[str, ...]) -> Row:
    """The whole way at full size."""
    frames = round(seconds * NTSC_FRAME_RATE)
    make_tape(data, work / "tape.mpg", frames)
    ran, report = restore(work / "tape.mpg", work / "job", sets)
    per_frame = {name: round(spent / frames, 4) for name, spent in report["timings"].items()}
    hours = float(_LONG_TAPE) * ran.seconds / frames / 3600
    return {
        "frames": frames,
        "shots": len(report["shots"]),
        "master": f"{report['master']['width']}×{report['master']['height']} at {report['rate_out']}, "
        f"{report['master']['codec']}",
        "renditions": [f"{one['name']} {one['width']}×{one['height']}" for one in report["renditions"]],
        "settings": list(sets),
        **ran.facts,
        "source_frames_per_second": round(frames / ran.seconds, 4),
        "cpu_seconds_per_frame": round(ran.cpu_seconds / frames, 3),
        "seconds_by_operation": report["timings"],
        "seconds_per_frame_by_operation": per_frame,
        "two_hours_of_tape_take_hours": round(hours, 1),
        "two_hours_of_tape_take_hours_by_cpu_time_on_two_cores": round(
            float(_LONG_TAPE) * ran.cpu_seconds / frames / 2 / 3600, 1
        ),
    }


def measure_memory(work: Path, seconds: int) -> Row:
    """A small tape of some length."""
    tape = work / f"small-{seconds}.mpg"
    make_small_tape(tape, seconds)
    ran, report = restore(tape, work / f"small-{seconds}", SMALL)
    return {"seconds_of_tape": seconds, "frames": report["frames_in"], **ran.facts}


def main() -> int:
    parser = bench.arguments("end_to_end_speed", __doc__)
    parser.add_argument("--seconds", type=float, default=5, help="length of the tape that speed is measured on")
    parser.add_argument("--lengths", type=int, nargs="*", default=[30, 300], help="seconds of the tapes for memory")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--set", dest="sets", action="append", default=[], help="settings of the speed run, for trials")
    options = bench.parsed(parser)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    result: Row = {"machine": bench.machine()}
    with tempfile.TemporaryDirectory(prefix="end-to-end-") as work:
        if options.seconds:
            result["speed"] = measure_speed(options.data, Path(work), options.seconds, tuple(options.sets))
            result["load_after_speed"] = round(os.getloadavg()[0], 2)
        result["memory"] = [measure_memory(Path(work), seconds) for seconds in options.lengths]
    result["memory_settings"] = list(SMALL)
    show(result)
    bench.write(options.out, result)
    return 0


def show(result: Row) -> None:
    """The figures that matter."""
    speed = result.get("speed")
    if speed:
        print(f"{speed['frames']} frames to {speed['master']}: {speed['source_frames_per_second']} frames a second, "
              f"{speed['cpu_seconds_per_frame']} processor seconds a frame, peak {speed['peak_pss_mib']} MiB; "
              f"two hours of tape: {speed['two_hours_of_tape_take_hours']} h")  # fmt: skip
        seconds, shares = speed["seconds_by_operation"], speed["seconds_per_frame_by_operation"]
        bench.table(("operation", "seconds", "per frame"), ((name, seconds[name], shares[name]) for name in seconds))
    if result["memory"]:
        bench.table(
            ("tape", "frames", "seconds", "peak RSS MiB", "peak PSS MiB"),
            (
                (f"{one['seconds_of_tape']} s", one["frames"], one["seconds"], one["peak_rss_mib"], one["peak_pss_mib"])
                for one in result["memory"]
            ),
        )


if __name__ == "__main__":
    sys.exit(main())
