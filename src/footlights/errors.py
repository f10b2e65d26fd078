"""One tree of errors. Each says what happened, why, and what to do next; each carries its exit code.

Exit codes: 0 complete and verified · 1 internal · 2 usage, or would overwrite · 3 input refused · 4 incomplete
· 5 locked by another process · 6 source changed · 7 paused (space, permission; the same command continues)
· 8 verification failed · 130 interrupted (resumable).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

INTERRUPTED = 130
"""Exit code after Ctrl-C or SIGTERM: finished work is kept and the same command continues."""


class FootlightsError(Exception):
    """Root of the tree.

    `what` happened (with the object and the value), `why`, and the `remedy`: the next thing to do or type.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "FTL-0001"

    def __init__(self, what: str, why: str, remedy: str) -> None:
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        why, remedy = _sentence(self.why, capital=True), _sentence(self.remedy, capital=True)
        return " ".join(part for part in (_sentence(self.what), why, remedy) if part)


class InternalError(FootlightsError):
    """A broken promise inside the program: always a defect of ours."""

    code = "FTL-0002"


class NetError(InternalError):
    """A net gave values that are no numbers."""

    code = "FTL-0005"


class ToolError(FootlightsError):
    """An external program (the ffmpeg binary) failed or lied; `why` holds the end of its messages."""

    code = "FTL-0003"


class ToolCrashError(ToolError):
    """An external program was ended by a signal: a crash, or the system short of memory. Another try may succeed."""

    code = "FTL-0017"


class GrainFormError(ToolError):
    """A stream whose headers have a form that film grain cannot be put into."""

    code = "FTL-0016"


class UsageError(FootlightsError):
    """An option, argument or setting that cannot be used as given."""

    exit_code = 2
    code = "FTL-0200"


class ConfigError(UsageError):
    """Unknown or unusable setting in `--set`, `footlights.toml` or the environment."""

    code = "FTL-0201"


class ParameterError(UsageError):
    """A stage parameter outside its bounds.

    Raise as `ParameterError("denoise.motion.radius", 9, "choose 1..3 fields")`.
    """

    code = "FTL-0202"

    def __init__(self, name: str, value: object, remedy: str) -> None:
        super().__init__(f"{name} = {value!r} cannot be used", "the value is outside what the stage accepts", remedy)


class OutputExistsError(UsageError):
    """The output place is taken by something that is not ours to replace."""

    code = "FTL-0203"


class MissingExtraError(UsageError):
    """A feature was asked for whose optional packages are not installed."""

    code = "FTL-0204"

    def __init__(self, feature: str, extra: str, package: str, command: str = "") -> None:
        command = command or f"pip install 'footlights[{extra}]'"
        super().__init__(
            f"{feature} needs the package {package!r}, which is not installed",
            f"it belongs to the optional extra '{extra}', which the core installation leaves out",
            f"run {command}, or choose another value",
        )


class PlanError(UsageError):
    """A plan file that is not valid, or that no longer fits its tape."""

    code = "FTL-0205"


class LookError(UsageError):
    """A look table that cannot be read or used."""

    code = "FTL-0206"


class SourceError(FootlightsError):
    """The input is refused: no video, unreadable, unsafe or absurd."""

    exit_code = 3
    code = "FTL-0300"


class IncompleteError(FootlightsError):
    """Some shots could not be restored; everything else is finished and kept."""

    exit_code = 4
    code = "FTL-0400"


class LockedError(FootlightsError):
    """Another process works in this job folder."""

    exit_code = 5
    code = "FTL-0500"


class SourceChangedError(FootlightsError):
    """The tape file is not the one this job was begun with."""

    exit_code = 6
    code = "FTL-0600"


class PausedError(FootlightsError):
    """Work stopped for a reason outside the program; the same command continues when it is mended."""

    exit_code = 7
    code = "FTL-0700"


class VerificationError(FootlightsError):
    """A finished product does not hold what it promises; it keeps no final name."""

    exit_code = 8
    code = "FTL-0800"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean …?' for the closest known word, or an empty string."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else ""


def _sentence(text: str, *, capital: bool = False) -> str:
    """Ends with a full stop; a first word that may be a name of something keeps its case."""
    text = text.strip()
    if not text:
        return ""
    if capital and text.split(maxsplit=1)[0].isalpha():
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."
