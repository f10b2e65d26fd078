"""What `quality.py` scores: pictures at the tape's size, and luma at four times it, against their truth."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from footlights.core.clip import Plane
from footlights.core.colour import luma_to_codes
from footlights.core.signal import Matrix, Primaries
from footlights.media import ffmpeg
from footlights.metrics import fidelity, video
from footlights.models.fieldlift import SCALE
from footlights.training.scenes import SCENE_HEIGHT, SCENE_WIDTH

EDGE = 16
"""Lines and samples at the border that are not scored."""
ENDS = 2
"""Frames at either end that are not scored: some methods lack their neighbours there."""
_SEEN = 0.02
"""A place counts for the warping error where the truth follows its own motion within this much luma."""
_RATE = Fraction(60000, 1001)
Scores = dict[str, Any]


def clean(made: Plane, truth: Plane) -> Scores:
    """Means over the scored pictures of one clip."""
    x, y = np.mean([fidelity.shift(made[n, 0], truth[n, 0]) for n in range(4, len(truth) - 4, 5)], axis=0)
    apart = abs(x) + abs(y) > 0.02
    inner = slice(2 * ENDS, len(truth) - 2 * ENDS)
    ours = [[fidelity.moved(plane, x, y) if apart else plane for plane in picture] for picture in made[inner]]
    found = np.stack([np.stack(picture) for picture in ours])[..., EDGE:-EDGE, EDGE:-EDGE]
    true = truth[inner][..., EDGE:-EDGE, EDGE:-EDGE]
    luma, luma_true = (np.ascontiguousarray(planes[:, 0]) for planes in (found, true))
    every = range(0, len(luma), 3)
    change, change_true = np.diff(luma, axis=0), np.diff(luma_true, axis=0)
    return {
        "psnr_y": mean(fidelity.psnr(luma[n], luma_true[n]) for n in range(len(luma))),
        "psnr_c": mean(fidelity.psnr(found[n, 1:], true[n, 1:]) for n in range(len(luma))),
        "ssim": mean(fidelity.ssim(luma[n], luma_true[n]) for n in every),
        "haarpsi": mean(fidelity.haarpsi(luma[n], luma_true[n]) for n in every),
        "gmsd": mean(fidelity.gmsd(luma[n], luma_true[n]) for n in every),
        "psnr_change": fidelity.psnr(change, change_true),
        "flicker": float(np.mean((change - change_true) ** 2)) * 1e4,
        "tof": _motion_error(luma, luma_true),
        "e_warp": _warping_error(luma, luma_true),
        "comb": mean(fidelity.comb_index(luma[n], luma_true[n]) for n in every),
        "delta_e_low": mean(_colour_error(found[n], true[n]) for n in range(0, len(luma), 6)),
        "shift": [round(float(x), 3), round(float(y), 3)],
    }


def mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _motion_error(luma: Plane, truth: Plane) -> float:
    """tOF: mean distance of the motion seen in the pictures from that in the truth, in samples."""
    pairs = range(0, len(luma) - 1, 4)
    apart = [_flow(luma[n], luma[n + 1]) - _flow(truth[n], truth[n + 1]) for n in pairs]
    return mean(float(np.linalg.norm(one, axis=-1).mean()) for one in apart)


def _warping_error(luma: Plane, truth: Plane) -> float:
    """E_warp: mean squared change along the truth's own motion, times 10⁴, where the truth itself follows it."""
    height, width = truth.shape[1:]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    errors = []
    for n in range(0, len(luma) - 1, 4):
        along = grid + _flow(truth[n], truth[n + 1])
        ours, true = (cv2.remap(planes[n + 1], along, None, cv2.INTER_CUBIC) - planes[n] for planes in (luma, truth))
        errors.append(float(np.mean(ours[np.abs(true) < _SEEN] ** 2)))
    return 1e4 * mean(errors)


def _flow(first: Plane, second: Plane) -> Plane:
    """Motion `(H, W, 2)` in samples from one picture to the next."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    now, after = (luma_to_codes(np.clip(one, 0, 1), 8).astype(np.uint8) for one in (first, second))
    return np.asarray(search.calc(now, after, None), np.float32)


def _colour_error(made: Plane, truth: Plane) -> float:
    """Mean CIEDE2000 of what is left after a Gaussian of 16 samples: colour and light without detail."""
    small = []
    for picture in (made, truth):
        soft = np.stack([cv2.GaussianBlur(plane, (0, 0), 16)[::8, ::8] for plane in picture])
        small.append(fidelity.lab(soft, Matrix.SMPTE170M, Primaries.SMPTE170M))
    return float(fidelity.delta_e(small[0], small[1]).mean())


def fine(picture: Callable[[int], Plane], truth: Plane) -> Scores:
    """Means over the four scenes' insides and some instants."""
    found: dict[str, list[float]] = {"psnr_y": [], "haarpsi": [], "gmsd": [], "ssim": []}
    for number in range(6, len(truth) - 6, 3):
        large = picture(number)
        for row in (0, 1):
            for column in (0, 1):
                tall, wide, edge = SCENE_HEIGHT * SCALE, SCENE_WIDTH * SCALE, 20 * SCALE
                part = (
                    slice(row * tall + edge, (row + 1) * tall - edge),
                    slice(column * wide + edge, (column + 1) * wide - edge),
                )
                ours, true = (np.ascontiguousarray(one[part]) for one in (large, truth[number]))
                for name in found:
                    found[name].append(float(getattr(fidelity, name.removesuffix("_y"))(ours, true)))
    middle = range(len(truth) // 2 - 3, len(truth) // 2 + 3)
    return {
        **{name: mean(values) for name, values in found.items()},
        "vmaf": _vmaf([picture(number) for number in middle], [truth[number] for number in middle]),
    }


def _vmaf(made: Sequence[Plane], truth: Sequence[Plane]) -> float:
    """Mean VMAF-NEG of the 4K model over consecutive pictures of luma."""
    with TemporaryDirectory() as folder:
        test, reference = (
            _written(Path(folder) / name, planes) for name, planes in (("test.mkv", made), ("truth.mkv", truth))
        )
        return video.vmaf(test, reference, _RATE, height=truth[0].shape[0], frames=len(truth)).mean


def _written(path: Path, planes: Sequence[Plane]) -> Path:
    """Luma as a lossless grey video of 10 bits."""
    height, width = planes[0].shape
    codes = b"".join(luma_to_codes(plane, 10).astype("<u2").tobytes() for plane in planes)
    kind = ["-f", "rawvideo", "-pix_fmt", "gray10le", "-s", f"{width}x{height}", "-r", str(_RATE), "-i", "-"]
    command = [str(ffmpeg.binary()), "-v", "error", *kind, "-c:v", "ffv1", str(path)]
    subprocess.run(command, input=codes, check=True)
    return path
