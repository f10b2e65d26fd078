"""Pieces of lines, put together from the ends of runs, against OpenCV's opening and labels of the same masks."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.metrics.lineruns import slender

SHORTEST, HIGHEST, SLENDERNESS = 7, 4, 4
LIMITS = SHORTEST, HIGHEST, SLENDERNESS
Piece = tuple[int, int, bytes, tuple[int, ...]]


def _mask(seed: int, length: int, share: float) -> NDArray[np.uint8]:
    """Runs of about this length over a share of (60, 200) samples, some at the ends of lines."""
    rng = np.random.default_rng(seed)
    noise = cv2.blur(rng.standard_normal((60, 200)).astype(np.float32), (length, 1), borderType=cv2.BORDER_CONSTANT)
    return np.where(noise > np.quantile(noise, 1 - share), 255, 0).astype(np.uint8)


def _found(mask: NDArray[np.uint8]) -> list[tuple[int, int, NDArray[np.bool_]]]:
    found = slender(mask, *LIMITS)
    return [(int(found.left[one]), int(found.top[one]), found.inside(one)) for one in range(len(found.first))]


def _labelled(mask: NDArray[np.uint8]) -> Iterator[Piece]:
    lines = mask.sum(axis=1, dtype=np.int64) >= 255 * SHORTEST
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, SHORTEST), np.uint8)) * lines[:, None]
    number, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    for label in range(1, number):
        left, top, wide, high = stats[label, :4].tolist()
        if high <= HIGHEST and wide >= SLENDERNESS * high:
            inside = labels[top : top + high, left : left + wide] == label
            yield left, top, inside.tobytes(), inside.shape


@pytest.mark.parametrize(("length", "share"), [(9, 0.05), (9, 0.3), (21, 0.2), (21, 0.6), (3, 0.5)])
def test_pieces_are_those_of_labelled_samples(length: int, share: float) -> None:
    for seed in range(20):
        mask = _mask(seed, length, share)
        found = [(left, top, one.tobytes(), one.shape) for left, top, one in _found(mask)]
        assert sorted(found) == sorted(_labelled(mask))


def test_samples_of_pieces_are_those_inside_them() -> None:
    mask = _mask(3, 9, 0.3)
    found, width = slender(mask, *LIMITS), mask.shape[1]
    places, begins = found.samples(width)
    assert len(begins) > 10
    for number, own in enumerate(np.split(places, begins[1:])):
        lines, samples = np.nonzero(found.inside(number))
        wanted = (found.top[number] + lines) * width + found.left[number] + samples
        assert own.tolist() == wanted.tolist()


def test_a_snake_over_many_lines_is_one_piece_and_too_high() -> None:
    """It turns so often that its runs hear of each other only in many rounds; beside it a streak stands alone."""
    mask = np.zeros((60, 200), np.uint8)
    for line in range(0, 50, 2):
        mask[line, :100] = 255
        mask[line + 1, slice(90, 100) if line % 4 == 0 else slice(0, 10)] = 255
    mask[30, 120:160] = 255
    assert [(left, top, one.shape) for left, top, one in _found(mask)] == [(120, 30, (1, 40))]


def test_nothing_is_found_in_nothing() -> None:
    assert not _found(np.zeros((60, 200), np.uint8))
