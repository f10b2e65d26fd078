"""Rate and distortion of a rendition's parts as SVG: every trial that was made, and which of them is in the stream."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10

from footlights.core.encodes import ChunkEncode
from footlights.core.wording import counted

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 1000, 260, 60, 34, 14
_LINES = 16
"""Parts drawn with all their trials; of the others the accepted one is a dot."""
_DOTS = 400
_TICKS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)


def rd_plot(name: str, encodes: Sequence[ChunkEncode], rate: float) -> str:
    """The plot: kbit/s on a logarithmic axis against the score, VMAF of the worst moments included; the target is a
    line. `rate` is in frames a second."""
    points = [(_kbit(encode, probe.bytes, rate), probe.score) for encode in encodes for probe in encode.probes]
    low, high = min(x for x, _ in points) / 1.1, max(x for x, _ in points) * 1.1
    bottom = max(0.0, 5 * (min(y for _, y in points) // 5))
    target = encodes[0].target or max(y for _, y in points)

    def place(kbit: float, score: float) -> tuple[float, float]:
        x = _LEFT + (log10(kbit) - log10(low)) / (log10(high) - log10(low)) * (_WIDTH - _LEFT - 10)
        return x, _HEIGHT - _BOTTOM - (score - bottom) / (100 - bottom) * (_HEIGHT - _BOTTOM - _TOP)

    level = place(low, target)[1]
    shown = encodes[:: max(1, -(-len(encodes) // _LINES))]
    body = [f'<path class="cut" d="M{_LEFT} {level:.1f}H{_WIDTH - 10}"/>']
    for encode in shown:
        trials = [place(_kbit(encode, one.bytes, rate), one.score) for one in sorted(encode.probes, key=lambda p: p.q)]
        body.append(f'<polyline class="rd" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in trials)}"/>')
    for encode in encodes[:: max(1, -(-len(encodes) // _DOTS))]:
        x, y = place(_kbit(encode, encode.chosen.bytes, rate), encode.chosen.score)
        body.append(f'<circle class="rd" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    body += [
        f'<text x="{place(tick, bottom)[0]:.0f}" y="{_HEIGHT - _BOTTOM + 14}" class="axis middle">{tick}</text>'
        for tick in _TICKS
        if low <= tick <= high
    ]
    body += [
        f'<text x="{_LEFT - 6}" y="{place(low, score)[1] + 4:.1f}" class="axis end">{score:g}</text>'
        for score in sorted({bottom, round(target, 1), 100.0})
    ]
    label = f"{name}: score against kbit/s of {counted(len(encodes), 'part')}"
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(body)}"
        f'<text x="{_WIDTH - 10}" y="{_HEIGHT - 4}" class="axis end">kbit/s</text></svg>'
    )


def _kbit(encode: ChunkEncode, size: int, rate: float) -> float:
    return max(size * 8 * rate / len(encode.frames) / 1000, 0.1)
