"""A run's journal: a CSV line per validation, and its curve as a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from footlights.training.checkpoint import Progress
from footlights.training.validate import Comparison

_COLOURS = ((60, 160, 60), (200, 120, 40), (40, 80, 210), (170, 60, 170), (90, 90, 90))
_LEFT, _BOTTOM, _WIDTH, _HEIGHT = 60, 40, 900, 500


def note(path: Path, progress: Progress, terms: Mapping[str, float], results: Mapping[str, Comparison]) -> None:
    """Append one line; the first writes the head."""
    row: dict[str, str] = {
        **spent(progress),
        **{f"loss_{name}": f"{value:.6f}" for name, value in terms.items()},
    }
    for name, found in results.items():
        for kind, ours, classical in (
            ("clean", found.ours.clean, found.classical.clean),
            ("fine", found.ours.fine, found.classical.fine),
            ("chroma", found.ours.chroma, found.classical.chroma),
        ):
            row[f"{name}_{kind}"] = f"{ours:.3f}"
            row[f"{name}_{kind}_gain"] = f"{ours - classical:+.3f}"
        row[f"{name}_flicker_ratio"] = f"{found.ours.flicker / max(found.classical.flicker, 1e-9):.3f}"
        row[f"{name}_worst"] = f"{found.worst_gain:+.2f}"
        row[f"{name}_wins"] = f"{found.wins}/{found.crops}"
    write_row(path, row)


def spent(progress: Progress) -> dict[str, str]:
    """The first columns of every line: how far the run has come, and what it took."""
    return {
        "iteration": str(progress.iteration),
        "cpu_hours": f"{progress.cpu_seconds / 3600:.4f}",
        "wall_hours": f"{progress.wall_seconds / 3600:.4f}",
    }


def write_row(path: Path, row: Mapping[str, str]) -> None:
    """Append one line of a table; the first writes the head."""
    fresh = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def drop_after(path: Path, iteration: int) -> None:
    """Take out lines a resumed run will write again."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as file:
        head, *lines = list(csv.reader(file))
    kept = [line for line in lines if int(line[0]) <= iteration]
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *kept])
    part.replace(path)


def draw_curves(table: Path, picture: Path, ending: str = "_fine_gain", unit: str = " dB") -> None:
    """Scores by iteration, one line for each column of that ending, such as gains over the picture without the net."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name.endswith(ending)] if rows else []
    if not columns:
        return
    steps = np.array([float(row["iteration"]) for row in rows])
    values = np.array([[float(row[name]) for name in columns] for row in rows])
    low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
    canvas = np.full((_HEIGHT + 2 * _BOTTOM, _WIDTH + 2 * _LEFT, 3), 255, np.uint8)

    def point(step: float, value: float) -> tuple[int, int]:
        x = _LEFT + step / max(float(steps[-1]), 1) * _WIDTH
        return int(x), int(_BOTTOM + (high - value) / (high - low) * _HEIGHT)

    for level in np.arange(np.ceil(low * 2) / 2, high + 1e-6, 0.5):
        cv2.line(canvas, point(0, level), point(float(steps[-1]), level), (225, 225, 225), 1)
        _write(canvas, f"{level:+.1f}{unit}", (4, point(0, level)[1] + 4), (90, 90, 90))
    for index, name in enumerate(columns):
        colour = _COLOURS[index % len(_COLOURS)]
        line = np.array([point(step, value) for step, value in zip(steps, values[:, index], strict=True)], np.int32)
        cv2.polylines(canvas, [line], False, colour, 2, cv2.LINE_AA)
        _write(canvas, name.removesuffix(ending), (_LEFT + 10 + 110 * index, 24), colour)
    _write(canvas, f"{int(steps[-1])} iterations", (_WIDTH - 60, _HEIGHT + 2 * _BOTTOM - 12), (90, 90, 90))
    cv2.imwrite(str(picture), canvas)


def _write(
    canvas: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    text: str,
    at: tuple[int, int],
    colour: tuple[int, int, int],
) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
