"""Makes `docs/defects.md` and its pictures: every defect of the dictionary beside the clean picture.

    python docs/pictures/make_defects.py

The stage is our own drawing (its singer is synthetic, see NOTICE.md); the tape is `footlights.tape`. Defects of time
are composed from its frames, defects of sound are drawn as wave forms.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.view import rgb_from_codes
from footlights.core.defects import Defect
from footlights.core.reports import CadenceKind
from footlights.pipeline.sample import stage
from footlights.report.dictionary import DICTIONARY
from footlights.tape import formats
from footlights.tape.camera import Detail, Sensor
from footlights.tape.composite import Composite, Decoder
from footlights.tape.defects import Defects
from footlights.tape.levels import Levels
from footlights.tape.noise import TapeNoise
from footlights.tape.presets import NEUTRAL, Preset
from footlights.tape.simulate import Simulator
from footlights.tape.timebase import TimeBase

DOCS = Path(__file__).parents[1]
FOLDER = "pictures/defects"
PAGE = "defects.md"
LINES, QUALITY = 264, 72

Picture = NDArray[np.uint8]
"""(H, W, 3) R'G'B'."""
Codes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

TAPES: dict[Defect, Preset] = {
    Defect.NOISE: replace(NEUTRAL, sensor=Sensor(luma_sigma=7, knee=1.2)),
    Defect.CHROMA_NOISE: replace(NEUTRAL, noise=TapeNoise(chroma_sigma=10, streak=24)),
    Defect.DROPOUT: replace(NEUTRAL, defects=Defects(dropout_rate=14, compensated=0.4)),
    Defect.HEAD_SWITCHING: replace(NEUTRAL, defects=Defects(switch_lines=8, switch_shift=50, switch_noise=20)),
    Defect.LINE_JITTER: replace(NEUTRAL, timebase=TimeBase(jitter=1.4, jitter_memory=0.8)),
    Defect.SKEW: replace(NEUTRAL, timebase=TimeBase(skew=16, skew_lines=18)),
    Defect.HALOS: replace(NEUTRAL, detail=Detail(gain_x=1.0, frequency=2.2, gain_y=0.0)),
    Defect.SOFTNESS: replace(NEUTRAL, tape=replace(formats.VHS_SP, generations=2)),
    Defect.DOT_CRAWL: replace(NEUTRAL, recording=Composite(decoder=Decoder.NOTCH, leak=0.35)),
    Defect.CROSS_COLOUR: replace(NEUTRAL, recording=Composite(decoder=Decoder.NOTCH)),
    Defect.CLIPPING: replace(NEUTRAL, levels=Levels(gain=1.15, pedestal=5)),
}
"""Tapes whose one fault is the defect."""


def frames(preset: Preset, first: int = 0, count: int = 1, *, interlaced: bool = False) -> list[Codes]:
    """Frames of the painted stage on a tape: Y, Cb and Cr, (480, 704) and (480, 352)."""
    scan = CadenceKind.INTERLACED if interlaced else CadenceKind.PROGRESSIVE
    simulator = Simulator(preset, seed=5, scan=scan)
    pictures = islice(stage.pictures(), first, first + 2 * count + 8)
    made = list(islice(simulator.run(pictures), count))
    return [tuple(plane.astype(np.uint8) for plane in (one.y, one.cb, one.cr)) for one in made]  # type: ignore[misc]


def shown(codes: Codes) -> Picture:
    """As on a screen, 4:3."""
    y, *chroma = codes
    cb, cr = (cv2.resize(plane, y.shape[::-1], interpolation=cv2.INTER_LINEAR) for plane in chroma)
    picture = rgb_from_codes(y, np.asarray(cb, np.uint8), np.asarray(cr, np.uint8))[:, 8:712]
    return np.asarray(cv2.resize(picture, (640, 480), interpolation=cv2.INTER_AREA), np.uint8)


def beside(*pictures: Picture, lines: int = LINES) -> Picture:
    """Pictures of one height with white between them."""
    fitted = [
        cv2.resize(one, (round(one.shape[1] * lines / one.shape[0]), lines), interpolation=cv2.INTER_AREA)
        for one in pictures
    ]
    line = np.full((lines, 6, 3), 255, np.uint8)
    return np.hstack([part for one in fitted for part in (one, line)][:-1])


def picture(defect: Defect, lines: int = LINES) -> Picture:
    """The clean picture beside the defect."""
    if defect.startswith("sound-"):
        return _wave(defect, lines)
    if defect in TAPES:
        return _tape(defect, TAPES[defect], lines)
    return COMPOSED[defect](lines)


def _tape(name: str, preset: Preset, lines: int) -> Picture:
    (clean,), (worn,) = frames(NEUTRAL), frames(preset)
    left, right = shown(clean), shown(worn)
    if name == Defect.HEAD_SWITCHING:
        left, right = left[300:], right[300:]
    elif name == Defect.SKEW:
        left, right = left[:120, :200], right[:120, :200]
    elif name == Defect.LINE_JITTER:
        left, right = left[180:380, 140:440], right[180:380, 140:440]
    elif name in (Defect.DOT_CRAWL, Defect.CROSS_COLOUR):
        left, right = left[60:260, 160:480], right[60:260, 160:480]
    return beside(left, right, lines=lines)


def _strip(order: tuple[int | None, ...]) -> Callable[[int], Picture]:
    """Four frames in a row; None is a hole."""

    def made(lines: int) -> Picture:
        row = [shown(one)[180:460, 120:400] for one in frames(NEUTRAL, count=13)[::4]]
        hole = np.full_like(row[0], 60)
        return beside(*(hole if index is None else row[index] for index in order), lines=lines * 2 // 3)

    return made


def _changed(change: Callable[[Codes], Codes]) -> Callable[[int], Picture]:
    def made(lines: int) -> Picture:
        (clean,) = frames(NEUTRAL)
        return beside(shown(clean), shown(change(clean)), lines=lines)

    return made


def _delayed(codes: Codes) -> Codes:
    return codes[0], *(np.roll(plane, (4, 5), (0, 1)) for plane in codes[1:])  # type: ignore[return-value]


def _cast(codes: Codes) -> Codes:
    return codes[0], codes[1] - 9, codes[2] + 9


def _bordered(codes: Codes) -> Codes:
    y, cb, cr = (plane.copy() for plane in codes)
    for plane, black in ((y, 16), (cb, 128), (cr, 128)):
        plane[:48] = plane[-48:] = black
        plane[:, : plane.shape[1] // 20] = black
    return y, cb, cr


def _damaged(lines: int) -> Picture:
    clean, later = frames(NEUTRAL, count=20)[::19]
    torn = tuple(plane.copy() for plane in clean)
    rng = np.random.default_rng(3)
    for row in range(192, 336, 16):
        reach = int(rng.integers(6, 44))
        for plane, other, unit in zip(torn, later, (16, 8, 8), strict=True):
            plane[row : row + 16, unit * reach :] = np.roll(other[row : row + 16, unit * reach :], unit * 3, axis=1)
    return beside(shown(clean), shown(torn), lines=lines)  # type: ignore[arg-type]


def _combed(lines: int) -> Picture:
    (clean,), (woven,) = frames(NEUTRAL, 8), frames(NEUTRAL, 8, interlaced=True)
    return beside(shown(clean)[220:420, 140:420], shown(woven)[220:420, 140:420], lines=lines)


def _blended(lines: int) -> Picture:
    """The mixtures of a source's fields with those that follow: none, a third, half, two thirds."""
    first, second = (tuple(plane.astype(np.float32) for plane in one) for one in frames(NEUTRAL, 8, count=4)[::3])
    shares = (0.0, 1 / 3, 1 / 2, 2 / 3)
    mixed = [tuple((1 - s) * a + s * b for a, b in zip(first, second, strict=True)) for s in shares]
    row = [shown(tuple(plane.astype(np.uint8) for plane in one))[220:420, 140:420] for one in mixed]  # type: ignore[arg-type]
    return beside(*row, lines=lines * 2 // 3)


def _lost_field(lines: int) -> Picture:
    (clean,) = frames(NEUTRAL)
    stepped = tuple(np.repeat(plane[0::2], 2, axis=0) for plane in clean)
    return beside(shown(clean)[60:220, 140:420], shown(stepped)[60:220, 140:420], lines=lines)  # type: ignore[arg-type]


def _blocky(codes: Codes, lowest: int = 26, rise: int = 22) -> Codes:
    y, cb, cr = codes
    matrix = cv2.dct(np.eye(8, dtype=np.float32), flags=cv2.DCT_ROWS).T
    blocks = y[:480, :720].reshape(60, 8, 90, 8).swapaxes(1, 2).astype(np.float32) - 128
    coefficients = matrix @ blocks @ matrix.T
    weights = lowest + rise * np.add.outer(np.arange(8), np.arange(8))
    rounded = matrix.T @ (np.round(coefficients / weights) * weights) @ matrix + 128
    return np.clip(rounded.swapaxes(1, 2).reshape(480, 720), 0, 255).astype(np.uint8), cb, cr


def _blocked(lines: int) -> Picture:
    (clean,) = frames(NEUTRAL)
    return beside(shown(clean)[180:380, 140:440], shown(_blocky(clean))[180:380, 140:440], lines=lines)


def _coarse(lines: int) -> Picture:
    (clean,) = frames(TAPES[Defect.NOISE])
    return beside(shown(clean)[180:380, 140:440], shown(_blocky(clean, 24, 3))[180:380, 140:440], lines=lines)


def _levelled(low: int, high: int) -> Callable[[Codes], Codes]:
    """Codes stretched from `low` and `high` to 16 and 235, cut off beyond."""

    def change(codes: Codes) -> Codes:
        y = (codes[0].astype(np.float32) - low) * 219 / (high - low) + 16
        return np.clip(y, 16, 235).astype(np.uint8), codes[1], codes[2]

    return change


def _jumped(codes: Codes) -> Codes:
    return tuple(np.roll(plane, 26, axis=0) for plane in codes)  # type: ignore[return-value]


def _flickering(lines: int) -> Picture:
    row = [shown(one)[180:460, 120:400] for one in frames(NEUTRAL, count=4)]
    gains = (1.0, 0.7, 1.25, 0.8)
    lit = [np.clip(one * gain, 0, 255).astype(np.uint8) for one, gain in zip(row, gains, strict=True)]
    return beside(*lit, lines=lines * 2 // 3)


COMPOSED: dict[Defect, Callable[[int], Picture]] = {
    Defect.LOST_FRAME: _strip((0, 1, None, 3)),
    Defect.DUPLICATE_FRAME: _strip((0, 1, 1, 3)),
    Defect.WRONG_FIELD_ORDER: _strip((1, 0, 3, 2)),
    Defect.LOST_FIELD: _lost_field,
    Defect.DAMAGED_FRAME: _damaged,
    Defect.VERTICAL_JUMP: _changed(_jumped),
    Defect.BLOCKING: _blocked,
    Defect.QUANTISATION: _coarse,
    Defect.CRUSHED: _changed(_levelled(50, 235)),
    Defect.SETUP: _changed(_levelled(-2, 235)),
    Defect.WRONG_RANGE: _changed(_levelled(35, 216)),
    Defect.BLANK_BORDERS: _changed(_bordered),
    Defect.CHROMA_DELAY: _changed(_delayed),
    Defect.CAST: _changed(_cast),
    Defect.COMBING: _combed,
    Defect.BLENDED_FIELDS: _blended,
    Defect.FLICKER: _flickering,
}


def _wave(defect: Defect, lines: int) -> Picture:
    """Two channels of a decaying chord, clean on the left, with the defect on the right."""
    time = np.linspace(0, 1, 1200)
    clean = np.exp(-2 * (time % 0.5)) * (np.sin(2 * np.pi * 22 * time) + 0.5 * np.sin(2 * np.pi * 33 * time)) * 0.6
    sides = np.stack([clean, 0.9 * clean])
    gap = (time > 0.3) & (time < 0.36)
    late = np.stack([clean, np.interp(time - 0.08 * time, time, 0.9 * clean)])
    worn = {
        Defect.SOUND_CLIPPING: np.clip(2.2 * sides, -0.8, 0.8),
        Defect.SOUND_DROPOUT: np.where(gap, 0.02 * sides, sides),
        Defect.SOUND_MISSING: np.where((time > 0.3) & (time < 0.6), np.nan, sides),
        Defect.SOUND_DRIFT: late,
        Defect.SOUND_HUM: 0.6 * sides + 0.25 * np.sin(2 * np.pi * 60 * time),
        Defect.SOUND_BALANCE: sides * np.array([[1.0], [0.15]]),
        Defect.SOUND_PHASE: sides * np.array([[1.0], [-1.0]]),
    }[defect]
    return beside(_drawn(sides), _drawn(worn), lines=lines)


def _drawn(sides: NDArray[np.float64]) -> Picture:
    canvas = np.full((480, 640, 3), 32, np.uint8)
    for row, wave in enumerate(sides):
        x = np.linspace(0, 639, len(wave))
        points = np.stack([x, 120 + 240 * row - 105 * wave], axis=1)[np.isfinite(wave)]
        parts = np.split(points, np.flatnonzero(np.diff(points[:, 0]) > 2) + 1)
        cv2.polylines(
            canvas, [np.round(part).astype(np.int32) for part in parts], False, (255, 184, 77), 2, cv2.LINE_AA
        )
    return canvas


def markdown() -> str:
    """The dictionary as a page."""
    parts = [
        "# Defects of tapes\n",
        "What the scan report names, in words and pictures: on the left as it was, on the right with the defect. The",
        "pictures are our own drawing on simulated tapes; `docs/pictures/make_defects.py` makes this page from the",
        "program's dictionary (`report/dictionary.py`). Severities in the report are slight, marked and heavy.\n",
        " · ".join(f"[{DICTIONARY[one].title}](#{one})" for one in Defect) + "\n",
    ]
    for one in Defect:
        entry = DICTIONARY[one]
        stages = ", ".join(f"`{name}`" for name in entry.stages) or "none"
        parts += [
            f'<a id="{one}"></a>\n\n## {entry.title}\n',
            f"![{entry.title}: clean, and with the defect]({FOLDER}/{one}.webp)\n",
            f"{entry.looks} {entry.cause}\n",
            f"- **Name in the report:** `{one}`",
            f"- **Measured:** {entry.measured}",
            f"- **Treated:** {entry.treated} Stages: {stages}.",
            f"- **Beyond mending:** {entry.beyond}\n",
        ]
    return "\n".join(parts)


def main(docs: Path = DOCS, lines: int = LINES) -> None:
    """Write the page and all pictures below `docs`."""
    folder = docs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for defect in Defect:
        ok, data = cv2.imencode(".webp", picture(defect, lines)[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
        assert ok, "a picture can always be encoded"
        (folder / f"{defect}.webp").write_bytes(bytes(data))
    (docs / PAGE).write_text(markdown(), "utf-8")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
