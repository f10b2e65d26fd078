"""How a tape answers to a picture: weights of what may have happened to it, by least squares over a shot's instants.

Weights are shared by all samples of the shot, but for those of a composite connection's patterns, whose phase belongs
to one instant. The answer may not sharpen: a picture that was blurred, or whose detail was taken away, must not be
made to fit by bringing up what is left of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from footlights.metrics.tapepath import APERTURES

REACH = (2, 3)
"""Frame lines and samples of the point spreads on each side."""
_SHARPEST = 1.5
"""Gain of the tape's answer at its strongest frequency: cameras and decks of analogue video peak by less (3.5 dB)."""
_STEADY = 1e-6
"""Of the weights' trace, what steadies them; more by `_FIRMER` each time the answer sharpens."""
_FIRMER, _FIRMEST = 4.0, 1e2

Floats = NDArray[np.float64]


class View(NamedTuple):
    """One instant on the source's lines, `(h, w)` each."""

    source: Floats
    own: Floats
    """The master where the source's samples lie."""
    shared: list[Floats]
    """Differences to the sample itself: of the mean of its neighbours at each pair of distances within `REACH`, then of
    the picture behind each aperture, followed by its neighbours' to that."""
    crawl: list[Floats]
    """What is weighed for this instant alone."""
    told: Floats
    """1 where a sample tells something, 0 where it was filled anew."""


def answered(views: Sequence[View]) -> list[Floats]:
    """What the tape makes of every instant, by least squares, no sharper than a tape may be."""
    parts = [_without_crawl(view) for view in views]
    square = sum((columns @ columns.T for columns, _ in parts), np.zeros(()))
    right = sum((columns @ wanted for columns, wanted in parts), np.zeros(()))
    steadied, weights = _STEADY, np.zeros(len(square))
    while steadied < _FIRMEST:
        weights = np.linalg.solve(square + np.eye(len(square)) * (steadied * np.trace(square) + 1e-9), right)
        if _sharpness(weights) <= _SHARPEST:
            break
        steadied *= _FIRMER
    answered = []
    for view in views:
        plain = view.own + np.tensordot(weights, np.stack(view.shared), 1)
        left = (view.source - plain) * view.told
        share = _share(view, left.ravel())
        answered.append(plain + sum((w * one for w, one in zip(share, view.crawl, strict=True)), np.zeros_like(plain)))
    return answered


def _without_crawl(view: View) -> tuple[Floats, Floats]:
    """What is weighed `(n, samples)` and what it has to explain `(samples,)`, less what the instant's own patterns
    explain of either."""
    told = view.told.ravel()
    columns = np.stack([one.ravel() for one in view.shared]) * told
    wanted = (view.source - view.own).ravel() * told
    if not view.crawl:
        return columns, wanted
    patterns = np.stack([one.ravel() for one in view.crawl]) * told
    return columns - _share(view, columns.T).T @ patterns, wanted - _share(view, wanted) @ patterns


def _share(view: View, wanted: Floats) -> Floats:
    """Weights of the instant's own patterns that explain `wanted` `(samples,)` or `(samples, n)` best."""
    if not view.crawl:
        return np.zeros((0, *wanted.shape[1:]))
    patterns = np.stack([one.ravel() for one in view.crawl]) * view.told.ravel()
    square = patterns @ patterns.T
    return np.linalg.solve(square + np.eye(len(square)) * (_STEADY * np.trace(square) + 1e-9), patterns @ wanted)


def _sharpness(weights: Floats) -> float:
    """The largest gain of an answer over all frequencies, for small signals on a flat picture."""
    across = np.linspace(0, 0.5, 26)[None, :]
    down = np.linspace(0, 0.5, 26)[:, None]
    pairs = [(y, x) for y in range(REACH[0] + 1) for x in range(REACH[1] + 1)]
    waves = [np.cos(2 * np.pi * y * down) * np.cos(2 * np.pi * x * across) - 1 for y, x in pairs[1:]]
    gain = 1 + sum(w * wave for w, wave in zip(weights, waves, strict=False))
    rest = weights[len(waves) :]
    for number, (wide, high) in enumerate(APERTURES[: len(rest) // len(pairs)]):
        passed = np.exp(-2 * np.pi**2 * (np.square(wide * across) + np.square(high * down)))
        own, *others = rest[number * len(pairs) : (number + 1) * len(pairs)]
        gain = gain + own * (passed - 1) + passed * sum(w * wave for w, wave in zip(others, waves, strict=True))
    return float(np.abs(gain).max())
