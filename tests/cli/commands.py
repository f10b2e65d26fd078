"""Running the commands: as programs of their own, or inside the test's process where only what they say matters."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from footlights.cli.ending import run
from footlights.cli.output import plain
from footlights.config import child_environment
from footlights.media import ffmpeg

PROGRAM = [str(Path(sys.executable).with_name("footlights"))]
QUICK = ("--set", "analysis.faces.enabled=false")
"""Leaves the slowest analyser out."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has come to its end."""

    code: int
    stdout: str
    stderr: str
    seconds: float = 0.0
    """Processor time, which does not depend on what else the machine does."""

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Every line of stdout as the JSON object it must be; NaN and Infinity are no JSON."""
        return [json.loads(line, parse_constant=_no_constant) for line in self.stdout.splitlines()]

    def refused(self, code: int) -> dict[str, Any]:
        """The error of a command run with `--json`, after checking that it says what, why and what to do."""
        assert self.code == code, self.stderr
        assert "Traceback" not in self.stderr, self.stderr
        error = self.objects[-1]
        assert (error["schema"], error["kind"], error["exit_code"]) == (1, "error", code)
        assert all(error[part].strip() for part in ("what", "why", "remedy")), error
        (paragraph,) = [line for line in self.stderr.splitlines() if line.startswith("error ")]
        assert paragraph.startswith(f"error {error['code']}: {plain(error['what'])}")
        return error


def program(*arguments: str | Path, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Ended:
    """Run `footlights` as a program; `prefix` is what starts it, `environment` is added to the usual one."""
    began = _processor_seconds()
    command = [*prefix, *PROGRAM, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, env=child_environment(**(environment or {})), timeout=120, check=False
    )
    stdout, stderr = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return Ended(done.returncode, stdout, stderr, _processor_seconds() - began)


def inside(*arguments: str | Path) -> Ended:
    """Run a command in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        code = run([*map(str, arguments)])
    return Ended(code, stdout.getvalue(), stderr.getvalue())


def clip(path: Path, source: str, frames: int, *encoding: str, sound: Sequence[str] = ()) -> Path:
    """A video of `frames` pictures from one of ffmpeg's own sources."""
    inputs = ["-f", "lavfi", "-i", source, *sound]
    ffmpeg.run([*inputs, "-frames:v", str(frames), *encoding, ffmpeg.file_url(path)], doing="making a clip")
    return path


def report(job: Path) -> Mapping[str, Any]:
    """`report.json` of a job, strictly parsed."""
    data: dict[str, Any] = json.loads((job / "report.json").read_text("utf-8"), parse_constant=_no_constant)
    return data


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is no JSON")
