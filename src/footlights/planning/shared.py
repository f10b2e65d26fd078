"""What shots of one camera under one light share: their noise, measured better together than one by one, and how much
is done to them, so that nothing jumps when the picture cuts back and forth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import log2
from typing import TypedDict

from footlights.core.reports import NoiseReport, ShotReport, Survey, Untold

_MURKY, _BRIGHT = (45.0, 75.0), (140.0, 185.0)
"""Luma codes: a shot lacks light whose median is below the first; not where its brightest per cent reaches the second,
for then the dark is meant."""
_UNLIKE = 0.35
"""Octaves between a shot's own noise and that of its group from which it keeps its own: 27 per cent."""


def noise_of(survey: Survey) -> tuple[tuple[NoiseReport, str], ...]:
    """Noise of every shot, and how its sigma was come by. Shots of a group get one noise in all that grain and floors
    are made of: sigma, how it depends on brightness, and how fine it is."""
    stage = survey.stage
    if stage is None:
        return tuple(_own(report) for report in survey.shots)
    keys = list(zip(stage.cameras, stage.lights, strict=True))
    groups: dict[tuple[int, int], list[ShotReport]] = defaultdict(list)
    for report, key in zip(survey.shots, keys, strict=True):
        if report.noise.confidence > 0:
            groups[key].append(report)
    found = {key: _in_common(members) for key, members in groups.items()}
    return tuple(
        _shared(report, key, found[key], len(groups[key])) if key in found else _own(report)
        for report, key in zip(survey.shots, keys, strict=True)
    )


def darkness_of(survey: Survey) -> tuple[tuple[float, str], ...]:
    """How much light every shot lacks, 0 to 1, and how it was come by: dark in the middle, and nothing bright in it."""
    needs = [_lacks(report) for report in survey.shots]
    words = [
        f"luma of {one.exposure.luma_median:.0f} in the middle and {one.exposure.luma_high:.0f} at its brightest"
        for one in survey.shots
    ]
    return tuple(zip(together(survey, needs), words, strict=True))


def sharpness_of(survey: Survey) -> tuple[tuple[float, str], ...]:
    """Effective resolution of every shot as a share of the tape's sampling limit, and how it was come by; 0 where no
    shot of the tape shows enough to tell."""
    known = [one.sharpness.horizontal > 0 for one in survey.shots]
    seen = [
        (one.sharpness.horizontal, len(one.shot.frames)) for one, sees in zip(survey.shots, known, strict=True) if sees
    ]
    tape = _median(seen) if seen else 0.0
    own = [one.sharpness.horizontal if sees else tape for one, sees in zip(survey.shots, known, strict=True)]
    return tuple(
        (shared, _sharpness_words(one, shared))
        for one, shared in zip(survey.shots, together(survey, own, known if any(known) else None), strict=True)
    )


def _sharpness_words(report: ShotReport, shared: float) -> str:
    alone = report.sharpness.horizontal
    if abs(shared - alone) < 0.005:
        return f"sharpness.horizontal {alone:.2f} of the sampling limit"
    return f"sharpness.horizontal {shared:.2f} of the sampling limit with its alike (alone {alone:.2f})"


def together(survey: Survey, values: Sequence[float], known: Sequence[bool] | None = None) -> list[float]:
    """For every shot the median, by frames, over the shots of its camera under its light; `known` says which count
    where others of the group do."""
    if survey.stage is None:
        return list(values)
    keys = list(zip(survey.stage.cameras, survey.stage.lights, strict=True))
    groups: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    counts = known or (True,) * len(values)
    for report, key, value, counting in zip(survey.shots, keys, values, counts, strict=True):
        if counting:
            groups[key].append((value, len(report.shot.frames)))
    return [_median(groups[key]) if groups[key] else value for key, value in zip(keys, values, strict=True)]


def _lacks(report: ShotReport) -> float:
    middle, high = report.exposure.luma_median, report.exposure.luma_high
    return round(fall(middle, *_MURKY) * fall(high, *_BRIGHT), 2)


def fall(value: float, start: float, stop: float) -> float:
    """1 up to `start`, 0 from `stop`."""
    return min(max((stop - value) / (stop - start), 0.0), 1.0)


def _own(report: ShotReport) -> tuple[NoiseReport, str]:
    return report.noise, f"noise.luma_sigma {report.noise.luma_sigma:.2f} codes"


def _shared(report: ShotReport, group: tuple[int, int], noise: NoiseReport, count: int) -> tuple[NoiseReport, str]:
    own, sigma = report.noise, noise.luma_sigma
    if own.confidence > 0 and (count == 1 or _unlike(own.luma_sigma, sigma)):
        return _own(report)
    who = f"of {count} shot{'s' * (count > 1)} by camera {group[0]} under light {group[1]} together"
    shared = replace(
        own,
        luma_sigma=sigma,
        luma_levels=noise.luma_levels,
        luma_sigmas=noise.luma_sigmas,
        down=noise.down,
        across=noise.across,
        in_time=noise.in_time,
        tape_sigma=min(noise.tape_sigma, sigma),
        tape_across=noise.tape_across,
        untold=noise.untold,
    )
    return shared, f"noise.luma_sigma {sigma:.2f} codes {who} (alone {own.luma_sigma:.2f})"


def _unlike(own: float, sigma: float) -> bool:
    return abs(log2((own + 0.1) / (sigma + 0.1))) > _UNLIKE


def _in_common(members: Sequence[ShotReport]) -> NoiseReport:
    """Medians, by frames, over shots whose noise is known. Those unlike the others keep theirs, and tell nothing of how
    noise depends on brightness nor of how fine it is."""
    sigma = _median([(one.noise.luma_sigma, len(one.shot.frames)) for one in members])
    alike = [one for one in members if not _unlike(one.noise.luma_sigma, sigma)]
    # Shares of each shot's own strength, for else a level that only a strong one shows would stand out.
    shares: dict[float, list[tuple[float, int]]] = defaultdict(list)
    for one in alike:
        for level, strength in zip(one.noise.luma_levels, one.noise.luma_sigmas, strict=True):
            shares[level].append((strength / max(one.noise.luma_sigma, 0.1), len(one.shot.frames)))
    levels = tuple(sorted(shares))
    return replace(
        members[0].noise,
        luma_sigma=sigma,
        luma_levels=levels,
        luma_sigmas=tuple(round(sigma * _median(shares[level]), 3) for level in levels),
        down=_lags([(one.noise.down, len(one.shot.frames)) for one in alike]),
        across=_lags([(one.noise.across, len(one.shot.frames)) for one in alike]),
        in_time=_median([(one.noise.in_time, len(one.shot.frames)) for one in alike if one.noise.in_time]),
        **_apart(alike),
    )


class _Apart(TypedDict):
    """What a group's noise says of the tape's part."""

    tape_sigma: float
    tape_across: tuple[float, ...]
    untold: Untold | None


def _apart(members: Sequence[ShotReport]) -> _Apart:
    """Told where it is in most frames of shots that can tell; those in which too little rests cannot."""
    told = [one for one in members if one.noise.untold is None]
    others = [one for one in members if one.noise.untold not in {None, Untold.MOVES}]
    frames = [sum(len(one.shot.frames) for one in part) for part in (told, others)]
    if not told or frames[0] < frames[1]:
        return {"tape_sigma": 0.0, "tape_across": (), "untold": (others or members)[0].noise.untold}
    sigma = _median([(one.noise.tape_sigma, len(one.shot.frames)) for one in told])
    return {"tape_sigma": sigma, "tape_across": told[0].noise.tape_across, "untold": None}


def _lags(known: Sequence[tuple[tuple[float, ...], int]]) -> tuple[float, ...]:
    """Median of each correlation over the shots that show them."""
    shown = [(values, frames) for values, frames in known if values]
    count = min((len(values) for values, _ in shown), default=0)
    return tuple(_median([(values[lag], frames) for values, frames in shown]) for lag in range(count))


def _median(values: list[tuple[float, int]]) -> float:
    """Median by weight: the value at which half of all frames is reached."""
    half, reached = sum(weight for _, weight in values) / 2, 0
    for value, weight in sorted(values):
        reached += weight
        if reached >= half:
            return value
    return 0.0
