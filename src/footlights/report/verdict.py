"""The verdict in plain words: what a tape suffers from, what is done about it, what cannot be mended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from footlights.core.defects import Defect
from footlights.core.products import JobResult
from footlights.report.dictionary import DICTIONARY
from footlights.report.findings import Found, Severity


@dataclass(frozen=True, slots=True)
class Suffering:
    """One defect over the whole tape."""

    defect: Defect
    title: str
    """Its name, inside a sentence."""
    how: str
    """How much and how widely."""
    worst: Severity


def suffering(result: JobResult, found: Sequence[Found]) -> tuple[Suffering, ...]:
    """Every defect of the tape once, the worst and most widespread first."""
    by_defect: dict[Defect, list[Found]] = defaultdict(list)
    for one in found:
        by_defect[one.defect].append(one)
    total = max(len(result.survey.shots), 1)
    ranked = []
    for defect, ones in by_defect.items():
        shots = len({one.shot for one in ones} - {None})
        worst = max(one.severity for one in ones)
        alone = "in the sound" if defect.startswith("sound") else "told by the tape as a whole"
        where = "throughout" if shots == total else f"in {shots} of {total} shots" if shots else alone
        how = f"{worst.name.lower()}{' at worst' if len(ones) > 1 else ''}, {where}"
        ranked.append((-worst, -shots, Suffering(defect, _small(DICTIONARY[defect].title), how, worst)))
    return tuple(one for *_, one in sorted(ranked, key=lambda item: item[:2]))


def mending(result: JobResult) -> str:
    """The words in front of `mended`: what was done, or what would be."""
    return "What is done about it" if result.master else "What would be done about it"


def mended(result: JobResult, found: Sequence[Found]) -> str:
    """What the plan does about the defects found; empty before there is a plan."""
    if result.plan is None:
        return ""
    stages = {step.stage for shot in result.plan.shots for step in shot.steps}
    return " ".join(
        dict.fromkeys(
            DICTIONARY[defect].treated.replace("`", "")
            for defect in _defects(found)
            if stages & set(DICTIONARY[defect].stages)
        )
    )


def unmended(found: Sequence[Found]) -> str:
    """What stays, of the defects that are more than slight."""
    heavy = [one for one in found if one.severity > Severity.SLIGHT]
    return " ".join(DICTIONARY[defect].beyond.replace("`", "") for defect in _defects(heavy))


def _defects(found: Sequence[Found]) -> Iterator[Defect]:
    present = {one.defect for one in found}
    return (defect for defect in Defect if defect in present)


def _small(title: str) -> str:
    return title[:1].lower() + title[1:]
