"""People in the report: one line of time for each person over the whole tape, and a contact sheet from all shots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice

import cv2
import numpy as np

from footlights.core.faces import ShotFaces, TrackedFace
from footlights.core.likeness import FaceVerdict
from footlights.core.reports import Survey
from footlights.core.source import Ingest
from footlights.core.time import clock
from footlights.report.pictures import data_url, jpeg

MOST = 24
"""People, and pairs of crops, that a page shows; those seen longest, and those least alike."""
_WIDTH, _HEIGHT = 1000, 18
_THUMBNAIL, _PICTURES = 112, 8


@dataclass(frozen=True, slots=True)
class PersonSection:
    """What the page shows of one person."""

    caption: str
    timeline: str
    """SVG."""
    sheet: str
    """`data:` URL."""


@dataclass(frozen=True, slots=True)
class PairSection:
    """A restored face beside what it was made from."""

    caption: str
    refused: str
    """Why it was put back; empty where it was not."""
    pair: str
    """`data:` URL."""


def people(found: Mapping[int, ShotFaces], survey: Survey, ingest: Ingest) -> tuple[list[PersonSection], str]:
    """The people seen longest, and a sentence about all."""
    tracks: dict[int, list[tuple[int, TrackedFace]]] = defaultdict(list)
    for shot, one in sorted(found.items()):
        for face in one.faces:
            tracks[face.person].append((shot, face))
    nobody = len(tracks.pop(-1, []))
    order = sorted(tracks, key=lambda person: (-sum(len(face.path) for _, face in tracks[person]), person))
    times = _times(found, survey)
    tape = (max((report.shot.frames.stop for report in survey.shots), default=1), float(ingest.source.rate))
    made = [_person(person, tracks[person], times, tape) for person in order[:MOST]]
    said = ["1 person" if len(tracks) == 1 else f"{len(tracks)} people told apart"]
    if len(tracks) > MOST:
        said.append(f"those seen longest are shown: {MOST}")
    if nobody:
        said.append(f"{nobody} faces too small or unclear to say who they are")
    return made, "; ".join(said)


def pairs(verdicts: Sequence[FaceVerdict], pictures: Mapping[tuple[int, int], bytes]) -> list[PairSection]:
    """Refused tracks first, then those least alike."""
    order = sorted(verdicts, key=lambda one: (not one.refused, one.lowest, one.shot, one.face))
    shown = [one for one in order if (one.shot, one.face) in pictures]
    return [_pair(one, pictures[one.shot, one.face]) for one in shown[:MOST]]


def _pair(verdict: FaceVerdict, picture: bytes) -> PairSection:
    caption = (
        f"Shot {verdict.shot}, face {verdict.face}: similarity {verdict.similarity:.2f}, least {verdict.lowest:.2f} "
        f"in {verdict.judged} pictures"
    )
    return PairSection(caption, verdict.refused, data_url(picture))


def _times(found: Mapping[int, ShotFaces], survey: Survey) -> dict[int, tuple[float, float]]:
    """Of every shot: the frame it begins with, and frames per instant."""
    shots = {report.shot.index: report.shot for report in survey.shots}
    return {
        shot: (float(shots[shot].frames.start), len(shots[shot].frames) / max(one.instants, 1))
        for shot, one in found.items()
        if shot in shots
    }


def _person(
    person: int,
    tracks: Sequence[tuple[int, TrackedFace]],
    times: Mapping[int, tuple[float, float]],
    tape: tuple[int, float],
) -> PersonSection:
    """`tape` is its frames and their rate."""
    total, rate = tape
    spans = list(_spans(tracks, times))
    heights = [face.height for _, face in tracks]
    seconds = sum(stop - start for start, stop in spans) / rate
    shots = len({shot for shot, _ in tracks})
    caption = (
        f"Person {person}: in {shots} {'shot' if shots == 1 else 'shots'}, {clock(seconds)} in all, "
        f"{_range(min(heights), max(heights))} lines high"
    )
    return PersonSection(caption, _timeline(person, spans, total), _sheet(tracks))


def _range(low: float, high: float) -> str:
    return f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"


def _spans(
    tracks: Sequence[tuple[int, TrackedFace]], times: Mapping[int, tuple[float, float]]
) -> Iterator[tuple[float, float]]:
    """Frames in which a person is followed."""
    for shot, face in tracks:
        if shot in times:
            first, step = times[shot]
            start = first + face.path.first * step
            yield start, start + len(face.path) * step


def _timeline(person: int, spans: Sequence[tuple[float, float]], total: float) -> str:
    to_x = _WIDTH / max(total, 1)
    parts = []
    for start, stop in _joined(spans, 1 / to_x):
        left, width = start * to_x, max((stop - start) * to_x, 0.8)
        parts.append(f'<rect x="{left:.1f}" y="3" width="{width:.1f}" height="{_HEIGHT - 6}" fill="#ffb84d"/>')
    label = escape(f"When person {person} is seen")
    head = f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
    return f"{head}{''.join(parts)}</svg>"


def _joined(spans: Sequence[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """Spans in order, those closer than `gap` as one: no more than there are points to draw them on."""
    found: list[tuple[float, float]] = []
    for start, stop in sorted(spans):
        if found and start - found[-1][1] < gap:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def _sheet(tracks: Sequence[tuple[int, TrackedFace]]) -> str:
    """The best moment of every track, the largest faces first, then the second best."""
    order = sorted(tracks, key=lambda each: (-each[1].height, each[0]))
    rounds = (face.crops[number] for number in range(_PICTURES) for _, face in order if number < len(face.crops))
    size = (_THUMBNAIL, _THUMBNAIL)
    row = [cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in islice(rounds, _PICTURES)]
    return data_url(jpeg(np.ascontiguousarray(np.hstack(row)[..., ::-1])))
