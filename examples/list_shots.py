"""Look at a tape and list its shots: python examples/list_shots.py TAPE FOLDER [SETTING=VALUE …]

FOLDER becomes a job folder, the same that `footlights scan TAPE -o FOLDER` makes: `footlights restore` goes on with it,
and running this again costs next to nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from footlights.core.reports import ShotReport
from footlights.core.time import timecode
from footlights.engine.events import Event, Warning_
from footlights.pipeline import run
from footlights.pipeline.job import open_job


def listen(event: Event) -> None:
    """Called with every event of the work; a program of its own would show progress here."""
    if isinstance(event, Warning_):
        print(f"note: {event.text}", file=sys.stderr)


def describe(report: ShotReport) -> str:
    """One shot in words."""
    facts = [
        report.cadence.kind,
        f"{report.exposure.light} light",
        f"noise {report.noise.luma_sigma:.1f} codes",
        f"{report.dropouts.count} dropouts",
        f"{len(report.faces.tracks)} faces",
    ]
    return ", ".join(facts)


def main(tape: Path, folder: Path, *assignments: str) -> None:
    """Analyse the tape and print one line per shot and gap."""
    result = run.scan(open_job(tape, folder, assignments), listen)
    rate, slots = result.ingest.source.rate, result.ingest.slots
    for report in result.survey.shots:
        frames = report.shot.frames
        print(f"shot {report.shot.index}: frames {frames.start} to {frames.stop}, at", end=" ")
        print(f"{timecode(slots[frames.start], rate)}, by {report.shot.entry}: {describe(report)}")
    for gap in result.survey.gaps:
        print(f"{gap.kind} at {gap.timecode}: {gap.evidence}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
