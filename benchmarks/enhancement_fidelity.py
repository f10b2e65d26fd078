"""Re-degradation on tapes in lossy formats: does the check clear a perfect master, and see an invented one?

Clean clips get noise and go through DV, MPEG-2 or a lossless format. The clean pictures themselves are the perfect
master, the same with fine texture that nobody filmed an invented one. Noise is told as it is in flat places of the
coded tape, found with the truth; on MPEG-2 as the check finds it, between frames that lie apart. Metric level: no
restoration runs.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
from enhancement_rate import Codes, Run, pictures, piped
from footlights.core.redegraded import LIMIT
from footlights.media.roundtrip import through_dv
from footlights.media.tape import TapePicture, open_tape
from footlights.metrics import noise as noise_of
from footlights.metrics.redegradation import Pushed, compare
from footlights.pipeline.putback import mpeg

_SIZE = (720, 576)
_CLIPS = (
    "concert_crowd_720p.mp4",
    "dance_dj_480p50.mp4",
    "dancer_1080p.mp4",
    "face_colourlight_cottonbro.mp4",
    "face_redhead_koolshooters.mp4",
    "school_show_540p.mp4",
    "street_people_720p50.mkv",
    "vid4_walk_480p.mp4",
)
_NOISE = (1.0, 2.5)
"""Codes, before coding."""
_INVENTED = (0.0, 2.5)
"""Codes of texture in the master that the tape never saw; 0 is the perfect master."""
_FORMATS = ("ffv1", "dv", "mpeg2")
_FRAMES, _SAMPLES, _AWAY = 20, (3, 7, 11), 8


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All numbers of this part."""
    rows = []
    for name in _CLIPS[:: 4 if options.quick else 1]:
        rows += options.kept.row(f"fidelity {name}", partial(_clip, options.data, name))["rows"]
    return {
        "rows": rows,
        "summary": {kind: _summary([row for row in rows if row["format"] == kind]) for kind in _FORMATS},
        "limit": LIMIT,
        "target": "at most 1.1 on 95 % of shots with a perfect master; an invented one above it",
        "frames": f"{len(_SAMPLES)} fields a shot, 720x576",
    }


def _clip(data: Path, name: str) -> dict[str, Any]:
    """Every noise, format and master of one clip."""
    clean = pictures(data, Run(f"dev_clips/{name}", 25, _SIZE), _FRAMES)
    rows = []
    for sigma in _NOISE:
        for kind in _FORMATS:
            tape, scales = _coded(_noisy(clean, sigma), kind)
            rows += [_row((name, sigma, kind), (tape, scales), clean, invented) for invented in _INVENTED]
    return {"rows": rows}


def show(found: dict[str, Any]) -> None:
    bench.table(
        ("format", "shots", "perfect: median", "worst", "cleared", "old median", "old worst", "invented seen"),
        (
            (
                kind,
                one["shots"],
                one["perfect_median"],
                one["perfect_worst"],
                f"{one['cleared']:.0%}",
                one["flat_median"],
                one["flat_worst"],
                f"{one['invented_seen']:.0%}",
            )
            for kind, one in found["summary"].items()
        ),
    )


def _row(
    case: tuple[str, float, str], coded: tuple[Codes, list[float]], clean: Codes, invented: float
) -> dict[str, Any]:
    """Residual over noise of one shot: with the format's own error, and with the noise of flat places alone."""
    (name, sigma, kind), (tape, scales), height = case, coded, _SIZE[1]
    flat = np.concatenate([_calm(clean[n], tape[n]) for n in _SAMPLES])
    known = measured = float(np.sqrt(np.square(flat).mean()))
    if scales:
        measured = float(np.hypot(max(_noise(tape, 1), _noise(tape, _AWAY)), 0.5))
    rng = np.random.default_rng(3)
    samples, plain = [], []
    for turn, n in enumerate(_SAMPLES):
        master = clean[n, :height].astype(np.float32)
        texture = cv2.GaussianBlur(rng.normal(0, 1, master.shape).astype(np.float32), (0, 0), 1.0)
        master = master + texture * np.float32(invented / texture.std())
        first = turn % 2
        source = tape[n, first:height:2].astype(np.float32)
        coder = _dv_of(tape[n], first) if kind == "dv" else None
        coder = mpeg(scales[n]) if scales else coder
        samples.append(Pushed(source, master, first, 2, coder))
        plain.append(Pushed(source, master, first, 2))
    found, old = (compare(one, (128.0,), (sigma_of,)) for one, sigma_of in ((samples, measured), (plain, known)))
    return {
        "clip": name,
        "sigma": sigma,
        "format": kind,
        "invented": invented,
        "ratio": round(found.rms / found.noise, 3),
        "ratio_flat": round(old.rms / old.noise, 3),
    }


def _dv_of(frame: NDArray[np.uint8], first: int) -> Any:
    height, width = _SIZE[1], _SIZE[0]
    chroma = frame[height:].reshape(2, height // 2, width // 2)

    def through(lines: NDArray[np.float32]) -> NDArray[np.float32]:
        luma = frame[:height].copy()
        luma[first::2] = np.clip(np.round(lines), 1, 254)
        return through_dv((luma, chroma[0].copy(), chroma[1].copy()), "yuv420p")[first::2].astype(np.float32)

    return through


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    perfect = [row["ratio"] for row in rows if row["invented"] == 0]
    flat = [row["ratio_flat"] for row in rows if row["invented"] == 0]
    invented = [row["ratio"] for row in rows if row["invented"] > 0]
    return {
        "shots": len(perfect),
        "perfect_median": float(np.median(perfect)),
        "perfect_worst": max(perfect),
        "cleared": float(np.mean([ratio <= LIMIT for ratio in perfect])),
        "flat_median": float(np.median(flat)),
        "flat_worst": max(flat),
        "invented_seen": float(np.mean([ratio > LIMIT for ratio in invented])),
        "invented_lowest": min(invented),
    }


def _calm(clean: Codes, tape: Codes) -> NDArray[np.float32]:
    """What the tape adds in the plainest third of a picture."""
    height = _SIZE[1]
    luma = clean[:height].astype(np.float32)
    steep = cv2.blur(np.abs(cv2.Laplacian(luma, cv2.CV_32F)), (17, 17))
    return (tape[:height].astype(np.float32) - luma)[steep <= np.quantile(steep, 0.3)]


def _noisy(clean: Codes, sigma: float) -> Codes:
    rng = np.random.default_rng(1)
    height = _SIZE[1]
    noisy = clean.astype(np.float32)
    noisy[:, :height] += rng.normal(0, sigma, noisy[:, :height].shape)
    return np.clip(np.round(noisy), 1, 254).astype(np.uint8)


def _noise(tape: Codes, away: int) -> float:
    """Sigma between frames so far apart, in codes."""
    height = _SIZE[1]
    pairs = [(tape[n][k:height:2], tape[n + away][k:height:2]) for n in _SAMPLES for k in (0, 1)]
    return float(np.median([one.sigma for one in (noise_of.measure(*pair) for pair in pairs) if one]))


def _coded(tape: Codes, kind: str) -> tuple[Codes, list[float]]:
    """The tape through its format, and the quantiser_scale of its frames where it has one."""
    if kind == "ffv1":
        return tape, []
    width, height = _SIZE
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p"]
    coder = {
        "dv": ["-c:v", "dvvideo", "-flags", "+ildct", "-f", "dv"],
        "mpeg2": ["-c:v", "mpeg2video", "-b:v", "5M", "-flags", "+ildct+ilme", "-g", "15", "-bf", "2", "-f", "nut"],
    }[kind]
    source = [*raw, "-s", f"{width}x{height}", "-r", "25", "-i", "-"]
    coded = piped([*source, *coder, "-"], tape.tobytes())
    if kind == "mpeg2":
        return _decoded(coded)
    back = np.frombuffer(piped(["-i", "-", *raw, "-"], coded), np.uint8)
    return back.reshape(-1, height * 3 // 2, width), []


def _decoded(coded: bytes) -> tuple[Codes, list[float]]:
    """As the tape is taken in."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tape.nut"
        file.write_bytes(coded)
        with open_tape(file) as tape:
            seen = [(item.frame.to_ndarray(), item.quantiser) for item in tape.read() if isinstance(item, TapePicture)]
    return np.stack([picture for picture, _ in seen]), [scale for _, scale in seen]
