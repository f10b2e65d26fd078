"""The quantiser that an earlier compression left in a picture: its block grid, its matrix and its step.

A decoded intra picture of an 8×8 block transform (MPEG-1 and -2, DV, Motion JPEG) has DCT coefficients that lie on
multiples of its steps, but for the rounding of its samples (standard deviation 1/√12 in an orthonormal transform). The
mean cosine of the coefficients, a period to the step, is near 1 where they do and below 0 where their density merely
falls: coefficients below 0.4 steps, which every picture has, are left out (as the periodicity of histograms is used to
find double compression: Lukáš and Fridrich, "Estimation of primary quantization matrix in double compressed JPEG
images", DFRWS 2003). Any filter, scaling or noise behind the decoder takes the multiples away, and prediction blurs
them: what is found is certain, what is not found may have been.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]
BLOCK = 8
_KEPT = 4
"""Frequencies in each direction that are looked at: the higher ones are mostly nothing."""
_BINS, _WIDTH = 256, 0.25
"""Of the histograms of amplitudes, and codes a bin is wide."""
_SMALLEST = 4 * BLOCK
"""Samples and lines of a picture that is looked at."""
_BLOCKS = 720
"""Blocks of a picture that are enough."""
_DEAD = 0.4
"""Steps below which a coefficient tells nothing."""
_ROUNDING = 1 / 12
"""Variance of a coefficient by the rounding of samples to codes."""
_LEAST, _SHARE = 200, 0.4
"""Coefficients that must speak, and by what share they must lie on the steps."""
_SPEAKING, _AGREEING = 25, 0.75
"""Values of one coefficient from which it has a say, and the share of coefficients that must agree: a repeated edge of
the picture makes one or two alike, not all."""
_LARGEST = 0.6
"""Share that must lie on a step for it to be taken instead of a finer one that divides it."""

FLAT, MPEG, DV, JPEG = "flat", "mpeg", "dv", "jpeg"
MATRICES = (FLAT, MPEG, DV, JPEG)
FRAME, FIELD, MACROBLOCK = "frame", "field", "macroblock"
LINES = (FRAME, FIELD, MACROBLOCK)
"""Blocks of the frame's lines, of a field's, or as each macroblock of interlaced MPEG-2 has it."""
_MPEG = ((8, 16, 19, 22), (16, 16, 22, 24), (19, 22, 26, 27), (22, 22, 26, 27))
"""ISO/IEC 13818-2, 6.3.11: the default intra matrix."""
_JPEG = ((16, 11, 10, 16), (12, 12, 14, 19), (14, 13, 16, 24), (14, 17, 22, 29))
"""ITU-T T.81, table K.1; scaled by quality as libjpeg does."""
_DV = (1.0, 1.0196, 1.0824, 1.1111)
"""IEC 61834-2: inverse weights of the 8-8 transform along one direction."""


class Quantised(NamedTuple):
    """What was found in one picture."""

    step: float
    """Codes between neighbouring levels of the lowest frequency, in an orthonormal 8×8 DCT; of the default intra matrix
    of MPEG-2 this is quantiser_scale."""
    share: float
    """Of the coefficients that speak, by how much they lie on the steps: 1 all, 0 none."""
    heard: int
    """Coefficients that spoke."""
    matrix: str
    """One of `MATRICES`."""
    lines: str
    """One of `LINES`: of what lines its blocks are."""
    x: int
    """Sample at which the first block begins, 0..7."""
    y: int
    """Line of the field or frame at which it does."""


def measure(luma: Codes) -> Quantised | None:
    """The quantiser of a woven or progressive frame `(h, w)` in 8-bit codes whose blocks begin at its first sample;
    None where none shows."""
    if min(luma.shape) < _SMALLEST:
        return None
    frame, field, moved = _macroblocks(luma)
    frame_parts, field_parts = ([_histograms(one[moved == side]) for side in (0, 1)] for one in (frame, field))
    sums = (sum(frame_parts), sum(field_parts), frame_parts[0] + field_parts[1])
    found = [
        Quantised(*best, lines, 0, 0)
        for lines, counts in zip(LINES, sums, strict=True)
        if (best := _judged(np.asarray(counts, np.float32)))
    ]
    return max(found, key=lambda one: one.share * one.heard**0.5, default=None)


def search(luma: Codes, *, field: bool) -> Quantised | None:
    """The same of blocks that begin anywhere, of field or of frame lines."""
    if min(luma.shape) < _SMALLEST:
        return None
    lines = luma[0::2] if field else luma
    x, y = place(lines)
    best = _judged(_histograms(_blocks(lines, x, y)))
    return Quantised(*best, FIELD if field else FRAME, x, y) if best else None


def place(lines: Codes) -> tuple[int, int]:
    """Sample and line at which blocks begin, if there are any: where most coefficients are next to nothing."""
    high, wide = lines.shape
    rows = min(high, 5 * BLOCK)
    width = min(wide // BLOCK * BLOCK, 360)
    zeros = np.zeros((BLOCK, BLOCK))
    for top in {(high - rows) // 3 // BLOCK * BLOCK, (high - rows) * 2 // 3 // BLOCK * BLOCK}:
        left = (wide - width) // 2 // BLOCK * BLOCK
        zeros += _zeros(lines[top : top + rows, left : left + width].astype(np.float32))
    y, x = np.unravel_index(int(zeros.argmax()), zeros.shape)
    return int(x), int(y)


def _zeros(part: Floats) -> NDArray[np.float64]:
    """How many coefficients of blocks from each line and sample on `(8, 8)` are next to nothing."""
    count = (part.shape[0] // BLOCK - 1) * BLOCK, (part.shape[1] // BLOCK - 1) * BLOCK
    zeros = np.zeros((BLOCK, BLOCK))
    for down in (1, 2, 4):
        tall = cv2.filter2D(part, -1, _BASIS[down][:, None], anchor=(0, 0))
        for across in (1, 2, 4):
            values = cv2.filter2D(tall, -1, _BASIS[across][None], anchor=(0, 0))[: count[0], : count[1]]
            small = np.abs(values) < 2 * _ROUNDING**0.5
            zeros += small.reshape(-1, BLOCK, count[1] // BLOCK, BLOCK).sum(axis=(0, 2))
    return zeros


def _macroblocks(luma: Codes) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """The low frequencies `(n, 4, 4)` of blocks all over the picture, of the frame's lines and of the fields', in the
    same order of macroblocks, and whether a coder would rather take those of the fields (0 or 1)."""
    high, wide = luma.shape[0] // (2 * BLOCK), luma.shape[1] // (2 * BLOCK)
    every = max(1, round(4 * high * wide / _BLOCKS))
    part = luma[: high * 2 * BLOCK, : wide * 2 * BLOCK].reshape(high, 2 * BLOCK, -1)[every // 2 :: every]
    seen = part.astype(np.float32)
    # As coders choose it: the lines that differ less from one to the next.
    rough = [
        np.abs(seen[:, step:] - seen[:, :-step]).mean(axis=1).reshape(len(seen), wide, 2 * BLOCK).sum(axis=2)
        for step in (1, 2)
    ]
    moved = np.repeat((rough[1] < rough[0]).ravel(), 4).astype(np.intp)
    by_lines = seen.reshape(len(seen), 2, BLOCK, wide, 2, BLOCK), seen.reshape(len(seen), BLOCK, 2, wide, 2, BLOCK)
    frame = _low(by_lines[0].transpose(0, 3, 1, 4, 2, 5))
    field = _low(by_lines[1].transpose(0, 3, 2, 4, 1, 5))
    return frame, field, moved


def _blocks(lines: Codes, x: int, y: int) -> Floats:
    """The low frequencies `(n, 4, 4)` of blocks all over the picture, of whole rows of blocks."""
    high, wide = (lines.shape[0] - y) // BLOCK, (lines.shape[1] - x) // BLOCK
    every = max(1, round(high * wide / _BLOCKS))
    seen = lines[y : y + high * BLOCK, x : x + wide * BLOCK].reshape(high, BLOCK, wide, BLOCK)[every // 2 :: every]
    return _low(seen.transpose(0, 2, 1, 3).astype(np.float32))


def _low(blocks: Floats) -> Floats:
    """Of blocks `(…, 8, 8)` the lowest frequencies `(n, 4, 4)`."""
    low = np.ascontiguousarray(_BASIS[:_KEPT].T)
    across = (blocks.reshape(-1, BLOCK) @ low).reshape(-1, BLOCK, _KEPT)
    both = across.transpose(0, 2, 1).reshape(-1, BLOCK) @ low
    return np.asarray(both.reshape(-1, _KEPT, _KEPT).transpose(0, 2, 1), np.float32)


def _histograms(coefficients: Floats) -> Floats:
    """How often each amplitude occurs: `(16, bins)` by frequency down and across; nothing of the mean."""
    bins = (np.abs(coefficients.reshape(-1, _KEPT * _KEPT)) * (1 / _WIDTH) + 0.5).astype(np.int32)
    inside = np.minimum(bins, _BINS - 1) + np.arange(_KEPT * _KEPT, dtype=np.int32) * _BINS
    counts = np.bincount(inside.ravel(), minlength=_KEPT * _KEPT * _BINS).reshape(-1, _BINS).astype(np.float32)
    counts[0] = counts[:, -1] = 0
    return counts


def _judged(histograms: Floats) -> tuple[float, float, int, str] | None:
    """Step, share, count and matrix that the amplitudes lie on."""
    book = _book()
    heard = _heard(histograms, book.first)
    numbers = heard.sum(axis=1)
    shares = (book.waves @ histograms.ravel()) / np.maximum((heard * book.certain).sum(axis=1), 1)
    fit = (shares >= _SHARE) & (numbers >= _LEAST)
    if not fit.any():
        return None
    best: tuple[float, int] | None = None
    for matrix in range(len(MATRICES)):
        own = np.nonzero(fit & (book.matrix == matrix))[0]
        if len(own):
            strong = own[shares[own] >= max(_LARGEST * float(shares[own].max()), _SHARE)]
            # Of the steps around the largest that fits, the one that fits best.
            largest = book.step[strong].max()
            near = strong[book.step[strong] > largest / 1.15]
            at = int(near[shares[near].argmax()])
            if best is None or shares[at] > best[0] + 0.02:
                best = float(shares[at]), at
    assert best is not None, "one that fits belongs to a matrix"
    at = best[1]
    if not _agreed(histograms, heard[at], book, at):
        return None
    return float(book.step[at]), min(best[0], 1.0), int(numbers[at]), MATRICES[book.matrix[at]]


class _Book(NamedTuple):
    """All quantisers that are tried, one a row; columns are frequency and amplitude."""

    step: Floats
    matrix: NDArray[np.intp]
    waves: Floats
    first: NDArray[np.intp]
    """By frequency: the bin from which amplitudes tell."""
    certain: Floats
    """By frequency: what the waves of one amplitude come to on a step, but for the rounding."""


def _heard(histograms: Floats, first: NDArray[np.intp]) -> Floats:
    """How many amplitudes tell of each quantiser, by frequency."""
    beyond = np.cumsum(histograms[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(beyond[np.arange(len(beyond)), first])


def _agreed(histograms: Floats, heard: Floats, book: _Book, at: int) -> bool:
    """Whether most frequencies say so, each by itself."""
    waves = (book.waves[at].reshape(histograms.shape) * histograms).sum(axis=1)
    speaking = heard >= _SPEAKING
    agreeing = waves[speaking] >= _SHARE / 2 * (heard * book.certain[at])[speaking]
    return int(agreeing.sum()) >= 3 and float(agreeing.mean()) >= _AGREEING


@cache
def _book() -> _Book:
    weights = {FLAT: np.ones((_KEPT, _KEPT)), MPEG: np.array(_MPEG) / 16, DV: np.outer(_DV, _DV)}
    whole = np.concatenate([np.arange(2.0, 24), np.arange(24.0, 57, 2)])
    scales = {FLAT: np.geomspace(2, 48, 81), MPEG: whole, DV: np.array([2.0, 4, 8, 16, 32])}
    tried = [(MATRICES.index(name), s * weights[name]) for name in weights for s in scales[name]]
    for quality in range(30, 93):
        scale = 5000 / quality if quality < 50 else 200 - 2 * quality
        tried.append((MATRICES.index(JPEG), np.maximum(np.floor((np.array(_JPEG) * scale + 50) / 100), 1)))
    steps = np.array([one for _, one in tried], np.float32).reshape(len(tried), -1, 1)
    amplitudes = (np.arange(_BINS, dtype=np.float32) * _WIDTH)[None, None]
    first = np.minimum(np.ceil(_DEAD * steps / _WIDTH), _BINS - 1).astype(np.intp)
    waves = np.cos(2 * np.pi * amplitudes / steps) * (np.arange(_BINS) >= first)
    certain = np.exp(-2 * np.pi**2 * _ROUNDING / steps**2)
    matrices = np.array([matrix for matrix, _ in tried], np.intp)
    return _Book(
        steps[:, 1, 0], matrices, waves.reshape(len(tried), -1).astype(np.float32), first[..., 0], certain[..., 0]
    )


def _basis() -> Floats:
    """The orthonormal DCT of eight samples, rows by frequency."""
    return cv2.dct(np.eye(BLOCK, dtype=np.float32), flags=cv2.DCT_ROWS).T.copy()


_BASIS = _basis()
