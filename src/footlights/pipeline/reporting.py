"""The report of a job: page, JSON, and tables, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from footlights.core.reports import Survey
from footlights.core.source import Ingest
from footlights.pipeline import products, worst
from footlights.report import page, summary, tables
from footlights.report.shown import shown_shots
from footlights.report.story import Pictures, Story


def write(folder: Path, story: Story) -> None:
    """`report.json`, `report.html`, `reports/shots.csv` and `reports/frames.csv` in a job folder."""
    products.write(folder, "report.json", summary.as_text(summary.as_json(story.result)))
    products.write(folder, "report.html", page.render(story))
    products.write(folder, "reports/shots.csv", tables.shots_csv(story.result, story.found))
    products.write(folder, "reports/frames.csv", "".join(tables.frames_csv(story.result, story.series)))


def loudness(momentary: Mapping[str, NDArray[np.float32]], ingest: Ingest) -> dict[str, NDArray[np.float32]]:
    """Loudness of every track at every frame, as columns `sound.loudness.TRACK`, from ten values a second."""
    seconds = np.array(ingest.slots, np.float64) / float(ingest.source.rate)
    found = {}
    for track, values in momentary.items():
        # A value tells the 400 ms that end where its tenth of a second ends: the frame lies in their middle.
        place = np.round(seconds * 10 + 1).astype(np.int64)
        known = place < len(values)
        column = np.full(len(seconds), np.nan, np.float32)
        column[known] = values[place[known]]
        found[f"sound.loudness.{track}"] = column
    return found


def pictures(folder: Path, survey: Survey, pairs: Sequence[tuple[str, bytes]] = ()) -> Pictures:
    """The pictures of the page from the folder the task `thumbnails` made."""
    shots = {shot: (folder / f"shot-{shot:04d}.jpg").read_bytes() for shot in sorted(shown_shots(survey))}
    return Pictures(shots, pairs=tuple(pairs), worst=worst.read(folder))
