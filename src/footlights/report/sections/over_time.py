"""The tape over time: the defect map, and curves under one cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from footlights.report import defectmap
from footlights.report.plots import Plot, curve
from footlights.report.story import Series, Story
from footlights.report.worst import flicker

_CURVES = (
    ("noise.luma", "Noise", "sigma of luma in codes"),
    ("sharpness.horizontal", "Sharpness", "share of the sampling limit"),
    ("dropouts.count", "Dropouts", "streaks per frame"),
    ("shots.motion", "Motion", "small-picture samples per field"),
)


def content(story: Story) -> Mapping[str, object]:
    """The map and the plots as SVG."""
    survey, rate = story.result.survey, story.result.ingest.source.rate
    starts = [report.shot.frames.start for report in survey.shots]
    rows = defectmap.rows(survey, story.found, story.series.get("dropouts.count"))
    return {
        "map": Markup(defectmap.draw(survey, rate, rows)),  # noqa: S704 - its text is escaped where it is made
        "plots": [(plot.title, plot.unit, Markup(curve(plot, rate, starts))) for plot in plots(story.series)],  # noqa: S704
    }


def plots(series: Series) -> Iterator[Plot]:
    """The curves, as far as their columns were measured."""
    if "exposure.mean" in series:
        levels = series.get("exposure.levels")
        if levels is not None:
            yield Plot("Luma range", "codes, from the 1st to the 99th percentile", levels[:, 2], floor=levels[:, 0])
        yield Plot("Brightness", "mean luma code", series["exposure.mean"])
        yield Plot("Flicker", "codes away from the mean of both neighbours", flicker(series["exposure.mean"]))
    if "cadence.distance" in series:
        yield Plot("Combing", "difference of the two fields of a frame, in codes", series["cadence.distance"][:, 0])
    for name in sorted(series):
        if name.startswith("sound.loudness."):
            yield Plot(f"Loudness of track {name.rsplit('.', 1)[1]}", "LUFS, of 400 ms", series[name])
    for name, title, unit in _CURVES:
        if name in series:
            yield Plot(title, unit, series[name])
