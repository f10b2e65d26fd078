"""The ffmpeg binary: found, started safely, its failures made readable.

Always an argv list, never a shell; inputs are given as `file:` paths so that a file called `concat:a|b` is a file.
Exit code 0 is not success: callers count frames and compare.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from footlights.config import child_environment
from footlights.errors import PausedError, ToolCrashError, ToolError

_DIE_WITH_PARENT = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9) if sys.platform == 'linux' else None; "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""Runs in the child before the program: asks Linux to kill it when the parent dies (PR_SET_PDEATHSIG, SIGKILL), so
that no orphan goes on writing after a `kill -9`. A `preexec_fn` would not be safe beside threads."""

_TAIL_LINES = 12
_NO_SPACE = ("No space left on device", "Disk quota exceeded", "File too large")


@lru_cache
def binary() -> Path:
    """Path of the ffmpeg program that comes with imageio-ffmpeg."""
    import imageio_ffmpeg

    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise ToolError(
            "no ffmpeg program was found", str(error), "reinstall the package imageio-ffmpeg from its platform wheel"
        ) from error


@lru_cache
def version() -> str:
    """First line of `ffmpeg -version`, without the copyright."""
    return _capture("-version").splitlines()[0].split(" Copyright")[0]


@lru_cache
def encoders() -> frozenset[str]:
    """Names of the encoders this binary has."""
    return frozenset(re.findall(r"^ [VAS][.A-Z]{5} (\S+)", _capture("-hide_banner", "-encoders"), re.MULTILINE))


@lru_cache
def filters() -> frozenset[str]:
    """Names of the filters this binary has."""
    return frozenset(re.findall(r"^ [.TSC]{2,3} (\S+) ", _capture("-hide_banner", "-filters"), re.MULTILINE))


def file_url(path: Path) -> str:
    """A path as ffmpeg opens it whatever its name looks like."""
    return f"file:{path.absolute()}"


def input_arguments(path: Path, rate: object | None = None) -> list[str]:
    """`-i` for a file; `rate` overrides its timestamps (two inputs of a metric must both have it: Matroska's 1 ms
    clock makes framesync pair neighbouring frames and lowers VMAF by 14 points)."""
    return [*(["-r", str(rate)] if rate is not None else []), "-i", file_url(path)]


def run(arguments: Sequence[str], *, doing: str, timeout: float | None = None) -> str:
    """Run to the end and return what it wrote to stderr; any failure is a ToolError naming what it was `doing`."""
    command = _command(arguments)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, env=_environment(), check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"ffmpeg did not finish {doing} within {timeout} s", "it hangs", "run the command again"
        ) from error
    messages = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        raise _failure(doing, done.returncode, messages)
    return messages


@dataclass(frozen=True, slots=True)
class RawFormat:
    """Layout of raw pictures sent to ffmpeg."""

    width: int
    height: int
    pixel_format: str
    rate: str
    """Frames per second, `num/den`."""


class EncoderPipe:
    """ffmpeg encoding raw pictures as they are written; use as a context manager.

    Leaving it normally waits for the encoder and raises ToolError if it failed; leaving it by an exception kills it.
    """

    def __init__(self, picture: RawFormat, arguments: Sequence[str], *, doing: str) -> None:
        self._doing = doing
        source = ["-f", "rawvideo", "-pix_fmt", picture.pixel_format, "-s", f"{picture.width}x{picture.height}"]
        command = _command([*source, "-r", picture.rate, "-i", "pipe:0", *arguments])
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment()
        )
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._messages: list[str] = []
        self._reader = Thread(target=self._drain, args=(self._process.stderr,), daemon=True)
        self._reader.start()

    def write(self, plane: NDArray[Any]) -> None:
        """Send one plane; call in the order of the pixel format."""
        try:
            self._stdin.write(np.ascontiguousarray(plane).view(np.uint8).data)
        except BrokenPipeError:
            self._finish()
            raise _failure(self._doing, self._process.returncode, self.messages) from None

    @property
    def messages(self) -> str:
        """What ffmpeg said so far."""
        return "\n".join(self._messages)

    def __enter__(self) -> EncoderPipe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._process.kill()
        self._finish()
        if error is not None:
            return
        if self._process.returncode != 0:
            raise _failure(self._doing, self._process.returncode, self.messages)

    def _finish(self) -> None:
        with suppress(BrokenPipeError):  # the exit code tells why it stopped reading
            self._stdin.close()
        self._process.wait()
        self._reader.join()

    def _drain(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._messages.append(line.decode("utf-8", "replace").rstrip())


def _command(arguments: Sequence[str]) -> list[str]:
    trampoline = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT]
    return [*trampoline, str(binary()), "-hide_banner", "-nostdin", "-loglevel", "warning", "-y", *arguments]


def _environment() -> dict[str, str]:
    # SVT-AV1 prints its banner on stderr whatever ffmpeg's log level; 1 leaves only errors.
    return child_environment(SVT_LOG="1", AV_LOG_FORCE_NOCOLOR="1")


def _failure(doing: str, returncode: int | None, messages: str) -> ToolError | PausedError:
    tail = " | ".join(line for line in messages.splitlines()[-_TAIL_LINES:] if line.strip())
    if any(sign in messages for sign in _NO_SPACE):
        return PausedError(f"the disk is full while {doing}", tail, "make space and run the same command again")
    if returncode is not None and returncode < 0:
        name = signal.Signals(-returncode).name if -returncode in set(signal.Signals) else f"signal {-returncode}"
        return ToolCrashError(f"ffmpeg crashed {doing} ({name})", tail or "it said nothing", "run the command again")
    return ToolError(
        f"ffmpeg failed {doing} (exit code {returncode})", tail or "it said nothing", "see the log of the job"
    )


def _capture(*arguments: str) -> str:
    done = subprocess.run([str(binary()), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace")


def versions() -> dict[str, str]:
    """What decodes and encodes: the ffmpeg program, and the FFmpeg libraries inside PyAV."""
    import av

    libraries = {name: ".".join(str(part) for part in numbers) for name, numbers in av.library_versions.items()}
    return {"ffmpeg": version(), "pyav": av.__version__, **libraries}


def linked_release() -> tuple[int, int, int]:
    """Release of the FFmpeg libraries inside PyAV."""
    import av

    numbers = re.findall(r"\d+", str(av.ffmpeg_version_info))
    major, minor, patch = (int(number) for number in [*numbers, "0", "0", "0"][:3])
    return major, minor, patch
