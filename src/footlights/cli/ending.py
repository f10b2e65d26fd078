"""How a command of `footlights` is run and how it ends: one paragraph on stderr, and the exit code.

Data goes to stdout, messages to stderr. Exit codes are those of `footlights.errors`.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import typer

from footlights.cli.app import app
from footlights.cli.output import emit, say
from footlights.errors import INTERRUPTED, FootlightsError, InternalError, PausedError, UsageError


def main() -> None:
    """Entry point: run a command, say how it ended, exit with its code."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be text
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; what goes wrong is said, in one paragraph, and comes back as its exit code."""
    problem: FootlightsError | None = None
    code: object = 0
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="footlights", standalone_mode=False)
        sys.stdout.flush()
    except FootlightsError as error:
        problem = error
    except typer.TyperException as error:
        problem = _misuse(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge of the program: a defect shows its traceback
        problem = _mishap(error)
    if problem is not None:
        code = problem.exit_code
        say(f"error {problem.code}: {problem}")
        if "--json" in arguments:
            with suppress(OSError):
                emit("error", **_described(problem))
    elif code == INTERRUPTED:
        say("interrupted; finished work is kept and the same command goes on with it")
    _let_go_of_stdout()
    return code if isinstance(code, int) else 0


def _misuse(error: typer.TyperException) -> UsageError:
    """What typer found wrong with the command line, in the form of our own errors."""
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context else "footlights"
    option, near = getattr(error, "option_name", ""), getattr(error, "possibilities", None)
    if option and hasattr(error, "possibilities"):
        why = f"did you mean '{near[0]}'?" if near else "nothing is called like that"
        return UsageError(f"there is no option '{option}'", why, f"`{command} --help` lists all options")
    why = " ".join(context.get_usage().split()) if context else "the command line cannot be read as it is"
    return UsageError(error.format_message(), why, f"see `{command} --help`")


def _mishap(error: Exception) -> FootlightsError:
    """An exception that is none of ours: a fault of the disk, or a defect."""
    from footlights.engine.faults import DISK_ERRNOS, remedy_for

    if isinstance(error, OSError) and error.errno in DISK_ERRNOS:
        place = error.filename or "the output"
        return PausedError(f"{place} cannot be used", error.strerror or str(error), remedy_for(error))
    sys.stderr.write("".join(traceback.format_exception(error)))
    return InternalError(
        f"the program failed with {type(error).__name__}",
        str(error) or "it gave no reason",
        "this is a defect: report it with the lines above and the output of `footlights doctor`",
    )


def _described(error: FootlightsError) -> dict[str, Any]:
    return {
        "code": error.code,
        "what": error.what,
        "why": error.why,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }


def _let_go_of_stdout() -> None:
    """Have nothing left to write: an output that fails would spoil the exit code when the interpreter ends."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
