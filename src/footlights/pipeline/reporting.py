"""The report of a job: page, JSON, and tables, each written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from footlights.core.reports import Survey
from footlights.pipeline import products
from footlights.report import page, summary, tables
from footlights.report.shown import shown_shots
from footlights.report.story import Pictures, Story


def write(folder: Path, story: Story) -> None:
    """`report.json`, `report.html`, `reports/shots.csv` and `reports/frames.csv` in a job folder."""
    data = json.dumps(summary.as_json(story.result), indent=1, ensure_ascii=False)
    products.write(folder, "report.json", data + "\n")
    products.write(folder, "report.html", page.render(story))
    products.write(folder, "reports/shots.csv", tables.shots_csv(story.result, story.found))
    products.write(folder, "reports/frames.csv", "".join(tables.frames_csv(story.result, story.series)))


def pictures(folder: Path, survey: Survey, pairs: Sequence[tuple[str, bytes]] = ()) -> Pictures:
    """The pictures of the page from the folder the task `thumbnails` made."""
    shots = {shot: (folder / f"shot-{shot:04d}.jpg").read_bytes() for shot in sorted(shown_shots(survey))}
    return Pictures(shots, pairs=tuple(pairs))
