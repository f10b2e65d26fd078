"""Milliseconds per field of the tape simulator, per preset, on one core: `python benchmarks/tape_speed.py`.

Three numbers each: one field from a picture of the raster's own size, one from a 1440 × 1080 picture, which the
sampler reduces, and a whole run (weave, converter, log) from 1440 × 1080. Median, 10th and 90th percentile; writes
`results/tape_speed.json` beside this file.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import scipy

from footlights.core import records
from footlights.core.clip import Plane
from footlights.tape.presets import PRESETS
from footlights.tape.simulate import Simulator

RESULTS = Path(__file__).parent / "results" / "tape_speed.json"
SMALL, LARGE = (480, 704), (1080, 1440)


def picture(size: tuple[int, int], seed: int) -> Plane:
    """Smooth colour shapes with fine texture: something for every filter to do."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((12, 16, 3), dtype=np.float32), size[::-1], interpolation=cv2.INTER_CUBIC)
    fine = 0.1 * rng.standard_normal((*size, 1), dtype=np.float32)
    return np.clip(coarse + fine, 0, 1).astype(np.float32)


def spread(times: list[float]) -> dict[str, float]:
    """Median, 10th and 90th percentile in milliseconds."""
    low, middle, high = np.percentile(np.array(times) * 1000, (10, 50, 90))
    return {"median_ms": round(float(middle), 2), "p10_ms": round(float(low), 2), "p90_ms": round(float(high), 2)}


def timed(work: Callable[[int], object], count: int, share: int = 1) -> dict[str, float]:
    """Time `work(n)` for n = 0 … count - 1 after three rounds of warming; each call covers `share` fields."""
    times = []
    for number in range(count + 3):
        begin = perf_counter()
        work(number)
        times.append((perf_counter() - begin) / share)
    return spread(times[3:])


def measure(name: str, count: int) -> dict[str, dict[str, float]]:
    """The three numbers of one preset."""
    simulator = Simulator(PRESETS[name], seed=1)
    small = [picture(SMALL, n) for n in range(4)]
    large = [picture(LARGE, n) for n in range(4)]
    run = simulator.run(islice(cycle(large), 2 * (count + 4)))
    return {
        "field_704x480": timed(lambda n: simulator.degrade_field(small[n % 4], n), count),
        "field_1440x1080": timed(lambda n: simulator.degrade_field(large[n % 4], n), count),
        "run_1440x1080": timed(lambda _: next(run), count, share=2),
    }


def machine() -> dict[str, str]:
    """What ran the benchmark."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip() or "unknown",
        "cpu": f"{model}, one core used",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "opencv": cv2.__version__,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=60, help="fields (or frames) per number")
    count = parser.parse_args().fields
    cv2.setNumThreads(1)
    result = {"machine": machine(), "fields": count, "presets": {name: measure(name, count) for name in PRESETS}}
    print(json.dumps(result["machine"]))
    print(f"{'preset':8} {'':16} {'median':>8} {'p10':>8} {'p90':>8}  ms per field")
    for name, numbers in result["presets"].items():
        for label, found in numbers.items():
            print(f"{name:8} {label:16} {found['median_ms']:8.1f} {found['p10_ms']:8.1f} {found['p90_ms']:8.1f}")
    RESULTS.parent.mkdir(exist_ok=True)
    records.write(RESULTS, json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
