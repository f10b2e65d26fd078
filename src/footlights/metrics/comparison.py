"""Metrics of one video against another, for `footlights compare`: two generations of VMAF, PSNR, SSIM and XPSNR."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from footlights.errors import ToolError
from footlights.media import ffmpeg
from footlights.media.reader import colour_tags
from footlights.metrics.video import large, model_for

_MOST = 72.0
"""dB at which libvmaf caps the PSNR of 10-bit pictures; XPSNR, infinite for equal ones, ends there too."""
_V1 = "vmaf_v1.0.16"
_V1_SHORT, _V1_LONG = 160, 216
"""Samples of the shorter and of the longer side from which on VMAF v1 runs: its chroma part (SpEED) halves the picture
until nothing would be left of a smaller one, and its banding part (CAMBI) refuses narrower ones."""
_V1_FAST = 45
"""Frames a second from which on its models for high rates apply, which are made for 50 and 60."""
_RGB, _UNKNOWN = 0, 2
"""Of H.273."""
V1 = "VMAF v1"
"""Name of its row."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table of `footlights compare`: mean over all frames and the 5th percentile of each metric."""

    frames: int
    width: int
    height: int
    rows: tuple[tuple[str, float, float, float], ...]
    """Metric, mean, 5th percentile, worst frame."""
    notes: tuple[str, ...] = ()
    """What was not measured, and why."""


def v1_model(width: int, height: int, rate: Fraction) -> str | None:
    """The VMAF v1 model for pictures of this size and rate, as its makers sort them: seen from three heights away, from
    one and a half where they are `large`; None for pictures too small for any."""
    if min(width, height) < _V1_SHORT or max(width, height) < _V1_LONG:
        return None
    fast = "_hfr" if rate >= _V1_FAST else ""
    return f"{_V1}{fast}_{'1d5h_2160' if large(height) else '3d0h'}"


def compare(test: Path, reference: Path, rate: Fraction, *, width: int, height: int) -> Comparison:
    """PSNR, SSIM, VMAF-NEG, VMAF v1 and XPSNR of `test` against `reference`; `test` is scaled to the reference's size
    first.

    Raises ToolError unless every metric saw the same number of frames.
    """
    newer = v1_model(width, height, rate)
    models = f"version={model_for(height)}\\:name=neg" + (f"|version={newer}\\:name=v1" if newer else "")
    with TemporaryDirectory() as folder:
        log, xpsnr_log = Path(folder) / "vmaf.json", Path(folder) / "xpsnr.log"
        graph = (
            f"[0:v]{_alike(test, reference)}scale={width}:{height}:flags=bicubic,format=yuv420p10le,split[a][b];"
            f"[1:v]{_alike(reference, test)}format=yuv420p10le,split[c][d];"
            f"[a][c]libvmaf=model='{models}':feature=name=psnr|name=float_ssim:n_threads=2:"
            f"shortest=1:log_fmt=json:log_path={log}[v];"
            f"[d]format=yuv420p[e];[b]format=yuv420p[f];[e][f]xpsnr=stats_file={xpsnr_log}:shortest=1[x]"
        )
        inputs = [*ffmpeg.input_arguments(test, rate), *ffmpeg.input_arguments(reference, rate)]
        outputs = ["-map", "[v]", "-f", "null", "-", "-map", "[x]", "-f", "null", "-"]
        ffmpeg.run([*inputs, "-filter_complex", graph, *outputs], doing="comparing")
        measured = [frame["metrics"] for frame in json.loads(log.read_text("utf-8"))["frames"]]
        found = re.findall(r"^n:.*?XPSNR y: *(\S+)", xpsnr_log.read_text("utf-8"), re.MULTILINE)
    if not measured or len(found) != len(measured):
        raise ToolError(
            f"VMAF compared {len(measured)} frames and XPSNR {len(found)}",
            "the measuring program stopped early",
            "run the command again",
        )
    names = {
        "VMAF-NEG": "neg",
        **({V1: "v1"} if newer else {}),
        "PSNR Y (dB)": "psnr_y",
        "PSNR Cb (dB)": "psnr_cb",
        "PSNR Cr (dB)": "psnr_cr",
        "SSIM": "float_ssim",
    }
    rows = [_row(label, [frame[key] for frame in measured]) for label, key in names.items()]
    rows.append(_row("XPSNR Y (dB)", [min(float(value), _MOST) for value in found]))
    notes = () if newer else (f"{V1} was not measured: it needs {_V1_LONG}×{_V1_SHORT} samples or more",)
    return Comparison(len(measured), width, height, tuple(rows), notes)


def _alike(one: Path, other: Path) -> str:
    """A filter that gives `one` the colour tags that it lacks and `other` has: FFmpeg 9 converts the colours of a file
    without tags to those of one with them, and VMAF reads 55 for 99. Files with unlike tags are converted."""
    tags = zip(("color_primaries", "color_trc", "colorspace"), colour_tags(one), colour_tags(other), strict=False)
    missing = [f"{name}={said}" for name, own, said in tags if own == _UNKNOWN and said not in (_RGB, _UNKNOWN)]
    return f"setparams={':'.join(missing)}," if missing else ""


def _row(label: str, values: list[float]) -> tuple[str, float, float, float]:
    series = np.array(values, np.float64)
    return label, float(series.mean()), float(np.percentile(series, 5)), float(series.min())
