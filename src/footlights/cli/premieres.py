"""`footlights premiere`: serve, publish, or say what it would cost."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from rich.table import Table

from footlights.cli.output import emit, out, say, show
from footlights.errors import OutputExistsError, UsageError
from footlights.premiere import cost
from footlights.premiere.hls import instant
from footlights.premiere.programme import Programme, check_alike, read_programme
from footlights.premiere.publish import Publisher
from footlights.premiere.schedule import Schedule, check_lengths, plan
from footlights.premiere.server import Server, wall_clock
from footlights.premiere.site import FACTS, PLAYERS, Site


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line asks for, however it is delivered."""

    folders: tuple[Path, ...]
    at: str
    lobby: float
    window: float
    title: str
    slate: Path | None
    players: Path | None
    work: Path | None


def serve(choice: Choice, host: str, port: int, *, as_json: bool) -> None:
    """Answer requests until interrupted."""
    site = _site(choice)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(site, host, port, as_json=as_json))
    say("the premiere is no longer served; the same command with the same --at goes on with it")


def publish(choice: Choice, folder: Path, *, as_json: bool) -> None:
    """Write files as they become due until all is there."""
    _check_folder(folder, choice)
    site = _site(choice)
    _announce(site.schedule, str(folder), as_json=as_json)
    Publisher(site, folder).run(wall_clock, time.sleep)
    if as_json:
        emit("result", folder=str(folder))
    else:
        out(f"{folder} holds the whole as video on demand")


def estimate(choice: Choice, viewers: int, mix: str, *, as_json: bool) -> None:
    """Times and cost; nothing is written."""
    programmes = _programmes(choice)
    check_lengths(_seconds(choice.lobby, "--lobby"), _seconds(choice.window, "--window"))
    start = _start(choice.at)
    lines = _mix(mix) if mix else cost.USUAL_MIX
    costs = [cost.estimate(programme, lines) for programme in programmes]
    end = start + sum((programme.duration for programme in programmes), Fraction(0))
    if as_json:
        parts = [
            {
                "folder": str(programme.folder),
                "seconds": round(one.seconds, 3),
                "renditions": [
                    {"name": share.rendition, "share": round(share.share, 4), "bits_per_second": share.average}
                    for share in one.shares
                ],
                "average_bits_per_second": round(one.average),
                "gigabytes_per_viewer_hour": round(one.gigabytes_per_viewer_hour, 4),
                "window_average": round(one.window_average),
                "window_p95": round(one.window_p95),
                "window_peak": round(one.window_peak),
                "terabytes": round(one.total_terabytes(viewers), 4),
                "billed_gigabits_per_second": round(one.billed_gigabits(viewers), 4),
            }
            for programme, one in zip(programmes, costs, strict=True)
        ]
        emit("premiere", start=instant(start), end=instant(end), viewers=viewers, mix=dict(lines), parts=parts)
        return
    out(f"Begins {instant(start)}, ends {instant(end)}")
    for programme, one in zip(programmes, costs, strict=True):
        _cost_table(programme, one, viewers)
    if not mix:
        out("The lines of the viewers are assumed (--mix says otherwise).")


async def _serve(site: Site, host: str, port: int, *, as_json: bool) -> None:
    listening = await Server(site).listen(host, port)
    async with listening:
        address = listening.sockets[0].getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        _announce(site.schedule, f"http://{shown}:{address[1]}/", as_json=as_json)
        await listening.serve_forever()


def _announce(schedule: Schedule, place: str, *, as_json: bool) -> None:
    times = {name: instant(getattr(schedule, name)) for name in ("doors", "start", "end")}
    if as_json:
        emit("premiere", place=place, **times)
        return
    out(f"Premiere: {place}")
    out(f"Doors {times['doors']}, begins {times['start']}, ends {times['end']}")
    out(f"A replica, or this one after a stop: --at {times['start']}")


def _site(choice: Choice) -> Site:
    """Everything that is served, the slate made if need be."""
    from footlights.premiere.slate import make_slate

    programmes = _programmes(choice)
    lobby, window = _seconds(choice.lobby, "--lobby"), _seconds(choice.window, "--window")
    check_lengths(lobby, window)
    start = _start(choice.at)
    folder = programmes[0].folder
    if choice.players is not None and not any((choice.players / name).is_file() for name in PLAYERS):
        raise UsageError(
            f"{choice.players} holds no player", f"none of {', '.join(PLAYERS)} is in it", "name a folder that has one"
        )
    home = choice.work or folder.parent / f"{folder.name}.premiere"
    say("making the slate, where it is not there yet")
    slate = make_slate(programmes[0], home / "slate", choice.slate)
    title = choice.title or (folder.parent.name if folder.name == "stream" else folder.name)
    return Site(plan(programmes, start, slate, lobby=lobby, window=window), title, choice.players)


def _programmes(choice: Choice) -> list[Programme]:
    found = [read_programme(folder) for folder in choice.folders]
    check_alike(found)
    return found


def _check_folder(folder: Path, choice: Choice) -> None:
    """Never write among a stream's own files, nor into a folder that is something else."""
    inside = [one for one in choice.folders if folder.resolve().is_relative_to(one.resolve())]
    if inside:
        raise OutputExistsError(
            f"{folder} lies in {inside[0]}", "the stream's own files are kept", "name another folder"
        )
    if folder.exists() and any(folder.iterdir()) and not (folder / FACTS).is_file():
        raise OutputExistsError(f"{folder} is not empty", "it holds no premiere of ours", "give a new folder")


def _start(text: str) -> Fraction:
    """Seconds since 1970 of `--at`, whole milliseconds."""
    if text.startswith("+"):
        wait = _number(text[1:], "--at")
        return Fraction(int((wall_clock() + Fraction(wait)) * 1000), 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--at {text} cannot be used", "it is no time", "write --at 2026-12-31T20:00:00+01:00, or --at +60"
        ) from error
    if moment.tzinfo is None:
        raise UsageError(
            f"--at {text} cannot be used",
            "it does not say of which time zone",
            f"write --at {text}Z for UTC, or with the offset of your zone, +01:00",
        )
    if moment < datetime(1980, 1, 1, tzinfo=UTC):
        raise UsageError(f"--at {text} cannot be used", "it is before 1980", "choose a later time")
    return Fraction(int(moment.timestamp() * 1000 + 0.5), 1000)


def _seconds(value: float, option: str) -> Fraction:
    if value != value or value in (float("inf"), float("-inf")):
        raise UsageError(f"{option} {value} cannot be used", "it is no number of seconds", f"write {option} 60")
    return Fraction(value).limit_denominator(1000)


def _number(text: str, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e9:
        raise UsageError(f"{option} +{text} cannot be used", "it is no number of seconds", f"write {option} +60")
    return value


def _mix(text: str) -> tuple[tuple[float, float], ...]:
    try:
        pairs = tuple((float(line), float(share)) for line, share in (one.split(":") for one in text.split(",")))
    except ValueError as error:
        raise UsageError(
            f"--mix {text} cannot be used", "it is no list of RATE:SHARE", "write --mix 25:0.6,5:0.4"
        ) from error
    return pairs


def _cost_table(programme: Programme, one: cost.Cost, viewers: int) -> None:
    table = Table(title=str(programme.folder), title_justify="left")
    for name in ("rendition", "viewers", "kbit/s with sound"):
        table.add_column(name, justify="left" if name == "rendition" else "right")
    for share in one.shares:
        table.add_row(share.rendition, f"{share.share:.0%}", f"{share.average / 1000:.0f}")
    show(table)
    out(f"{one.gigabytes_per_viewer_hour:.2f} GB per viewer hour; {one.total_terabytes(viewers):.3f} TB for {viewers}")
    out(
        f"Windows of {cost.WINDOW // 60} minutes: {one.window_average / 1e6:.2f} Mbit/s a viewer on average, "
        f"{one.window_p95 / 1e6:.2f} at the 95th percentile, {one.window_peak / 1e6:.2f} at most; "
        f"{one.billed_gigabits(viewers):.2f} Gbit/s billed by the 95th percentile"
    )
