"""Scenes in which enhancement most easily goes wrong, as one tape: what each must keep, in numbers and on a sheet.

Drawn scenes of a concert, so that their truth is known: a strobe, a cyclorama in the colours of a sunset, a red wash, a
white spot on black, smoke in beams, and the strobe's stage again with faded colours. They are played onto a `medium`
tape (same-author simulator), restored with the default settings at 1080 lines, and compared with the scene itself:
flashes by the light of each field, slow gradients by an index of false contours against the tape enlarged, colours of
large areas by CIEDE2000 from the scene and from the tape's own field, the spot by its black and by what rises beside
its edge, smoke by its contrast.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
from enhancement_banding import index
from footlights.core import colour
from footlights.core.signal import Matrix, Primaries, Range
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader, index_video
from footlights.metrics.fidelity import delta_e, lab
from footlights.pipeline.simulate import write_frames
from footlights.tape.presets import preset
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator

_SIZE = (960, 720)
_FIELDS = 16
"""A scene."""
_SHOWN = 10
"""Field of every scene that is compared and shown."""
_LINES = 1080
_SETS = (f"geometry.height={_LINES}", "encoding.enabled=false", "analysis.faces.enabled=false")
_WASH = np.array([0.9, 0.06, 0.05], np.float32)
_LIT = {3, 4, 9, 10}
"""Fields of the strobe scene in full light."""
Picture = NDArray[np.float32]
"""(H, W, 3) R'G'B' 0..1."""
Planes = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Luma (H, W) and chroma (2, H, W), nominal."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All scenes; the sheet goes to `--work`."""
    made = partial(_all, options.work)
    return {"what": f"{len(SCENES)} drawn scenes of {_FIELDS} fields", **options.kept.row("sheets", made)}


def show(found: dict[str, Any]) -> None:
    bench.table(("scene", "figure", "value"), [(s, k, v) for s, one in found["scenes"].items() for k, v in one.items()])


def _all(work: Path | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        tape, job = folder / "scenes.mkv", folder / "scenes"
        if not (job / "master.mkv").exists():
            deck = Simulator(preset("medium"), 3, NTSC)
            recording = deck.run(_pictures(), [n * _FIELDS for n in range(1, len(SCENES))])
            aspect = deck.signal(Fraction(4, 3)).sample_aspect
            write_frames(tape, recording, deck, "ffv1", aspect, None, 0, lambda frames: None)
            words = [word for one in _SETS for word in ("--set", one)]
            bench.checked(bench.footlights("restore", tape, "-o", job, *words))
        scenes = {name: _judged(name, number, tape, job / "master.mkv") for number, name in enumerate(SCENES)}
        sheet = np.vstack([_row(number, tape, job / "master.mkv") for number in range(len(SCENES))])
        cv2.imwrite(str(folder / "scenes.png"), sheet)
        return {"scenes": scenes}


def _pictures() -> Iterator[Picture]:
    for scene in SCENES.values():
        for field in range(_FIELDS):
            yield np.clip(scene(field), 0, 1).astype(np.float32)


def _stage() -> Picture:
    """A band as shapes with fine texture, in white light."""
    rng = np.random.default_rng(8)
    picture = np.full((_SIZE[1], _SIZE[0], 3), 0.12, np.float32)
    for x, tone in ((120, (0.7, 0.6, 0.5)), (360, (0.3, 0.4, 0.75)), (600, (0.75, 0.7, 0.3)), (800, (0.35, 0.6, 0.4))):
        cv2.rectangle(picture, (x, 220), (x + 110, 640), tone, -1, cv2.LINE_AA)
        cv2.circle(picture, (x + 55, 160), 48, (0.8, 0.62, 0.5), -1, cv2.LINE_AA)
    weave = cv2.GaussianBlur(rng.standard_normal(picture.shape[:2], np.float32), (0, 0), 1.6)
    return np.asarray(picture * (1 + 0.25 * weave[..., None]), np.float32)


def _strobe(field: int) -> Picture:
    return _stage() * np.float32(1.0 if field in _LIT else 0.35)


def _cyclorama(field: int) -> Picture:
    """Orange below, violet above, nearly still; a singer before it."""
    y = np.linspace(0, 1, _SIZE[1], dtype=np.float32)[:, None, None]
    sky = np.array([0.34, 0.16, 0.42], np.float32) * (1 - y) + np.array([0.85, 0.42, 0.16], np.float32) * y
    picture = np.repeat(sky * np.float32(0.9 + 0.002 * field), _SIZE[0], axis=1)
    cv2.ellipse(picture, (480, 620), (60, 200), 0, 0, 360, (0.03, 0.02, 0.03), -1, cv2.LINE_AA)
    return picture


def _red(field: int) -> Picture:
    return np.roll(_stage(), field, axis=1).mean(axis=2, keepdims=True) * _WASH * np.float32(1.6)


def _spot(field: int) -> Picture:
    picture = np.zeros((_SIZE[1], _SIZE[0], 3), np.float32)
    cv2.ellipse(picture, (480 + field, 470), (170, 90), 0, 0, 360, (0.95, 0.93, 0.88), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


def _smoke(field: int) -> Picture:
    rng = np.random.default_rng(4)
    haze = np.zeros((_SIZE[1], _SIZE[0]), np.float32)
    for cell in (30, 60, 120):
        coarse = rng.random((_SIZE[1] // cell + 2, _SIZE[0] // cell + 2), np.float32)
        haze += cv2.resize(coarse, _SIZE, interpolation=cv2.INTER_CUBIC) * cell / 210
    moved = np.roll(haze, 2 * field, axis=1)[..., None]
    return moved * np.array([0.35, 0.4, 0.6], np.float32)


def _faded(field: int) -> Picture:
    grey = _stage().mean(axis=2, keepdims=True)
    return (np.roll(_stage(), field, axis=1) * 0.45 + np.roll(grey, field, axis=1) * 0.25) + 0.08


SCENES: dict[str, Callable[[int], Picture]] = {
    "strobe": _strobe,
    "cyclorama": _cyclorama,
    "red wash": _red,
    "white spot": _spot,
    "smoke": _smoke,
    "faded": _faded,
}


def _judged(name: str, number: int, tape: Path, master: Path) -> dict[str, float]:
    first = number * _FIELDS
    truth, made = _true(name, _SHOWN), _master(master, first + _SHOWN)
    own = _shown(_tape(tape, first + _SHOWN))
    found = {"from the scene, CIEDE2000": _apart(made, truth), "from the tape": _apart(made, own)}
    if name in ("strobe", "red wash"):
        chroma = [
            float(np.abs(cv2.resize(one[1][1], (24, 18), interpolation=cv2.INTER_AREA)).max()) for one in (made, own)
        ]
        found["strongest Cr over the tape's"] = chroma[0] / chroma[1]
    if name == "strobe":
        fields = range(2, _FIELDS - 2)
        shown = [float(_master(master, first + field)[0].mean()) for field in fields]
        drawn = [float(_true(name, field)[0].mean()) for field in fields]
        ratios = [a / b for a, b in zip(shown, drawn, strict=True)]
        found |= {"light of fields, least": min(ratios), "most": max(ratios)}
    if name == "cyclorama":
        enlarged = cv2.resize(_tape(tape, first + _SHOWN)[0], (1440, _LINES), interpolation=cv2.INTER_LANCZOS4)
        part = np.s_[60:700, 40:500]
        found |= {
            "false contours": index((made[0] * 219 + 16)[part]),
            "of the tape enlarged": index(np.rint(enlarged * 219 + 16)[part]),
        }
    if name == "white spot":
        enlarged = cv2.resize(own[0], (1440, _LINES), interpolation=cv2.INTER_CUBIC)
        rims = [
            float(np.quantile(one[555:850, 420:1060], 0.999) - np.median(one[680:730, 600:840]))
            for one in (made[0], enlarged)
        ]
        found |= {"black, codes": float(made[0][:300].mean() * 219), "tape's": float(own[0][:66].mean() * 219)}
        found |= {"rim above the spot, codes": rims[0] * 219, "rim on the tape": rims[1] * 219}
    if name == "smoke":
        contrast = [float(cv2.GaussianBlur(one[0], (0, 0), 8).std()) for one in (made, truth)]
        found |= {"contrast over the scene's": contrast[0] / contrast[1]}
    return {key: round(value, 4) for key, value in found.items()}


def _apart(made: Planes, truth: Planes) -> float:
    """CIEDE2000 between means of 45×60 areas, median."""
    areas = []
    for luma, chroma in (made, truth):
        small = [cv2.resize(plane, (24, 18), interpolation=cv2.INTER_AREA) for plane in (luma, *chroma)]
        areas.append(lab(np.stack(small), Matrix.BT709, Primaries.BT709))
    return float(np.median(delta_e(*areas)))


def _true(name: str, field: int) -> Planes:
    picture = np.clip(SCENES[name](field), 0, 1)
    large = cv2.resize(picture, (1440, _LINES), interpolation=cv2.INTER_CUBIC)
    y, cb, cr = np.moveaxis(cv2.transform(large, colour.rgb_to_ycbcr(Matrix.BT709)), -1, 0).astype(np.float32)
    return y, np.stack([cb, cr])


def _master(video: Path, frame: int) -> Planes:
    return _read(video, frame)


def _tape(video: Path, field: int) -> Planes:
    """A field's lines, on the tape's active samples."""
    luma, chroma = _read(video, field // 2)
    return luma[field % 2 :: 2, 8:712], chroma[:, field % 2 :: 2, 8:712]


def _read(video: Path, frame: int) -> Planes:
    with VideoReader(video, index_video(video)) as reader:
        (picture,) = reader.read(FrameRange(frame, frame + 1))
        bits = reader.layout.bits
    luma = colour.luma_from_codes(picture.planes[0], bits, Range.LIMITED)
    chroma = [colour.chroma_from_codes(plane, bits, Range.LIMITED) for plane in picture.planes[1:3]]
    return luma, np.stack([cv2.resize(plane, luma.shape[::-1], interpolation=cv2.INTER_LINEAR) for plane in chroma])


def _row(number: int, tape: Path, master: Path) -> NDArray[np.uint8]:
    """Tape and master of one scene, side by side, and a part of either at the master's size."""
    field = number * _FIELDS + _SHOWN
    before = [_bgr(_shown(_tape(tape, field))), _bgr(_master(master, field))]
    large = [cv2.resize(one, (1440, _LINES), interpolation=cv2.INTER_CUBIC) for one in before]
    small = [cv2.resize(one, (400, 300), interpolation=cv2.INTER_AREA) for one in large]
    parts = [one[480:780, 560:960] for one in large]
    return np.hstack([*small, *parts])


def _shown(planes: Planes) -> Planes:
    """The tape's colours in BT.709: cameras of 480i saw a red that is more orange."""
    source = (Matrix.SMPTE170M, Primaries.SMPTE170M)
    return colour.convert_primaries(*planes, source, (Matrix.BT709, Primaries.BT709))


def _bgr(planes: Planes) -> NDArray[np.uint8]:
    rgb = cv2.transform(np.stack([planes[0], *planes[1]], axis=-1), colour.ycbcr_to_rgb(Matrix.BT709))
    return np.asarray(np.clip(rgb[..., ::-1] * 255 + 0.5, 0, 255), np.uint8)
