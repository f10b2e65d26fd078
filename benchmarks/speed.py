"""How fast tapes become masters: `python benchmarks/speed.py --data DIR`.

The net alone (milliseconds per source frame, 720×480, both instants), and the way from tape to the 10-bit 2880×2160
master at 59.94p without the stream, for the chains `classical` and `fieldlift` in turn, several times: median, spread,
peak memory, and what that makes of a tape of two hours. The stream's encode is measured by `end_to_end_speed.py`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import bench
import end_to_end_speed as whole_way
from footlights.core.time import NTSC_FRAME_RATE
from footlights.models.fieldlift import SIZES
from footlights.models.fieldlift_run import FieldLift, Frame, shipped

CHAINS = ("classical", "fieldlift")
_LONG_TAPE = 2 * 3600 * NTSC_FRAME_RATE
Row = dict[str, Any]


def net_alone(size: str, frames: int) -> Row:
    """Milliseconds per frame of a size on moving noise, motion search and memory included."""
    rng = np.random.default_rng(2)
    luma = np.cumsum(rng.normal(0, 0.01, (480, 720)), axis=1).astype(np.float32) + np.float32(0.5)
    given = [Frame(np.roll(luma, 3 * n, axis=1), np.zeros((2, 480, 360), np.float32)) for n in range(frames + 2)]
    net, spent = FieldLift(size), []
    begin = perf_counter()
    for _ in net.lift(given, 2.0):
        spent.append(1000 * (perf_counter() - begin))
        begin = perf_counter()
    return {
        "backend": net.backend.precision,
        "why": net.backend.why,
        "gmac_per_frame": round(SIZES[size].macs() / 1e9, 1),
        "milliseconds_per_frame": bench.spread(spent[2:], 1),
    }


def to_master(tape: Path, folder: Path, chain: str, frames: int) -> Row:
    """One restoration without the stream."""
    words = ("--chain", chain, "--set", "encoding.enabled=false")
    ran = bench.checked(bench.footlights("restore", tape, "-o", folder, *words))
    report = json.loads((folder / "report.json").read_text("utf-8"))
    return {
        **ran.facts,
        "frames_per_second": round(frames / ran.seconds, 4),
        "restore_frames_per_second": round(frames / report["timings"]["restore"], 4),
        "seconds_by_operation": report["timings"],
    }


def main() -> int:
    parser = bench.arguments("speed", __doc__)
    parser.add_argument("--seconds", type=float, default=5, help="length of the tape")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    options = bench.parsed(parser)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    result: Row = {"machine": bench.machine(), "net": {size: net_alone(size, 12) for size in shipped()}}
    frames = round(options.seconds * NTSC_FRAME_RATE)
    runs: dict[str, list[Row]] = {chain: [] for chain in CHAINS}
    with tempfile.TemporaryDirectory(prefix="speed-") as work:
        tape = Path(work) / "tape.mpg"
        whole_way.make_tape(options.data, tape, frames)
        for number in range(options.rounds):
            for chain in CHAINS:
                runs[chain].append(to_master(tape, Path(work) / f"{chain}-{number}", chain, frames))
    result["frames"], result["runs"] = frames, runs
    result["master"] = {chain: _projection(rows, frames) for chain, rows in runs.items()}
    for size, one in result["net"].items():
        print(f"net {size}: {one['milliseconds_per_frame']} ms a frame in {one['backend']} ({one['why']})")
    bench.table(
        ("chain", "frames/s", "p10", "p90", "restoring alone", "cpu s a frame", "peak RSS MiB", "2 h of tape, h"),
        ((chain, *one.values()) for chain, one in result["master"].items()),
    )
    bench.write(options.out, result)
    return 0


def _projection(rows: list[Row], frames: int) -> Row:
    speed = bench.spread(row["frames_per_second"] for row in rows)
    return {
        "frames_per_second": speed["median"],
        "p10": speed["p10"],
        "p90": speed["p90"],
        "restore_frames_per_second": bench.spread(row["restore_frames_per_second"] for row in rows)["median"],
        "cpu_seconds_per_frame": bench.spread(row["cpu_seconds"] / frames for row in rows)["median"],
        "peak_rss_mib": max(row["peak_rss_mib"] for row in rows),
        "two_hours_of_tape_take_hours": round(float(_LONG_TAPE) / speed["median"] / 3600, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
