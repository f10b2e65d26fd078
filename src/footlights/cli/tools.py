"""Commands that work on single files, or on the installation."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from footlights.cli.output import console, emit, out, plain, say, show
from footlights.config import listing, resolve
from footlights.errors import UsageError, did_you_mean
from footlights.pipeline import probing


def compare(reference: Path, test: Path, *, as_json: bool) -> None:
    """Metrics table."""
    probing.look(reference, test)
    from footlights.pipeline.inspect import compare_videos

    found = compare_videos(reference, test)
    if as_json:
        rows = {name: {"mean": mean, "p5": low, "worst": worst} for name, mean, low, worst in found.rows}
        size = {"width": found.width, "height": found.height}
        emit("comparison", frames=found.frames, **size, metrics=rows, notes=list(found.notes))
        return
    out(f"{test.name} against {reference.name}: {found.frames} frames at {found.width}×{found.height}")
    table = Table()
    for name in ("metric", "mean", "5th percentile", "worst"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for name, *values in found.rows:
        table.add_row(name, *(f"{value:.4f}" if name == "SSIM" else f"{value:.2f}" for value in values))
    show(table)
    for note in found.notes:
        out(note)


def stills(folder: Path, output: Path, frame: int, crop: str, height: int, *, as_json: bool) -> None:
    """Before and after as one picture."""
    from footlights.pipeline.inspect import before_after

    try:
        left, top, width, tall = (float(part) / 100 for part in crop.split(","))
    except ValueError as error:
        raise UsageError(
            f"--crop {crop} cannot be used", "it is not four numbers", "write --crop 25,25,50,50"
        ) from error
    _check_place(output)
    if output.suffix.lower() != ".png":
        raise UsageError(f"{output} cannot be written", "its name does not end in .png", "write -o NAME.png")
    shown = before_after(folder, output, frame, (left, top, width, tall), height)
    if as_json:
        emit("result", file=str(output), frame=shown)
    else:
        out(f"{output}: frame {shown}")


def look(folder: Path, output: Path, shot: int, points: int, *, as_json: bool) -> None:
    """Look table of a shot."""
    from footlights.pipeline.lookexport import export

    _check_place(output)
    if output.suffix.lower() != ".cube":
        raise UsageError(f"{output} cannot be written", "its name does not end in .cube", "write -o NAME.cube")
    stages = export(folder, output, shot, points)
    if as_json:
        emit("result", file=str(output), shot=shot, points=points, stages=list(stages))
    else:
        out(f"{output}: shot {shot}, {points} points a side, {', '.join(stages) or 'nothing changed'}")


def make_tape(  # noqa: PLR0913 - options of a command line
    clean: Path,
    output: Path,
    *,
    preset: str,
    seed: int,
    standard: str,
    field_order: str,
    codec: str,
    scan: str,
    cuts: str,
    as_json: bool,
) -> None:
    """Simulated tape with its truth."""
    try:
        fields = tuple(int(part) for part in cuts.split(",") if part.strip())
    except ValueError as error:
        raise UsageError(
            f"--cuts {cuts} cannot be used", "it is no list of field numbers", "write --cuts 120,305"
        ) from error
    _check_place(output)
    probing.look(clean)
    from footlights.pipeline.simulate import TapeChoice
    from footlights.pipeline.simulate import make_tape as simulate

    choice = TapeChoice(preset, seed, standard, field_order, codec, scan, fields)
    with console(stderr=True).status(Text(plain(f"simulating {output.name}"))) as status:

        def progress(frames: int) -> None:
            if as_json:
                emit("progress", frames=frames)
            else:
                status.update(Text(plain(f"simulating {output.name}: {frames} frames")))

        made = simulate(clean, output, choice, progress)
    truth = made.truth
    facts = {
        "tape": str(made.tape),
        "truth": str(made.truth_file),
        "frames": truth.frames,
        "noise": truth.noise.luma_sigma,
        "dropouts": len(truth.dropouts),
        "lost_frames": list(truth.lost_frames),
        "duplicated_frames": list(truth.duplicated_frames),
        "notes": list(made.notes),
    }
    if as_json:
        emit("result", **facts)
        return
    for note in made.notes:
        say(note)
    out(
        f"{made.tape}: {truth.frames} frames, noise {truth.noise.luma_sigma:.2f} codes, "
        f"{len(truth.dropouts)} dropouts, "
        f"{len(truth.lost_frames)} frames lost, {len(truth.duplicated_frames)} duplicated"
    )
    out(f"{made.truth_file}: the truth")


def face3d(views: list[Path], output: Path, face_model: Path | None, *, as_json: bool) -> None:
    """Mesh and turntable of one head."""
    from footlights.pipeline.heads import make_head

    made = make_head(views, output, face_model)
    if as_json:
        files = [str(path) for path in made.files]
        emit("result", files=files, yaw_degrees=made.yaws, error_mm=made.errors, notes=made.notes)
        return
    for note in made.notes:
        say(note)
    for path, yaw, error in zip(views, made.yaws, made.errors, strict=True):
        out(f"{path.name}: turned by {yaw:+.0f}°, landmarks within {error:.1f} mm")
    out(f"{', '.join(path.name for path in made.files)} in {output.parent}")


def doctor(*, as_json: bool) -> None:
    """State of the installation."""
    from footlights.pipeline.inspect import examine

    findings = examine()
    if as_json:
        emit("doctor", findings=[asdict(one) for one in findings])
    else:
        table = Table(show_header=False)
        for one in findings:
            table.add_row(one.name, one.state, one.found, one.advice)
        show(table)
    if any(one.state == "missing" for one in findings):
        raise UsageError("something needed is missing", "see the table", "reinstall footlights with its dependencies")


def setup(what: str, *, dry_run: bool, as_json: bool) -> None:
    """Install an optional part."""
    from footlights.pipeline.setup import PARTS, missing, put_in

    if what not in PARTS:
        hint = did_you_mean(what, PARTS) or "nothing is called like that"
        raise UsageError(f"there is no part '{what}' to set up", hint, f"choose one of {', '.join(PARTS)}")
    commands = missing(PARTS[what])
    for command in commands:
        say(f"{'would run' if dry_run else 'running'}: {' '.join(command)}")
    found = "" if dry_run else put_in(PARTS[what], commands)
    if as_json:
        emit("setup", part=what, commands=[list(command) for command in commands], found=found)
    elif found:
        out(found)
    elif not commands:
        out(f"{what}: everything is there")


def show_config(sets: tuple[str, ...], file: Path | None, *, as_json: bool) -> None:
    """All settings."""
    resolved = resolve(sets, file)
    rows = [
        (name, list(value) if isinstance(value, tuple) else value, origin) for name, value, origin in listing(resolved)
    ]
    if as_json:
        emit("config", settings=[{"name": name, "value": value, "origin": origin} for name, value, origin in rows])
        return
    for name, value, origin in rows:
        out(f"{name} = {json.dumps(value)}  # {origin}")


def _check_place(output: Path) -> None:
    if not output.parent.is_dir():
        raise UsageError(
            f"{output} cannot be written", f"there is no folder {output.parent}", "make it, or choose another place"
        )
