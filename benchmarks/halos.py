"""Halos of sharpened tapes, measured and taken back: `python benchmarks/halos.py --data DIR`.

Dev clips as the shots of one tape, for tapes of our own simulator (same author) and one that FFmpeg's filters make:
sharpened in the camera by 1.2 dB, as the presets are (`light`, `medium`), or by 4.6 dB at 2.6 MHz, and peaked as the
formats are (`heavy`, `vhs`). Told: what the rule decides from the edges of all shots together.
Then, on the same tapes without noise and codec, dB of luma over the tape as it is, both against the tape without any
sharpening or peaking, where that changes it by more than two codes: through the stage as the rule sets it, `forced`
where the rule leaves the tape alone, and through the best for each clip of nine of FFmpeg's filters that soften
(`ffmpeg`), which no user can know. `net` is what the stage gains behind FieldLift, on the whole tape against the truth,
for some clips. In pieces: rows that are done are kept.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bench
import defects
import pieces
import quality_methods as methods
import quality_tapes as tapes
import repair_own as own
from footlights.analysis import halos
from footlights.config import resolve
from footlights.core.clip import Plane
from footlights.core.plans import Step
from footlights.core.reports import Entry, Shot
from footlights.core.signal import FieldOrder
from footlights.core.tape_reports import HaloReport
from footlights.core.time import FrameRange
from footlights.media.recode import Pictures
from footlights.metrics.halos import equaliser
from footlights.planning.halos import BEFORE_NET, of_shots, rule
from footlights.tape.camera import Detail
from footlights.tape.presets import LIGHT, preset, quiet
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.training.tapes import neutral

Row = dict[str, Any]
_SHARP = Detail(gain_x=0.7, gain_y=0.1, frequency=2.6, coring=1.0)
KINDS: dict[str, tuple[str, Detail | None]] = {
    "light": ("light", None),
    "light, sharpened": ("light", _SHARP),
    "medium": ("medium", None),
    "medium, sharpened": ("medium", _SHARP),
    "heavy": ("heavy", None),
    "vhs": ("vhs", None),
    "elsewhere": (tapes.ELSEWHERE, None),
}
_NONE, _TOUCHED = Detail(gain_x=0.0, gain_y=0.0), 2
_GRAPHS = (
    *(f"gblur=sigma={sigma}:sigmaV=0.01" for sigma in (0.3, 0.4, 0.5, 0.6, 0.8)),
    *(f"unsharp=lx={wide}:ly=3:la={amount}" for wide, amount in product((5, 7), (-0.2, -0.4))),
)
"""FFmpeg's ways to take sharpening back: along the line alone, and in both directions."""


def taped(kind: str, scene: list[Plane], seed: int) -> defects.Made:
    """The scene on a tape of that kind."""
    name, detail = KINDS[kind]
    if name != tapes.ELSEWHERE:
        return defects.made(name, scene, seed, **({"detail": detail} if detail else {}))
    tape = tapes.shot_elsewhere(scene)
    luma = np.clip(np.rint(tape.clip.luma * 219 + 16), 0, 255).astype(np.uint8)
    wanted = tape.truth[0::2].copy()
    wanted[..., 1::2, :] = tape.truth[1::2, ..., 1::2, :]
    pictures = Pictures(luma, np.full((len(luma), 2, 480, 360), 128, np.uint8))
    return defects.Made(pictures, None, wanted, Simulator(LIGHT, seed, NTSC, FieldOrder.TOP_FIRST))  # type: ignore[arg-type]


def seen(kind: str, scene: list[Plane], seed: int) -> Row:
    """What the analysis tells of a shot."""
    tape = taped(kind, scene, seed)
    return asdict(halos.report(defects.columns(tape, "halos"), _shot(tape)))


def mended(kind: str, scene: list[Plane], seed: int, found: list[HaloReport], at: int, net: bool) -> Row:
    """A shot as the rule decides, forced, and through FFmpeg; `found` is what all shots of the tape showed, `at` this
    one's place among them."""
    taps, told = _decided(found, at)
    asked = taps or tuple(equaliser(of_shots(found).profile, BEFORE_NET))
    row: Row = {"told": told}
    name, detail = KINDS[kind]
    if name == tapes.ELSEWHERE:
        return row
    worn = quiet(neutral(preset(name)))
    worn = replace(worn, detail=detail) if detail else worn
    flat = replace(worn, detail=_NONE, tape=replace(worn.tape, peaking=0.0))
    sharp, plain = (own.played(one, scene[:12], seed) for one in (worn, flat))
    before, true = (tapes.clip_of(one.pictures, one.simulator).luma for one in (sharp, plain))
    mask = np.abs(before - true) > _TOUCHED / 219
    forced = methods.repaired("halos.equalise", tapes.clip_of(sharp.pictures, sharp.simulator), taps=asked).luma
    base = _db(before, true, mask)
    others = [_db(own.filtered(sharp.pictures, graph), true, mask) - base for graph in _GRAPHS]
    gain = round(_db(forced, true, mask) - base, 2)
    row |= {"db": gain if taps else 0.0, "forced db": gain, "ffmpeg db": round(max(others), 2)}
    return row | ({"net db": _behind(taped(kind, scene, seed), scene, asked)} if net else {})


def _decided(found: list[HaloReport], at: int) -> tuple[tuple[float, ...], str]:
    """Taps, none where the shot is left alone, and the reason."""
    step = rule(of_shots(found), found[at], resolve((), Path("/dev/null")).settings, net=True)
    taps = step.params["taps"] if isinstance(step, Step) else ()
    assert isinstance(taps, tuple)
    return tuple(float(tap) for tap in taps), step.why


def _behind(tape: defects.Made, scene: list[Plane], taps: tuple[float, ...]) -> float:
    """dB that the filter ahead of FieldLift gains behind it; the first pictures left out."""
    clip = tapes.clip_of(tape.pictures, tape.simulator)
    true = np.stack([tapes.truth_of(tape.simulator.lit(one, number)) for number, one in enumerate(scene)])
    mended = methods.repaired("halos.equalise", clip, taps=taps)
    plain = tapes.tape_of(clip, true)
    made = [methods.fieldlift(replace(plain, clip=one)).pictures for one in (clip, mended)]
    before, after = (_psnr(one[4:, 0], true[4:, 0]) for one in made)
    return round(after - before, 2)


def _db(luma: Plane, true: Plane, mask: NDArray[np.bool_]) -> float:
    return _psnr(luma[mask], true[mask])


def _psnr(made: Plane, true: Plane) -> float:
    return -10 * float(np.log10(np.mean((made - true) ** 2)))


def _shot(tape: defects.Made) -> Shot:
    return Shot(0, FrameRange(0, len(tape.pictures.luma)), 0, Entry.START, 1.0)


def _report(row: Row) -> HaloReport:
    kept = {name: value for name, value in row.items() if name != "clip"}
    return HaloReport(**{name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()})


def main() -> int:
    parser = bench.arguments("halos", __doc__)
    parser.add_argument("--frames", type=int, default=24, help="tape frames per clip")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    parser.add_argument("--net-clips", type=int, default=3, help="clips that go through the net")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    kept, clips = pieces.opened(options), dict(defects.clips_of(options))
    few = list(clips)[:: max(1, len(clips) // max(options.net_clips, 1))][: options.net_clips]
    rows, tapes_seen = [], {}
    for kind in KINDS:
        reports = list(kept.rows("seen", clips, (kind,), seen))
        if len(reports) < len(clips):
            continue
        found = [_report(one) for one in reports]
        whole = of_shots(found)
        tapes_seen[kind] = {"edges": whole.edges, "overshoot": round(whole.overshoot, 4)}
        for at, (name, scene) in enumerate(clips.items()):
            net = name in few and kind != tapes.ELSEWHERE
            make = partial(mended, found=found, at=at, net=net)
            rows += [one | {"tape": kind} for one in kept.rows(f"mended {at}", {name: scene}, (kind,), make)]
    summary = {kind: _summary([one for one in rows if one["tape"] == kind]) for kind in tapes_seen}
    result = {"machine": bench.machine(), "commits": kept.commits(), "rows_missing": kept.missing}
    bench.write(options.out, result | {"tapes": tapes_seen, "summary": summary, "rows": rows})
    bench.table(
        ("tape", "edges", "overshoot", "treated", "dB", "forced", "ffmpeg", "behind the net", "n"),
        [(kind, *tapes_seen[kind].values(), *summary[kind].values()) for kind in summary],
    )
    return pieces.PAUSED if kept.missing else 0


def _summary(rows: list[Row]) -> Row:
    """Means over shots; of the net those shots that went through it."""
    found = {
        key: _spread([row[key] for row in rows if key in row]) for key in ("db", "forced db", "ffmpeg db", "net db")
    }
    return {"treated": sum(row.get("db", 0) != 0 for row in rows), **found, "shots": len(rows)}


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):+.2f} ({min(values):+.2f} to {max(values):+.2f})" if values else ""


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
