"""The clean master: the pictures as they were before grain was given back, kept beside the pieces of the master.

The ladder takes grain out of what it encodes and judges quality without it. Where the grain is ours, its pictures were
there without any a moment earlier; to find them again in the finished master takes longer than the net did
(docs/decisions/20261130-clean-master.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from footlights.core.plans import ShotPlan, Step
from footlights.encoding.encoders import SvtAv1
from footlights.engine.reuse import Action, Forecast
from footlights.engine.tasks import Task
from footlights.media.ffmpeg import file_url

FILE = "clean.mkv"
MEMORY = 3 * 2**27
"""Bytes that its encoder takes at 2880×2160: 375 MB were seen, with 2.5 GB of all others."""
BITS = 0.13
"""Per sample of luma, for the disk estimate: 98 kB a picture were seen beside the master's 255."""
_QUALITY = 7.0
"""CRF at which 48 pictures of a dancer keep 59.1 dB of their luma."""
_ENCODER = SvtAv1(preset=10, flat=True)
_GRAIN = "grain.synthesis"


def arguments(target: Path, keyframes: Sequence[int], rate: Fraction) -> list[str]:
    """What the encoder of the clean pictures is told."""
    return [*_ENCODER.arguments(_QUALITY, keyframes, rate), file_url(target)]


def grained(steps: Sequence[Step]) -> bool:
    """Whether the last of these steps gives grain back."""
    return bool(steps) and steps[-1].stage == _GRAIN and steps[-1].params.get("share") != 0


def wanted(shots: Sequence[ShotPlan]) -> bool:
    """Whether pictures of these shots are any different before grain is given back."""
    return any(grained(steps) for shot in shots for steps in (shot.steps, shot.instead))


def beside(piece: Path) -> Path | None:
    """The clean pictures of a piece of the master, where they were kept."""
    found = piece.with_name(FILE)
    return found if found.is_file() else None


def preferred(
    asked: Sequence[Task], other: Sequence[Task], preview: Callable[[Sequence[Task]], Sequence[Forecast]]
) -> list[Task]:
    """The tasks of the pieces as they are `asked` for; in the `other` form those that are there in that alone.

    Pieces hold the same pictures with a clean master beside them and without: a stream that is wanted later does
    without rather than have days of work done again.
    """
    if asked == other:
        return list(asked)
    there = [[forecast.action is Action.REUSE for forecast in preview(tasks)] for tasks in (asked, other)]
    return [
        old if has_old and not has_new else new for new, old, has_new, has_old in zip(asked, other, *there, strict=True)
    ]
