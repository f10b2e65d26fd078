"""What every benchmark needs: the machine's facts, spreads of repeated measurements, memory and time of a command with
all its children, and results as JSON.

Memory is read from /proc (Linux): the resident size of every process of the command's session, summed, and the
proportional size (PSS), which counts shared pages once. Sampling misses what lives shorter than `_INTERVAL`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
_INTERVAL = 0.2
"""Seconds between two looks at the processes of a command."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def arguments(name: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with the options all benchmarks share."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FOOTLIGHTS_DATA", "data")),
        help="folder with dev_clips, real_sd … (default: $FOOTLIGHTS_DATA, else ./data)",
    )
    parser.add_argument("--out", type=Path, default=RESULTS / f"{name}.json", help="where the result is written")
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of a benchmark that needs the data; ends it where there are none."""
    options = parser.parse_args()
    if not (options.data / "dev_clips").is_dir():
        parser.error(f"{options.data} holds no dev_clips: give --data DIR or set FOOTLIGHTS_DATA")
    return options


def machine() -> dict[str, Any]:
    """What ran the benchmark, and how busy it was with other things."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * _PAGE / 2**30, 1),
        "load_at_start": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("footlights", "av", "openvino", "numpy", "opencv-python-headless")},
        "ffmpeg": _ffmpeg_version(),
    }


def commit() -> str:
    """Short hash of the checkout; `+` marks changes that are not in it."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    state = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    return (found.stdout.strip() or "unknown") + ("+" if state.stdout.strip() else "")


def write(path: Path, result: Mapping[str, Any]) -> None:
    """Result as JSON, under its name only when complete; ValueError where a figure is no number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(result, indent=1, ensure_ascii=False, default=str, allow_nan=False) + "\n", "utf-8")
    part.replace(path)
    print(f"written: {path}")


def spread(values: Iterable[float], digits: int = 4) -> dict[str, float]:
    """Median, 10th and 90th percentile, and how many there were."""
    found = np.array(list(values), np.float64)
    if not found.size:
        return {"count": 0}
    low, middle, high = (round(float(value), digits) for value in np.percentile(found, (10, 50, 90)))
    return {"median": middle, "p10": low, "p90": high, "count": int(found.size)}


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their names, the first column to the left."""
    lines = [[str(name) for name in names], *([_text(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for number, line in enumerate(lines):
        first = line[0].ljust(widths[0])
        print("  ".join([first, *(value.rjust(width) for value, width in zip(line[1:], widths[1:], strict=True))]))
        if not number:
            print("  ".join("-" * width for width in widths))


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that came to its end."""

    code: int
    """Exit code; negative: the signal that ended it."""
    seconds: float
    """Wall time."""
    cpu_seconds: float
    """User and system time of the command and of all its children."""
    peak_rss_mib: float
    """Greatest sum of the resident sizes of its processes; shared pages count once per process."""
    peak_pss_mib: float
    """The same with shared pages counted once."""
    output: str
    """stdout and stderr together."""

    @property
    def facts(self) -> dict[str, float | int]:
        """The numbers alone."""
        return {name: round(value, 2) for name, value in asdict(self).items() if name != "output"}


def run(command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a command in a session of its own and watch all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with _Watch(process.pid) as watch:
        try:
            output, _ = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    seconds = perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(process.returncode, seconds, cpu, watch.rss / 2**20, watch.pss / 2**20, output)


def checked(command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Ran:
    """`run`, or the end of the benchmark with what the command said."""
    found = run(command, cwd=cwd, environment=environment)
    if found.code:
        print(found.output[-4000:], file=sys.stderr)
        raise SystemExit(f"{' '.join(command)} ended with {found.code}")
    return found


def footlights(*words: str | Path) -> list[str]:
    """A footlights command line with the program beside this Python."""
    return [str(Path(sys.executable).with_name("footlights")), *(str(word) for word in words)]


def session_members(session: int) -> list[int]:
    """Processes of a session that are alive (zombies are not)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(folder.name))
    return found


class _Watch:
    """Samples the memory of a session until left."""

    def __init__(self, session: int) -> None:
        self.rss = self.pss = 0
        self._session = session
        self._done = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(_INTERVAL):
            rss = pss = 0
            for process in session_members(self._session):
                with suppress(OSError):
                    text = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
                    rss += 1024 * _entry(text, "Rss")
                    pss += 1024 * _entry(text, "Pss")
            self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)


def _entry(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def _ffmpeg_version() -> str:
    from footlights.media.ffmpeg import versions

    found = versions()
    return f"{found['ffmpeg']}; in PyAV libavcodec {found['libavcodec']}"


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
