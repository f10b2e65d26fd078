"""The survey: measure a tape in parts with one decode for all analysers, then conclude once for the whole tape.

A video that is only to be encoded gets a glance: the analysers that find shots, and what guides the encoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from footlights.analysis import (
    alignment,
    balance,
    blocking,
    borders,
    cadence,
    cameras,
    complexity,
    composite,
    conversion,
    dropouts,
    exposure,
    faces,
    flicker,
    floor,
    gaps,
    halos,
    levels,
    noise,
    quantiser,
    sharpness,
    timebase,
)
from footlights.analysis.base import ANALYSERS, Analyser, Notes, Scene, Series
from footlights.analysis.shots import find_shots
from footlights.analysis.view import FrameView
from footlights.core.reports import (
    TELLING,
    CadenceKind,
    CadenceReport,
    NoiseReport,
    Shot,
    ShotGlance,
    ShotReport,
    Survey,
)
from footlights.core.signal import FieldOrder, Signal
from footlights.core.source import Gap, Ingest
from footlights.core.tape_reports import ConversionReport
from footlights.core.time import FrameRange
from footlights.errors import VerificationError
from footlights.media.lossless import frame_digest
from footlights.media.pixels import Samples
from footlights.media.reader import VideoIndex, VideoReader
from footlights.settings import AnalysisSettings

SERIES = "series.npz"
GLANCE = ("cadence", "complexity", "exposure", "shots")
"""Analysers of a glance."""
_HISTORY = 4
"""Frames an analyser is shown at once."""
_SAMPLED_PAIRS = 32
"""Pairs of frames that the field order is first found from."""
_GLANCE_WIDTH = 720
"""Samples a line that a glance looks at: what it measures is meant for that scale."""
_LAST_INTERLACED = 1088
"""No system interlaces more lines than this; above it, lines are averaged as well."""


def versions(names: Iterable[str] = ()) -> dict[str, int]:
    """Version of every analyser, or of those named: part of the key of what they measured."""
    return {name: ANALYSERS.get(name).version for name in names or ANALYSERS.names()}


def measure(
    ingest: Ingest,
    reader: VideoReader,
    digests: Sequence[str],
    frames: FrameRange,
    settings: AnalysisSettings,
    progress: Callable[[int], None],
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Show every frame of a part, with the context the analysers ask for, to all of them; returns their columns.

    Every frame read is compared with its SHA-256 from the ingest: VerificationError where one differs.
    """
    order = sampled_order(reader.path, reader.index, ingest.source.signal)
    panel = _Panel(Scene(ingest, settings, order), ANALYSERS.names(), frames)
    for picture in reader.read(panel.context):
        if frame_digest(picture.planes) != digests[picture.number]:
            raise VerificationError(
                f"frame {picture.number} of the lossless copy has changed since it was made",
                "the disk is not reliable, or the file was edited",
                "delete the artifact the log names and run the same command again",
            )
        panel.show(FrameView(picture.number, picture.planes, reader.layout, panel.scene.signal))
        progress(picture.number - panel.context.start + 1)
    return panel.columns()


def measure_glance(
    ingest: Ingest, reader: VideoReader, frames: FrameRange, settings: AnalysisSettings, progress: Callable[[int], None]
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """As `measure`, for a video that is not ours: the analysers of a glance, on pictures reduced to SD width."""
    panel = _Panel(Scene(ingest, settings), GLANCE, frames)
    for picture in reader.read(panel.context):
        panel.show(FrameView(picture.number, _reduced(picture.planes), reader.layout, panel.scene.signal))
        progress(picture.number - panel.context.start + 1)
    return panel.columns()


def save(path: Path, columns: Series) -> None:
    """Columns as an uncompressed archive of arrays."""
    np.savez(path, allow_pickle=False, **dict(columns))


def load(paths: Sequence[Path]) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Columns of consecutive parts, joined."""
    parts = []
    for path in paths:
        with np.load(path, allow_pickle=False) as archive:
            parts.append({name: archive[name] for name in archive.files})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def conclude(series: Series, ingest: Ingest, settings: AnalysisSettings) -> Survey:
    """Everything found, per shot. Pure."""
    source = ingest.source
    shots, flashes = find_shots(series, ingest.frames)
    tagged = source.signal.field_order
    cadences = cadence.conclude(series, shots, tagged)
    held = gaps.conclude(series, shots, cadences)
    cadences = tuple(replace(one, unsure=of.unsure) for one, of in zip(cadences, held, strict=True))
    found = (*ingest.gaps, *gaps.duplicates(held, ingest.slots, source.rate))
    found = tuple(sorted(found, key=lambda gap: (gap.slots.start, gap.start)))
    mixed = conversion.report(series, shots, ingest.slots, source.rate)
    own = floor.floor_of(series, source.codec)
    reports = [
        _report(series, ingest, settings, shot, flashes, found, (time, one, noise.report(series, shot, own)))
        for shot, time, one in zip(shots, cadences, mixed, strict=True)
    ]
    order = _overall_order(reports, tagged)
    return Survey(
        shots=tuple(reports),
        frames=ingest.frames,
        gaps=found,
        active=exposure.active_area(series, source.width, source.height // 2 * 2),
        field_order=order,
        measured_by=", ".join(f"{name} {version}" for name, version in versions().items()),
        stage=cameras.conclude(series, reports, flashes, source.rate),
    )


def conclude_glance(series: Series, ingest: Ingest) -> tuple[ShotGlance, ...]:
    """Shots and what guides their encoding. Pure."""
    shots, flashes = find_shots(series, ingest.frames)
    cadences = cadence.conclude(series, shots, ingest.source.signal.field_order)
    return tuple(_glance(series, shot, flashes, one.kind) for shot, one in zip(shots, cadences, strict=True))


def _glance(
    series: Series, shot: Shot, flashes: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], kind: CadenceKind
) -> ShotGlance:
    found = complexity.report(series, shot, _GLANCE_WIDTH)
    return ShotGlance(
        shot=shot,
        spatial=found.spatial,
        temporal=found.temporal,
        luma=exposure.report(series, shot, flashes).luma_median,
        cadence=kind,
    )


def _report(
    series: Series,
    ingest: Ingest,
    settings: AnalysisSettings,
    shot: Shot,
    flashes: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    found: tuple[Gap, ...],
    known: tuple[CadenceReport, ConversionReport, NoiseReport],
) -> ShotReport:
    source = ingest.source
    shape = source.width * source.signal.sample_aspect / source.height
    return ShotReport(
        shot=shot,
        noise=known[2],
        cadence=known[0],
        conversion=known[1],
        dropouts=dropouts.report(series, shot),
        borders=borders.report(series, shot),
        timebase=timebase.report(series, shot),
        blocking=blocking.report(series, shot),
        quantiser=quantiser.report(series, shot),
        halos=halos.report(series, shot),
        levels=levels.report(series, shot),
        chroma_delay=alignment.report(series, shot),
        composite=composite.report(series, shot),
        complexity=complexity.report(series, shot, source.width),
        sharpness=sharpness.report(series, shot, source.width, shape),
        exposure=exposure.report(series, shot, flashes),
        flicker=flicker.report(series, shot, flashes),
        balance=balance.report(series, shot),
        faces=faces.report(series, shot, settings.faces.detector),
        gaps=tuple(gap for gap in found if gap.start in shot.frames or gap.start < shot.frames.stop <= gap.stop),
    )


@lru_cache(maxsize=1)
def sampled_order(path: Path, index: VideoIndex, signal: Signal) -> FieldOrder | None:
    """The tape's field order from pairs of frames all over it: the same, whichever part of the tape is measured, so
    that a process which measures one part after another finds it once.

    Analysers look at fields in the order of their exposure; after a wrong tag a cut inside a frame looks like a flash.
    """
    if index.frames < 2:
        return None
    starts = dict.fromkeys(int(start) for start in np.linspace(0, index.frames - 2, _SAMPLED_PAIRS))
    with VideoReader(path, index) as reader:
        return cadence.sampled_order(_pair(reader, signal, start) for start in starts)


def _pair(reader: VideoReader, signal: Signal, start: int) -> tuple[FrameView, FrameView]:
    """A frame and its successor."""
    before, now = (
        FrameView(one.number, one.planes, reader.layout, signal) for one in reader.read(FrameRange(start, start + 2))
    )
    return before, now


def _overall_order(reports: list[ShotReport], tagged: FieldOrder) -> FieldOrder:
    """The order most frames of interlaced shots agree on; the tag where nothing moves."""
    votes: Counter[FieldOrder] = Counter()
    for one in reports:
        if one.cadence.kind is not CadenceKind.PROGRESSIVE and one.cadence.confidence > 0.5:
            votes[one.cadence.field_order] += len(one.shot.frames)
    if votes:
        return votes.most_common(1)[0][0]
    progressive = sum(
        len(one.shot.frames)
        for one in reports
        if one.cadence.kind is CadenceKind.PROGRESSIVE and one.cadence.confidence > 0
    )
    if progressive and progressive >= TELLING * sum(len(one.shot.frames) for one in reports):
        return FieldOrder.PROGRESSIVE
    return tagged


class _Panel:
    """Analysers that look at the same frames one after another."""

    def __init__(self, scene: Scene, names: Iterable[str], frames: FrameRange) -> None:
        self.scene = scene
        self._analysers: list[Analyser] = [ANALYSERS.get(name)(scene) for name in names]
        self._notes = [Notes(analyser.columns, frames) for analyser in self._analysers]
        self._wanted = [frames.grow(analyser.before, analyser.after) for analyser in self._analysers]
        self._views: list[FrameView] = []
        before, after = max(a.before for a in self._analysers), max(a.after for a in self._analysers)
        self.context = frames.grow(before, after).intersect(FrameRange(0, scene.ingest.frames))
        """Frames to show: those asked for and what the analysers need around them."""

    def show(self, view: FrameView) -> None:
        """Let the analysers look at the next frame that it concerns."""
        self._views = [*self._views[-_HISTORY + 1 :], view]
        for analyser, own, wanted in zip(self._analysers, self._notes, self._wanted, strict=True):
            if view.number not in wanted:
                continue
            shown = min(_HISTORY, 1 + max(analyser.before, 0) + max(analyser.after, 0))
            analyser.look(self._views[-shown:], own)

    def columns(self) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        """What was noted."""
        return {name: column for own in self._notes for name, column in own.columns.items()}


def _reduced(planes: tuple[Samples, ...]) -> tuple[Samples, ...]:
    """Pictures at about SD width; lines stay where fields could be hidden in them."""
    height, width = planes[0].shape[:2]
    across = max(1, width // _GLANCE_WIDTH)
    down = across if height > _LAST_INTERLACED else 1
    if across == 1:
        return planes
    sizes = [(max(plane.shape[1] // across, 2), max(plane.shape[0] // down, 2)) for plane in planes]
    return tuple(cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p, size in zip(planes, sizes, strict=True))
