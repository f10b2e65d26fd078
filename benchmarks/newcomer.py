"""What a newcomer waits for: `python benchmarks/newcomer.py [--tests]`.

Clones the repository's last commit into a temporary folder, makes a virtual environment, installs as the README says
(nothing from pip's cache) and runs `footlights demo`; with `--tests` also the README's test command in a second clone
and environment. Measured: wall and processor time of each step, bytes downloaded (as pip names them), size of the
environment, and the peak memory of the demo with all its processes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import bench

_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "bytes": 1.0}
_QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def downloaded(output: str) -> tuple[int, float]:
    """Files and bytes that pip says it downloads."""
    found = re.findall(r"Downloading \S+ \(([\d.]+) (\w+)\)", output)
    return len(found), sum(float(number) * _UNITS[unit] for number, unit in found)


def environment(folder: Path, target: str, *, editable: bool) -> dict[str, Any]:
    """Clone, virtual environment, install; the facts of each."""
    steps: dict[str, Any] = {}
    clone, venv = folder / "footlights", folder / "footlights" / ".venv"
    steps["clone"] = bench.checked(["git", "clone", "--quiet", str(bench.ROOT), str(clone)]).facts
    steps["environment"] = bench.checked([sys.executable, "-m", "venv", str(venv)]).facts
    words = [str(venv / "bin" / "pip"), "install", "--no-cache-dir", "-c", "constraints.txt"]
    ran = bench.checked([*words, *(["-e"] if editable else []), target], cwd=clone, environment=_QUIET)
    files, size = downloaded(ran.output)
    steps["install"] = {**ran.facts, "files_downloaded": files, "megabytes_downloaded": round(size / 1e6, 1)}
    disk = subprocess.run(["du", "-sm", str(venv)], capture_output=True, text=True, check=True)
    steps["environment_mib"] = int(disk.stdout.split()[0])
    return steps


def demo(folder: Path) -> dict[str, Any]:
    """The README's first command, its last step."""
    clone = folder / "footlights"
    ran = bench.checked([str(clone / ".venv" / "bin" / "footlights"), "demo"], cwd=clone)
    report = json.loads((clone / "demo" / "restored" / "report.json").read_text("utf-8"))
    master = report["master"]
    return {
        **ran.facts,
        "frames_in": report["frames_in"],
        "frames_out": report["frames_out"],
        "master": f"{master['width']}×{master['height']} {master['codec']}",
        "renditions": len(report["renditions"]),
        "shots": len(report["shots"]),
        "checks_passed": f"{sum(one['passed'] for one in report['checks'])} of {len(report['checks'])}",
        "seconds_by_operation": report["timings"],
    }


def main() -> int:
    parser = bench.arguments("newcomer", __doc__)
    parser.add_argument("--tests", action="store_true", help="also install the tests' tools and run ./check")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": bench.machine()}
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        result["steps"] = environment(Path(folder), ".", editable=False)
        result["steps"]["demo"] = demo(Path(folder))
    if options.tests:
        with tempfile.TemporaryDirectory(prefix="newcomer-tests-") as folder:
            result["tests"] = environment(Path(folder), ".[dev]", editable=True)
            ran = bench.run(["./check"], cwd=Path(folder) / "footlights")
            result["tests"]["check"] = {**ran.facts, "last_lines": ran.output.splitlines()[-6:]}
    rows = [(name, one) for name, one in result["steps"].items() if isinstance(one, dict)]
    rows += [(f"tests: {name}", one) for name, one in result.get("tests", {}).items() if isinstance(one, dict)]
    bench.table(
        ("step", "exit", "seconds", "cpu seconds", "peak RSS MiB", "peak PSS MiB"),
        (
            (name, one["code"], one["seconds"], one["cpu_seconds"], one["peak_rss_mib"], one["peak_pss_mib"])
            for name, one in rows
        ),
    )
    install = result["steps"]["install"]
    print(f"{install['megabytes_downloaded']} MB in {install['files_downloaded']} files downloaded, "
          f"environment {result['steps']['environment_mib']} MiB")  # fmt: skip
    bench.write(options.out, result)
    return max(one["code"] for _, one in rows)


if __name__ == "__main__":
    sys.exit(main())
