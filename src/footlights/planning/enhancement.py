"""Rules for what gives more to see: colour, detail and grain. Pure, as all rules are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import hypot
from pathlib import Path
from typing import NamedTuple

from footlights.core import lookup
from footlights.core.plans import Skipped, Step
from footlights.core.reports import NoiseReport
from footlights.core.signal import Matrix, Primaries, Signal
from footlights.core.texture import MOST_LASTING
from footlights.planning.evidence import Correction
from footlights.planning.repairs import step
from footlights.planning.shared import fall
from footlights.settings import Settings

QUIET = 0.45
"""Luma sigma in codes below which a shot needs no noise reduction, and has no grain to give back."""

_LASTS = 0.05
"""Correlation of noise in time from which grain lasts as well; chance makes 0.014 at most."""
_SOFT = (0.7, 0.95)
"""Share of the sampling limit up to which a shot gets all of the wanted detail, and from which none."""
_FILLED = (0.6, 0.9)
"""Share of the master's raster that the tape's resolution fills, likewise for the net's fine detail."""


def check(settings: Settings) -> None:
    """LookError, before any work, for a look table that cannot be used."""
    if settings.enhancement.look.table:
        lookup.read(Path(settings.enhancement.look.table).expanduser())


def tape_matrix(signal: Signal) -> Matrix:
    """The Y'CbCr matrix of the tape's pictures; those that came as R'G'B' were taken apart by BT.601's."""
    return Matrix.SMPTE170M if signal.matrix is Matrix.IDENTITY else signal.matrix


def colour(signal: Signal, found: Correction) -> Iterator[Step | Skipped]:
    """The tape's own balance first, then matrix and primaries."""
    matrix = tape_matrix(signal)
    if found.needed:
        yield step("colour.balance", found.why, matrix=int(matrix), black=found.black, white=found.white)
    else:
        yield Skipped("colour.balance", found.why)
    if (matrix, signal.primaries) == (Matrix.BT709, Primaries.BT709):
        yield Skipped("colour.convert", "the tape is BT709 already")
        return
    why = f"the tape is {matrix.name}/{signal.primaries.name}, the master BT709"
    yield step("colour.convert", why, matrix=int(matrix), primaries=int(signal.primaries))


def light(settings: Settings, noise: tuple[NoiseReport, str], dark: tuple[float, str]) -> Iterator[Step | Skipped]:
    """A lift of dark shots, by how dark shots of this camera and light are; not where no noise hides the steps of 8
    bits, which a lift would make seen."""
    most, (need, measured) = settings.enhancement.light.lift, dark
    if most == 0:
        yield Skipped("light.lift", "enhancement.light.lift = 0")
    elif need == 0:
        yield Skipped("light.lift", f"{measured}: not a dark, murky shot")
    elif noise[0].luma_sigma < QUIET:
        yield Skipped("light.lift", f"{noise[1]}: the lift would show steps of 8 bits")
    else:
        yield step("light.lift", f"{measured}: {need:.0%} of enhancement.light.lift", strength=round(most * need, 3))


def look(settings: Settings) -> Iterator[Step | Skipped]:
    """The user's table, on every shot."""
    chosen = settings.enhancement.look
    if not chosen.table or chosen.strength == 0:
        yield Skipped(
            "look.table", "enhancement.look.table is empty" if not chosen.table else "enhancement.look.strength = 0"
        )
        return
    file = Path(chosen.table).expanduser().absolute()
    table = lookup.read(file)
    kind = f"{table.values.shape[0]} points{'' if table.values.ndim == 2 else ' a side'}"
    planned = step(
        "look.table", f"enhancement.look.table = {chosen.table}, {kind}", file=str(file), strength=chosen.strength
    )
    yield replace(planned, weights=lookup.reference(str(file)))


def finer(wanted: float, sharp: tuple[float, str], scale: float) -> tuple[float, str]:
    """Share of the net's fine detail, and why: all of what is wanted where the tape's pictures fill little of the
    master's raster, none where they fill it. `scale` is output lines per source line."""
    filled, measured = sharp[0] / scale, sharp[1]
    share = round(wanted * fall(filled, *_FILLED), 3)
    if share == wanted:
        return share, f"{measured}, {filled:.2f} of the master's: the net's detail at four times the raster"
    return share, f"{measured}, {filled:.2f} of the master's, which needs little: {share:g} of the net's detail"


def detail(settings: Settings, noise: NoiseReport, sharp: tuple[float, str], scale: float) -> Iterator[Step | Skipped]:
    """Fine contrast at display scale, by how soft shots of this camera and light are."""
    most, (resolved, measured) = settings.enhancement.detail.strength, sharp
    strength = round(most * fall(resolved, *_SOFT), 3)
    if most == 0:
        yield Skipped("detail.limited", "enhancement.detail.strength = 0")
    elif resolved == 0:
        yield Skipped("detail.limited", "no shot of the tape shows enough to tell how sharp it is: left alone")
    elif strength == 0:
        yield Skipped("detail.limited", f"{measured}: sharp already, left alone")
    else:
        # The softer the shot, the coarser the finest contrast it holds.
        radius = 0.5 * scale * min(max(0.8 / max(resolved, 0.2), 0.9), 2.0)
        part = "" if strength == most else f": {strength / most:.0%} of enhancement.detail.strength"
        yield step(
            "detail.limited",
            f"{measured}{part}",
            strength=strength,
            radius=round(min(max(radius, 0.5), 8.0), 2),
            floor=round(min(max(0.4 * noise.luma_sigma, 0.3), 3.0), 2),
        )


class Pictures(NamedTuple):
    """What of the master grain depends on."""

    scale: float
    """Lines per line of the tape."""
    pace: Fraction
    """Pictures in the time of one frame of the tape."""
    shot: int


def grain(settings: Settings, measured: tuple[NoiseReport, str], master: Pictures) -> Iterator[Step | Skipped]:
    """What was taken out of noise, in part, as fine grain; one grain for all shots of a camera and light."""
    wanted, (noise, why) = settings.enhancement.grain, measured
    if wanted.share == 0:
        yield Skipped("grain.synthesis", "enhancement.grain.share = 0")
        return
    given, told = _told(noise, wanted.tape)
    if given < QUIET:
        yield Skipped("grain.synthesis", f"{why}{told}, fewer than {QUIET}: none to give back")
        return
    lasts, apart = grain_lasting(noise.in_time, master.pace)
    lasting = f", lasting by noise.in_time {noise.in_time:.2f}" if lasts else ""
    down, across = _spectrum(noise, wanted.tape)
    yield step(
        "grain.synthesis",
        f"{why}{told}, share {wanted.share:g}{lasting}",
        share=wanted.share,
        levels=noise.luma_levels or (128.0,),
        sigmas=noise.luma_sigmas or (noise.luma_sigma,),
        tape=noise.tape_sigma,
        tape_share=wanted.tape,
        down=down,
        across=across,
        zoom=grain_zoom(master.scale),
        lasts=lasts,
        apart=apart,
        # What lasts must not do so beyond a cut.
        seed=(settings.master.seed + (master.shot if lasts else 0)) % 2**32,
    )


def _told(noise: NoiseReport, share: float) -> tuple[float, str]:
    """Sigma of which grain is made, and what of it is whose, in words."""
    if noise.untold or not noise.tape_sigma:
        return noise.luma_sigma, f", camera and tape not told apart{f': {noise.untold}' if noise.untold else ''}"
    words = f", camera {noise.camera_sigma:.2f}, tape {noise.tape_sigma:.2f}{'' if share == 1 else f' × {share:g}'}"
    return hypot(noise.camera_sigma, share * noise.tape_sigma), words


def _spectrum(noise: NoiseReport, share: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Correlations down and across of noise of which a share of the tape's part is kept: covariances add. What the tape
    has is taken off once at most: more would make patterns of what is not known well. Where nothing is known of it
    (other samples, other lines) it is taken to be as all the noise."""
    if share == 1 or not noise.tape_sigma:
        return noise.down, noise.across
    taken = (1 - share**2) * noise.tape_sigma**2
    times = min(taken / (noise.luma_sigma**2 - taken), 1.0)
    own = (*noise.tape_across, *noise.across[len(noise.tape_across) :])
    across = [all_ + times * (all_ - tape) for all_, tape in zip(noise.across, own, strict=False)]
    return noise.down, tuple(round(min(max(value, -1.0), 1.0), 3) for value in across)


def grain_lasting(measured: float, pace: Fraction) -> tuple[float, int]:
    """Correlation of grain with that of the picture so many before.

    It is measured from frame to frame, on the lines of one field. Those of the other lie between them and have noise of
    their own, as far as is known; so of two pictures a frame each lasts to its like of the next frame.
    """
    apart = max(round(pace), 1)
    return (round(min(measured ** (apart / float(pace)), MOST_LASTING), 3), apart) if measured >= _LASTS else (0.0, 1)


def grain_zoom(scale: float) -> float:
    """Samples of the master for one of the tape's noise: 0.4 of its size on the display, the finest that survives
    encoding, so that grain does not read as blotches; never finer than the tape's own samples."""
    return round(min(max(0.4 * scale, 1.0), 8.0), 3)
