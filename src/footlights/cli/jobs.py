"""Commands that work in a job folder.

A tape is looked at before anything heavy is imported: what is refused is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.table import Table

from footlights.cli.output import emit, out, say, show
from footlights.cli.progress import Listener, view
from footlights.core.time import SpanKind, clock
from footlights.errors import VerificationError
from footlights.pipeline import job as jobs
from footlights.pipeline.job import Job

if TYPE_CHECKING:
    from footlights.core.products import Check, JobResult
    from footlights.pipeline.foretelling import Foretold
    from footlights.pipeline.run import Planned

T = TypeVar("T")
Sets = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen on the command line."""

    sets: Sets = ()
    config: Path | None = None
    preset: str | None = None


def restore(tape: Path, output: Path | None, choice: Choice, *, as_json: bool) -> None:
    """The whole way."""
    job = _open_restoration(tape, output, choice)
    from footlights.pipeline import run

    result = _listening(as_json, lambda listen: run.restore(job, listen))
    if as_json:
        emit("result", folder=str(job.folder), **_brief(result))
        return
    _summary(result)
    _products(job.folder, result)


def scan(tape: Path, output: Path | None, choice: Choice, *, as_json: bool) -> None:
    """Analysis and report."""
    job = _open(tape, output, choice)
    from footlights.pipeline import run

    result = _listening(as_json, lambda listen: run.scan(job, listen))
    if as_json:
        emit("result", folder=str(job.folder), **_brief(result))
        return
    _summary(result)
    out(f"Report: {job.folder / 'report.html'}")


def plan(tape: Path, output: Path | None, choice: Choice, *, as_json: bool) -> None:
    """What would be done."""
    job = _open_restoration(tape, output, choice)
    from footlights.pipeline import run

    planned = _listening(as_json, lambda listen: run.plan(job, listen))
    if as_json:
        emit("plan", folder=str(job.folder), **_planned(planned))
        return
    _plan_table(planned)
    out(f"Plan: {job.folder / jobs.PLAN} (edit it, then run `footlights restore`)")


def encode(
    video: Path, output: Path | None, sets: Sets, config: Path | None, *, as_json: bool, dry: bool = False
) -> None:
    """The encoding half; `dry` only tells what it would take."""
    job = _open(video, output, Choice(sets, config))
    from footlights.pipeline import video as videos
    from footlights.report import summary

    encoded = _listening(as_json, lambda listen: videos.encode(job, listen, dry=dry))
    if dry:
        _foretold(encoded.foretold, job.folder, as_json=as_json)
        return
    rows = list(summary.renditions(encoded.layout.encode, encoded.encodes, encoded.rates))
    if as_json:
        emit("result", folder=str(job.folder), renditions=rows, checks=[_check(check) for check in encoded.checks])
        return
    _renditions(rows)
    for warning in encoded.warnings:
        out(f"Warning: {warning}")
    out(f"Stream: {job.folder / 'stream' / 'master.m3u8'}\n        {job.folder / 'stream' / 'manifest.mpd'}")
    out(f"Report: {job.folder / 'report.html'}")


def verify(folder: Path, *, as_json: bool) -> None:
    """Everything decoded and hashed again."""
    from footlights.pipeline import verification

    checks = _listening(as_json, lambda listen: verification.verify(folder, listen))
    failed = [check for check in checks if not check.passed]
    if as_json:
        emit("result", folder=str(folder), checks=[_check(check) for check in checks])
    else:
        _check_table(checks)
    if failed:
        raise VerificationError(
            f"{len(failed)} of {len(checks)} checks failed in {folder}",
            f"{failed[0].name}: found {failed[0].found}, expected {failed[0].expected}",
            "run `footlights restore` with this folder: what is damaged is made again",
        )


def demo(output: Path, choice: Choice, *, as_json: bool) -> None:
    """Sample tape and its restoration."""
    from footlights.pipeline import sample

    tape = sample.tape(output)
    if tape.made and not as_json:
        say(f"Made a sample tape: {tape.path}")
    restore(tape.path, output / "restored", choice, as_json=as_json)


def _open(tape: Path, output: Path | None, choice: Choice) -> Job:
    """The job of a tape; given a job folder in its place, that job with the tape it knows."""
    return jobs.open_job(*_meant(tape, output), choice.sets, choice.config, choice.preset)


def _open_restoration(tape: Path, output: Path | None, choice: Choice) -> Job:
    """The same, with what cannot be restored refused at once."""
    return jobs.open_restoration(*_meant(tape, output), choice.sets, choice.config, choice.preset)


def _meant(tape: Path, output: Path | None) -> tuple[Path | None, Path]:
    """Tape and job folder; no tape where a job folder was given in its place."""
    if output is None and (tape / jobs.JOB_FILE).is_file():
        return None, tape
    return tape, output or jobs.default_folder(tape)


def _listening(as_json: bool, work: Callable[[Listener], T]) -> T:
    with view(as_json=as_json) as shown:
        return work(shown.listen)


def _summary(result: JobResult) -> None:
    from footlights.report import brief

    for line in brief.lines(result):
        out(line)


def _products(folder: Path, result: JobResult) -> None:
    assert result.master is not None
    assert result.plan is not None
    master = result.master
    out(f"Master: {folder / master.file}  {master.width}×{master.height}, {master.frames} frames, {master.codec}")
    rebuilt = result.plan.time_map.count(SpanKind.INTERPOLATED)
    if rebuilt:
        out(f"        {rebuilt} of its frames were rebuilt from their neighbours (see report.json, interventions)")
    if result.encode_plan and result.encode_plan.rungs:
        out(
            f"Stream: {folder / 'stream' / 'master.m3u8'}  and manifest.mpd, {len(result.encode_plan.rungs)} renditions"
        )
    out(f"Report: {folder / 'report.html'}")
    out(f"{sum(check.passed for check in result.checks)} of {len(result.checks)} checks passed")


def _plan_table(planned: Planned) -> None:
    table = Table()
    for name in ("shot", "frames", "step", "why"):
        table.add_column(name, overflow="fold")
    for report, shot in zip(planned.surveyed.survey.shots, planned.plan.shots, strict=True):
        frames = report.shot.frames
        span = f"{frames.start}–{frames.stop}"
        for number, step in enumerate(shot.steps):
            first = number == 0
            table.add_row(str(shot.shot) if first else "", span if first else "", step.stage, step.why)
        for skipped in shot.skipped:
            table.add_row("", "", f"({skipped.stage})", skipped.why, style="dim")
    show(table)
    counts: dict[str, int] = {}
    for forecast in planned.forecasts:
        counts[forecast.action] = counts.get(forecast.action, 0) + 1
    out(", ".join(f"{number} tasks {action}" for action, number in counts.items()))
    for forecast in [one for one in planned.forecasts if one.action == "redo"][:5]:
        out(f"  redo {forecast.task.id}: {forecast.why}")
    out(f"About {clock(planned.seconds)} of work and {planned.disk / 2**30:.2f} GiB of disk still needed.")


def _foretold(told: Foretold, folder: Path, *, as_json: bool) -> None:
    if as_json:
        from footlights.core import records

        emit("plan", folder=str(folder), **records.to_data(told))
        return
    table = Table()
    for name in ("rendition", "MB", "at least", "at most"):
        table.add_column(name, justify="left" if name == "rendition" else "right")
    for name, width, height, size in told.renditions:
        numbers = (f"{value / 1e6:.3g}" for value in (size.likely, size.low, size.high))
        table.add_row(f"{name} {width}×{height}", *numbers)
    show(table)
    out(f"{told.sentence()}; {told.disk / 2**30:.2f} GiB of disk while it works. Nothing was encoded.")


def _renditions(rows: list[dict[str, Any]]) -> None:
    table = Table()
    for name in ("rendition", "kbit/s", "q", "VMAF mean", "p5", "second", "worst", "trials", "grain"):
        table.add_column(name, justify="left" if name in ("rendition", "grain") else "right")
    for row in rows:
        keys = ("kbit_per_second", "q", "vmaf_mean", "vmaf_low", "vmaf_second", "vmaf_worst", "probes")
        values = ["" if row[key] is None else row[key] for key in keys]
        grain = ", ".join(f"{name} {number}" for name, number in row["grain"].get("outcomes", {}).items())
        table.add_row(f"{row['name']} {row['width']}×{row['height']}", *(str(value) for value in values), grain)
    show(table)


def _check_table(checks: tuple[Check, ...]) -> None:
    table = Table()
    for name in ("check", "", "found", "expected"):
        table.add_column(name, overflow="fold")
    for check in checks:
        table.add_row(check.name, "passed" if check.passed else "FAILED", check.found, check.expected)
    show(table)


def _brief(result: JobResult) -> dict[str, Any]:
    from footlights.report import summary

    data = summary.as_json(result)
    keys = ("frames_in", "frames_out", "rate_out", "field_order", "gaps", "master", "renditions", "warnings")
    return {key: data[key] for key in keys} | {"shots": len(data["shots"]), "verdict": summary.verdict(result)}


def _planned(planned: Planned) -> dict[str, Any]:
    return {
        "shots": [
            {
                "shot": shot.shot,
                "steps": [{"stage": step.stage, "why": step.why} for step in shot.steps],
                "skipped": [{"stage": step.stage, "why": step.why} for step in shot.skipped],
            }
            for shot in planned.plan.shots
        ],
        "tasks": [{"task": one.task.id, "action": one.action, "why": one.why} for one in planned.forecasts],
        "seconds": round(planned.seconds, 1),
        "disk_bytes": planned.disk,
    }


def _check(check: Check) -> dict[str, Any]:
    return {"name": check.name, "passed": check.passed, "found": check.found, "expected": check.expected}
