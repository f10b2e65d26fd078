"""What TrackFace gains on held-out faces, what the identity guard says of honest and of swapped faces, and how well
people are told apart. Part of `faces.py`; needs shards of `footlights.training.trackface_render --held-out`.

Landmarks are the mesh's, in shares of the distance between the outer corners of the eyes. Identity is judged by dlib's
recogniser, which nothing here was trained against: cosines after the mean descriptor of all truths is taken off.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.people import ALIKE, LEAST, Described, link
from footlights.core.clip import Plane
from footlights.core.facelight import detail_of, relight, split
from footlights.metrics.faces import Verdict, judge, recogniser
from footlights.models.faceid import descriptor
from footlights.models.facemesh import FaceMesh, brightness
from footlights.models.landmarks import Square
from footlights.models.trackface import STEADYING, STRENGTH, TYPICAL, TrackFace
from footlights.restoration.faces import mask, of_size, smooth
from footlights.training.facesources import photograph_of, read_faces
from footlights.training.trackface_data import read_facts
from footlights.training.trackface_render import TrackFacts
from footlights.training.trackface_score import TrackScore, luma_of, read_pictures, score_pictures, strip_of

Values = NDArray[np.float64]

_HARM = 0.2
_EYES = (33, 263)
_SOFTER = 0.005
"""Likeness to the truth that counts as lower."""


@dataclass(frozen=True, slots=True)
class _Track:
    facts: TrackFacts
    base: Plane
    truth: Plane
    place: int = 0
    """Among all whole faces of the shards."""


def gain(options: argparse.Namespace) -> dict[str, Any]:
    """Of TrackFace over FieldLift alone, inside the face, by light, size and tape; and what the guard says of its faces
    and of such as were given the detail of another face."""
    net, mesh = TrackFace(threads=1), FaceMesh(threads=1)
    rows: list[dict[str, Any]] = []
    names: list[Values] = []
    verdicts: dict[str, list[Verdict]] = {"honest": [], "half of another face": [], "another face": []}
    describe = recogniser(options.recogniser) if options.recogniser else None
    other: _Track | None = None
    wanted = _places(options.out) if options.again else None
    for number, track in enumerate(_tracks(options.shards, options.most, options.people, wanted)):
        score, ours, alone = score_pictures(net, track.base, track.truth, track.facts)
        three = {"base": track.base, "ours": ours, "truth": track.truth}
        shown = _as_shown(track, ours)
        rows.append(
            _row(score, track)
            | _landmarks(mesh, {**three, "alone": alone})
            | _edge(track.base, ours)
            | {"shown_share": of_size(track.facts.height) * _known(score), "shown_gain_db": _gain(track, shown)}
        )
        verdicts["honest"].append(_judged(track.base, ours))
        if other is not None and _apart(other, track):
            for name, share in (("half of another face", 0.5), ("another face", 1.0)):
                verdicts[name].append(_judged(track.base, _with_detail(track.base, other.truth, share)))
        other = track
        if describe:
            names.append(np.array([[describe(rgb) for rgb in each] for each in (*three.values(), shown)]))
        if options.pictures:
            _save(options.pictures / f"track-{number:03d}-{track.facts.colour}.png", strip_of(*three.values()))
    for row, known in zip(rows, _likenesses(names), strict=False):
        row |= known
    return {
        "strength": STRENGTH | {"steadying": STEADYING},
        "typical": TYPICAL,
        "tracks": _lines(rows),
        "judge": "dlib" if describe else None,
        "groups": _groups(rows),
        "guard": {name: _refusals(found) for name, found in verdicts.items()},
    }


def people(options: argparse.Namespace) -> dict[str, Any]:
    """Pairs of tracks linked, of those that are the same photograph and of those that are not."""
    tracks = [track for track in _tracks(options.shards, 0, None, None) if track.facts.height >= LEAST]
    described = [
        Described((number, 0), range(8), _mean(track), track.facts.height)
        for number, track in enumerate(_one_way_round(tracks))
    ]
    linked = link(described)
    right = wrong = missed = different = 0
    for first in range(len(tracks)):
        for second in range(first):
            together = linked[first, 0] == linked[second, 0]
            if tracks[first].facts.identity == tracks[second].facts.identity:
                right, missed = right + together, missed + (not together)
            elif _apart(tracks[first], tracks[second]):
                wrong, different = wrong + together, different + 1
    return {
        "threshold": ALIKE,
        "tracks": len(tracks),
        "people": len({track.facts.identity for track in tracks}),
        "found": len(set(linked.values())),
        "pairs_same": right + missed,
        "pairs_different": different,
        "recall": round(right / max(right + missed, 1), 3),
        "precision": round(right / max(right + wrong, 1), 3),
        "wrong_pairs": wrong,
    }


def _places(result: Path) -> set[int]:
    """Of the tracks that were scored last."""
    table = json.loads(result.read_text("utf-8"))["gain"]["tracks"]
    return {int(line.split(",")[0]) for line in table[1:]}


def _tracks(shards: Path, most: int, people: Path | None, places: set[int] | None) -> Iterator[_Track]:
    """Whole faces, `most` spread over the shards or all; of the photographs in the list `people` and at the given
    places among all, if there are any."""
    wanted = {photograph_of(face.path) for face in read_faces(people, held_out=True)} if people else None
    whole = [
        (shard, number, facts)
        for shard in sorted(shards.glob("shard-*"))
        for number, facts in enumerate(read_facts(shard))
        if facts.whole
    ]
    known = [
        (place, *entry)
        for place, entry in enumerate(whole)
        if (wanted is None or photograph_of(entry[2].identity.split(":")[0]) in wanted)
        and (places is None or place in places)
    ]
    step = max(1, len(known) // most) if most else 1
    for place, shard, number, facts in known[::step]:
        yield _Track(facts, *read_pictures(shard, number), place)


def _row(score: TrackScore, track: _Track) -> dict[str, Any]:
    return {
        "place": track.place,
        "height": round(score.height),
        "light": "white" if score.colour == "white" else "coloured",
        "colour": score.colour,
        "size": "under 45 lines" if score.height < 45 else "45 lines or more",
        "kind": "real" if score.real else "synthetic",
        "tape": track.facts.tape,
        "given": _given(_known(score)),
        "typical": score.typical,
        "gain_db": score.gain,
        "haarpsi_gain": score.haarpsi_gain,
        "gmsd_ratio": score.gmsd_ratio,
        "delta_e_mean": score.colour_mean,
        "delta_e_p95": score.colour_p95,
        "embedding_jitter_vs_alone": score.jitter / max(score.jitter_alone, 1e-9),
        "flicker_vs_alone": score.flicker / max(score.flicker_alone, 1e-9),
    }


def _known(score: TrackScore) -> float:
    """Share of the change that a face is given for being like a mean one, 0..1."""
    return float(smooth(np.array(score.typical), *TYPICAL))


def _given(known: float) -> str:
    """The group of tracks it belongs to."""
    if known >= 1:
        return "restored in full"
    return "restored in part" if known > 0 else "left alone"


def _as_shown(track: _Track, ours: Plane) -> Plane:
    """What the program lays over the picture: through its mask, and by the size of the face in part or not at all."""
    share = mask(ours.shape[-1]) * np.float32(of_size(track.facts.height))
    return np.asarray(track.base + share * (ours - track.base), np.float32)


def _gain(track: _Track, made: Plane) -> float:
    """dB of luma inside the mask over FieldLift alone."""
    inside = mask(made.shape[-1]) > 0
    base, ours = (
        float(np.mean([(luma_of(a) - luma_of(b))[inside] ** 2 for a, b in zip(each, track.truth, strict=True)]))
        for each in (track.base, made)
    )
    return float(10 * np.log10(max(base, 1e-9) / max(ours, 1e-9)))


def _landmarks(mesh: FaceMesh, versions: dict[str, Plane]) -> dict[str, float]:
    """Error of the landmarks of base, ours and the net alone against the truth's, and its change from instant to
    instant."""
    found = {name: np.stack([_points(mesh, rgb) for rgb in each]) for name, each in versions.items()}
    apart = found["truth"][:, _EYES[0]] - found["truth"][:, _EYES[1]]
    unit = float(np.mean(np.linalg.norm(apart, axis=1)))
    off = {name: (found[name] - found["truth"]) / unit for name in ("base", "ours", "alone")}
    return {
        **{f"nme_{name}": float(np.linalg.norm(each, axis=2).mean()) for name, each in off.items()},
        **{
            f"nme_change_{name}": float(np.linalg.norm(np.diff(each, axis=0), axis=2).mean())
            for name, each in off.items()
        },
    }


def _points(mesh: FaceMesh, rgb: Plane) -> Values:
    picture = np.ascontiguousarray(np.clip(np.moveaxis(rgb, 0, -1) * 255 + 0.5, 0, 255).astype(np.uint8))
    side = picture.shape[0]
    middle = (side - 1) / 2
    return mesh.look(picture, Square(middle, middle, 1.0 * side, 0.0), brightness(picture)).points[:, :2]


def _edge(base: Plane, ours: Plane) -> dict[str, float]:
    """What the mask's fall adds or takes on its way, in 8-bit codes of luma."""
    shown = mask(base.shape[-1])
    ring = (shown > 0) & (shown < 1)
    change = np.stack([luma_of(after - before) for before, after in zip(base, ours, strict=True)]) * shown
    return {"edge_codes": float(np.abs(change[:, ring]).mean() * 255)}


def _likenesses(names: Sequence[Values]) -> Iterator[dict[str, float]]:
    """Centred cosines of the independent judge: base and ours to the truth, and ours to base."""
    if not names:
        return
    middle = np.mean([each[2].mean(axis=0) for each in names], axis=0)
    for each in names:
        base, ours, truth, shown = (_units(part - middle) for part in each)
        yield {
            "judge_base": float((base * truth).sum(axis=1).mean()),
            "judge_ours": float((ours * truth).sum(axis=1).mean()),
            "judge_shown": float((shown * truth).sum(axis=1).mean()),
            "judge_to_source": float((ours * base).sum(axis=1).mean()),
            "judge_to_source_least": float((ours * base).sum(axis=1).min()),
        }


def _groups(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    members: dict[str, list[dict[str, Any]]] = {"all": list(rows)}
    for row in rows:
        for key in ("light", "size", "kind", "tape", "given"):
            members.setdefault(str(row[key]), []).append(row)
    return {name: _summary(group) for name, group in members.items()}


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": len(rows)}
    for name in (key for key, value in rows[0].items() if isinstance(value, float)):
        found[name] = round(float(np.mean([row[name] for row in rows])), 4)
    found["worst_gain_db"] = round(min(row["gain_db"] for row in rows), 3)
    found["harmed"] = sum(row["gain_db"] < -_HARM for row in rows)
    found["below_minus_0.1"] = sum(row["gain_db"] < -0.1 for row in rows)
    found["nme_ratio"] = round(found["nme_ours"] / max(found["nme_base"], 1e-9), 4)
    found["nme_change_vs_alone"] = round(found["nme_change_ours"] / max(found["nme_change_alone"], 1e-9), 4)
    found["worst_delta_e_p95"] = round(max(row["delta_e_p95"] for row in rows), 3)
    restored = [row for row in rows if row["shown_share"] > 0]
    found["shown"] = {"n": len(restored), "harmed": sum(row["shown_gain_db"] < -_HARM for row in restored)}
    if restored:
        found["shown"]["worst_gain_db"] = round(min(row["shown_gain_db"] for row in restored), 3)
    if "judge_ours" in rows[0]:
        found["shown"]["judge_lower"] = sum(row["judge_shown"] < row["judge_base"] - _SOFTER for row in restored)
        found["judge_to_source_worst_frame"] = round(min(row["judge_to_source_least"] for row in rows), 4)
        found["judge_lower"] = sum(row["judge_ours"] < row["judge_base"] - _SOFTER for row in rows)
    return found


def _lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Every track for the record, as a table of comma-separated values."""
    said = ("place", "height", "colour", "tape", "kind")
    kept = (
        "typical",
        "gain_db",
        "gmsd_ratio",
        "shown_share",
        "shown_gain_db",
        "judge_base",
        "judge_ours",
        "judge_shown",
    )
    names = [name for name in kept if name in rows[0]]
    table = [[*(str(row[name]) for name in said), *(f"{row[name]:.4f}" for name in names)] for row in rows]
    return [",".join(line) for line in ([*said, *names], *table)]


def _refusals(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    alike = [verdict.similarity for verdict in verdicts]
    return {
        "n": len(verdicts),
        "refused": sum(bool(verdict.refused) for verdict in verdicts),
        "similarity_median": round(float(np.median(alike)), 3),
        "similarity_least": round(float(np.min(alike)), 3),
        "drift_most": round(max(verdict.drift for verdict in verdicts), 3),
    }


def _judged(base: Plane, made: Plane) -> Verdict:
    """As the pipeline judges a track: against its source, and against its sharpest picture."""
    lumas = [luma_of(rgb) for rgb in base]
    source = np.stack([descriptor(luma) for luma in lumas])
    restored = np.stack([descriptor(luma_of(rgb)) for rgb in made])
    sharpest = int(np.argmax([cv2.Laplacian(luma, cv2.CV_32F).var() for luma in lumas]))
    return judge(
        (source * restored).sum(axis=1),
        restored_to_reference=restored @ source[sharpest],
        source_to_reference=source @ source[sharpest],
    )


def _with_detail(base: Plane, other: Plane, share: float) -> Plane:
    """The track with another face's detail in its own light, for all or a share of its own."""
    made = []
    for rgb, foreign in zip(base, other, strict=True):
        face = split(rgb, luma_of(rgb))
        luma = luma_of(foreign)
        theirs = detail_of(luma, split(foreign, luma).deviation)
        made.append(relight(face, np.asarray((1 - share) * face.detail + share * theirs, np.float32)))
    return np.stack(made)


def _one_way_round(tracks: Sequence[_Track]) -> Iterator[_Track]:
    """Every face turned the way round that fits the first of its identity: the stage shows half of them mirrored, which
    no tape does."""
    first: dict[str, Values] = {}
    for track in tracks:
        luma = luma_of(track.truth[1])
        ways = [descriptor(luma), descriptor(np.ascontiguousarray(luma[:, ::-1]))]
        known = first.setdefault(track.facts.identity, ways[0])
        if float(ways[1] @ known) > float(ways[0] @ known):
            yield _Track(track.facts, track.base[..., ::-1].copy(), track.truth[..., ::-1].copy())
        else:
            yield track


def _mean(track: _Track) -> NDArray[np.float32]:
    vectors = np.mean([descriptor(luma_of(track.base[t])) for t in (1, 4, 6)], axis=0)
    return np.asarray(vectors / np.linalg.norm(vectors), np.float32)


def _apart(one: _Track, other: _Track) -> bool:
    first, second = (photograph_of(track.facts.identity.split(":")[0]) for track in (one, other))
    return first != second


def _units(vectors: Values) -> Values:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def _save(path: Path, strip: Plane) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.clip(np.moveaxis(strip, 0, -1)[..., ::-1] * 255 + 0.5, 0, 255).astype(np.uint8))
