"""The ladder: which renditions a master of a given size gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import log2

from footlights.core.encodes import EncodePlan, LeftOut, Look, Rung
from footlights.core.time import FrameRange
from footlights.encoding.search import slope_at
from footlights.metrics.video import large
from footlights.settings import EncodingSettings

_CAPS = {
    2160: 16_000_000,
    1440: 9_000_000,
    1080: 6_000_000,
    720: 3_000_000,
    540: 2_000_000,
    480: 1_500_000,
    360: 900_000,
}
"""Bits per second at 50/60 pictures a second that no segment of a rung may exceed."""
DARK = 40.0
"""Median luma in 8-bit codes below which a chunk is dark; black is 16."""
MOST_TARGET = 99.0
_AV1_Q = (12.0, 55.0)
"""Dark shots need what lies below 18 (six of them, preset 10, 540 lines: 18 is up to 3.5 VMAF short of 93); below 12
SVT-AV1's quality no longer rises everywhere while its bytes double."""
_H264_Q = (16.0, 38.0)
_H264_FACTOR = 1.8
_PRESET = 10
COARSER = 0.6
"""Units of CRF by which each slower preset of SVT-AV1 may be coarser for the same score (six shots: 1.4, 1.6 and 2.1 at
presets 9, 8 and 6 against 10)."""
TEN_BITS = 1.75
"""The same for decisions on ten bits against quick ones (`SvtAv1.quick`), by which the guesses were fitted: eight shots
of the training set at 540 lines, and six of them again at a score of 93 (1.7 at preset 9 as at 8)."""
STEEPER_LARGE, _COARSER_LARGE = 0.8, 8.0
"""As on a 4K screen: units of q in which what is lacking doubles over those of the same look at 540 lines (six shots of
2160 lines: 0.34 to 0.91), and units of CRF by which such a rendition may be coarser for the same score (seven: 5 to 20,
one with grain 5 finer)."""
_H264_FINER = 11.0
"""Units of CRF by which x264 lies below SVT-AV1 at the same score."""


def rungs(width: int, height: int, settings: EncodingSettings) -> tuple[Rung, ...]:
    """Renditions of a master of `width`×`height`: AV1 at every height up to the master's, one H.264."""
    heights = sorted({min(wanted, height) for wanted in settings.heights}, reverse=True)
    ladder = [
        Rung(
            name=f"av1-{lines}",
            codec="av1",
            width=_width(width, height, lines),
            height=lines,
            bit_depth=10,
            preset=str(settings.preset),
            target=settings.target,
            q_min=_AV1_Q[0],
            q_max=_AV1_Q[1],
            max_rate=_cap(lines),
        )
        for lines in heights
    ]
    if settings.h264_height:
        lines = min(settings.h264_height, height)
        ladder.append(
            Rung(
                name=f"h264-{lines}",
                codec="h264",
                width=_width(width, height, lines),
                height=lines,
                bit_depth=8,
                preset="fast",
                target=settings.target,
                q_min=_H264_Q[0],
                q_max=_H264_Q[1],
                max_rate=round(_cap(lines) * _H264_FACTOR),
            )
        )
    return tuple(ladder)


def plan(
    width: int, height: int, rate: Fraction, segments: Sequence[FrameRange], settings: EncodingSettings
) -> EncodePlan:
    """The encode plan; one chunk per segment, so that every segment has the q its pictures need."""
    ladder = rungs(width, height, settings) if settings.enabled else ()
    frames = segments[-1].stop if segments else 0
    return EncodePlan(ladder, tuple(segments), tuple(segments), rate, frames)


def ten_bit_only(plan: EncodePlan) -> EncodePlan:
    """The plan for HDR pictures, which eight bits show in steps."""
    left = tuple(
        LeftOut(one.name, "the pictures are HDR, and it has 8 bits") for one in plan.rungs if one.bit_depth < 10
    )
    return replace(plan, rungs=tuple(one for one in plan.rungs if one.bit_depth >= 10), left_out=plan.left_out + left)


def aimed(rung: Rung, look: Look, dark: float) -> Rung:
    """The rung with its target raised by `dark` for a chunk of dark pictures."""
    return replace(rung, target=min(rung.target + dark, MOST_TARGET)) if look.luma < DARK else rung


def too_alike(ladder: Sequence[Rung], seen: Mapping[str, float], least: float) -> tuple[LeftOut, ...]:
    """Renditions that nobody could tell from a smaller one: `seen` is the VMAF of each at the size of the largest.

    From the smallest up, a rendition less than `least` better than the last that stays is left out: it costs more and
    shows no more. The smallest stays for thin lines, the largest because it is what was asked for.
    """
    rising = sorted((rung for rung in ladder if rung.name in seen), key=lambda rung: rung.height)
    left: list[LeftOut] = []
    below = rising[0] if rising else None
    for rung in rising[1:-1]:
        assert below is not None
        if seen[rung.name] - seen[below.name] < least:
            left.append(
                LeftOut(
                    rung.name,
                    f"shown at {rising[-1].height} lines it looks like {below.name}: VMAF {seen[rung.name]:.1f} and "
                    f"{seen[below.name]:.1f}, less than {least:g} apart",
                )
            )
        else:
            below = rung
    return tuple(left)


def doubling(look: Look) -> float:
    """Units of q in which what is lacking of VMAF 100 doubles: the more moves, the fewer.

    Least squares over the curves that `first_guess` was fitted to; sources left out of the fit are off by a factor of
    1.4 (root mean square; a constant by 1.7). Detail and luma told nothing more.
    """
    return 15.7 * 2.0 ** (-0.63 * (log2(look.temporal + 2) - 3.5))


def expected_slope(rung: Rung, look: Look) -> float:
    """VMAF per unit of q around the target, by the look alone."""
    return slope_at(rung.target, doubling(look) * (STEEPER_LARGE if large(rung.height) else 1.0))


def first_guess(rung: Rung, look: Look) -> float:
    """Where to begin the search: little detail needs a finer quantiser for the same score, and the less moves the
    farther a higher target lies.

    Least squares (ridge) over SVT-AV1 at targets of 87 to 95: 22 shots of six sources at 540 and 270 lines by preset 10
    and 30 shots of 22 at 540 lines by preset 8 (n = 296, 25 sources in all); sources left out of the fit are off by 5.5
    (root mean square), 7.3 at preset 8 and target 93. Luma told nothing more. A wrong guess costs one more trial,
    nothing else.
    """
    detail = log2(look.spatial + 5) - 6
    guess = 31.0 + 7.7 * detail + doubling(look) * log2(max(100 - rung.target, 1) / 7)
    guess += _COARSER_LARGE if large(rung.height) else 0.0
    guess += COARSER * (_PRESET - int(rung.preset)) + TEN_BITS if rung.codec == "av1" else -_H264_FINER
    return min(max(guess, rung.q_min), rung.q_max)


def _width(width: int, height: int, lines: int) -> int:
    return max(16, round(Fraction(width * lines, height) / 2) * 2)


def _cap(lines: int) -> int:
    known = sorted(_CAPS.items())
    for height, cap in known:
        if lines <= height:
            return cap
    return known[-1][1]
