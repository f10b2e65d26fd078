"""What undoing a blended conversion would do: `python benchmarks/conversion_undone.py --data DIR`.

Dev clips as 50 pictures a second, made 59.94 fields by four converters: fields made whole and mixed linearly by their
place in time, by a cubic of four fields, softly over four fields (B-spline), and with weights twice as steep as linear,
as converters do that would rather show one field than two. Noise of 1.5 codes, bwdif, then
`fields.unmix` with the true phase, or one that is 0.04 off. dB of luma over the nearest picture as it is, both against
the source's picture, where it moves by more than six codes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

import bench
import pieces
import quality_tapes as tapes
from conversion import _filled
from footlights.core.clip import Clip, Plane
from footlights.core.signal import FieldOrder
from footlights.core.time import NTSC_FIELD_RATE, FrameRange
from footlights.media.deinterlace import bwdif
from footlights.restoration.unmix import UnmixFields
from footlights.tape.presets import LIGHT
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator

Row = dict[str, Any]
Weights = Callable[[float], Mapping[int, float]]
_RATIO = float(50 / NTSC_FIELD_RATE)
_PHASE, _SIGMA, _MOVES, _ENDS = 1.3, 1.5, 6 / 219, 10


def linear(share: float) -> Mapping[int, float]:
    return {0: 1 - share, 1: share}


def cubic(share: float) -> Mapping[int, float]:
    """Catmull and Rom's."""
    a, b, c = share, share**2, share**3
    return {-1: -a / 2 + b - c / 2, 0: 1 - 2.5 * b + 1.5 * c, 1: a / 2 + 2 * b - 1.5 * c, 2: (c - b) / 2}


def soft(share: float) -> Mapping[int, float]:
    """The cubic B-spline."""
    a, b, c = share, share**2, share**3
    return {-1: (1 - share) ** 3 / 6, 0: (3 * c - 6 * b + 4) / 6, 1: (-3 * c + 3 * b + 3 * a + 1) / 6, 2: c / 6}


def steep(share: float) -> Mapping[int, float]:
    return linear(float(np.clip(2 * share - 0.5, 0, 1)))


CONVERTERS: Mapping[str, Weights] = {"linear": linear, "cubic": cubic, "soft": soft, "steep": steep}


def undone(name: str, scene: list[Plane], seed: int) -> Row:
    """Gains on a clip behind one converter, with the true phase and with one that is off."""
    source = [tapes.truth_of(one)[0] for one in scene]
    shown = _deinterlaced(_converted(source, CONVERTERS[name]), seed)
    row: Row = {"converter": name}
    for off in (0.0, 0.04):
        made = _unmixed(shown, _PHASE + off)
        gains = [_gain(source, number, made, shown) for number in range(_ENDS, len(source) - _ENDS)]
        row[f"{off:g}"] = [round(float(np.mean(gains)), 2), round(min(gains), 2)]
    return row


def _unmixed(shown: Plane, phase: float) -> Plane:
    """All pictures through the stage; as many as its context is long are left as they are at either end."""
    stage = UnmixFields(UnmixFields.Params(phase=phase % 1, stop=len(shown)))
    reach = stage.contract.before
    grey = np.zeros((len(shown), 2, 8, 8), np.float32)
    signal = Simulator(LIGHT, 0, NTSC, FieldOrder.TOP_FIRST).signal()
    clip = Clip(shown, grey, signal, FrameRange(0, len(shown)), Fraction(NTSC_FIELD_RATE))
    made = shown.copy()
    made[reach:-reach] = stage.run(clip).luma
    return made


def _converted(source: list[Plane], weights: Weights) -> list[Plane]:
    fields, made = [_filled(picture, number % 2) for number, picture in enumerate(source)], []
    for number in range(int((len(source) - 4) / _RATIO) // 2 * 2):
        start, share = divmod(number * _RATIO + _PHASE, 1)
        made.append(sum(np.float32(w) * fields[int(start) + k] for k, w in weights(share).items()))
    return [np.asarray(one, np.float32) for one in made]


def _deinterlaced(made: list[Plane], seed: int) -> Plane:
    """Pictures of a tape with noise, one a field."""
    frames = np.stack(made[0::2])
    frames[:, 1::2] = np.stack(made[1::2])[:, 1::2]
    noise = np.random.default_rng(seed).normal(0, _SIGMA / 219, frames.shape)
    grey = np.zeros((len(frames), 2, *frames.shape[1:]), np.float32)
    luma, _ = bwdif((frames + noise).astype(np.float32), grey, top_first=True)
    return luma


def _gain(source: list[Plane], number: int, made: Plane, shown: Plane) -> float:
    true, at = source[number], round((number - _PHASE) / _RATIO)
    nearest, found = shown[at], made[at]
    moving = np.abs(true - source[number - 1]) > _MOVES
    if not moving.any():
        return 0.0
    errors = [float(np.mean((one - true)[moving] ** 2)) for one in (nearest, found)]
    return 10 * float(np.log10(errors[0] / errors[1]))


def main() -> int:
    parser = bench.arguments("conversion_undone", __doc__)
    parser.add_argument("--pictures", type=int, default=40, help="pictures of each clip")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept, rows = bench.machine(), pieces.opened(options), []
    for path in sorted((options.data / "dev_clips").iterdir()):
        if path.suffix in (".mp4", ".mkv"):
            scene = list(tapes.clip_pictures(path, options.pictures))
            if len(scene) == options.pictures:
                rows += list(kept.rows("undone", {path.stem: scene}, CONVERTERS, undone))
    table = []
    for name in CONVERTERS:
        here = [row for row in rows if row["converter"] == name]
        for off in ("0", "0.04"):
            means, worst = [row[off][0] for row in here], [row[off][1] for row in here]
            table.append((name, off, len(here), round(float(np.mean(means)), 2), min(means), max(means), min(worst)))
    facts = {"machine": facts, "commits": kept.commits(), "rows_missing": kept.missing}
    columns = ("converter", "phase off", "clips", "dB", "least", "most", "worst picture")
    bench.write(options.out, facts | {"columns": columns, "summary": table, "rows": rows})
    bench.table(columns, table)
    return pieces.PAUSED if kept.missing else 0


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
