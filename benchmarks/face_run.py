"""What following and restoring faces costs of a whole run. Part of `faces.py`.

One tape of short shots, one or two real faces in each, through the simulator (`medium`) and MPEG-2, is restored by the
command without faces, with faces followed, and with TrackFace; processor time of the command with its
children. Nothing is encoded, so that the shares are higher than those of a run that encodes.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import bench
from face_strips import FIELDS, SHOTS, scenes_of
from footlights.core.time import FrameRange
from footlights.pipeline.simulate import write_frames
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.training.tapes import known_tape

_ALWAYS = ("encoding.enabled=false",)
_ARMS = {
    "without faces": ("restoration.faces.enabled=false", "analysis.faces.enabled=false"),
    "followed": ("restoration.faces.restore=false",),
    "restored": ("restoration.faces.restore=true",),
}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make the tape and restore it three times."""
    shots = SHOTS[: options.shots]
    with tempfile.TemporaryDirectory(prefix="faces-") as folder:
        work = Path(folder)
        _make(options.data, work / "tape.mpg", options.shots)
        times = {}
        for name, sets in _ARMS.items():
            words = [word for one in (*_ALWAYS, *sets, *options.sets) for word in ("--set", one)]
            out = work / name.replace(" ", "-")
            times[name] = bench.checked(bench.footlights("restore", work / "tape.mpg", "-o", out, *words)).cpu_seconds
    whole = times["without faces"]
    return {
        "frames": len(shots) * FIELDS // 2,
        "settings": list(options.sets),
        "cpu_seconds": {name: round(spent, 1) for name, spent in times.items()},
        "share_followed": round(1 - whole / times["followed"], 3),
        "share_restored": round(1 - whole / times["restored"], 3),
    }


def _make(data: Path, path: Path, count: int) -> None:
    """Write the tape."""
    simulator = Simulator(known_tape("medium").preset, 21, NTSC)
    scenes = (scene for shot in SHOTS[:count] for scene in scenes_of(data, shot))
    cuts = [number * FIELDS for number in range(1, count)]
    recording = simulator.run(scenes, cuts, frames=FrameRange(0, count * FIELDS // 2))
    aspect = simulator.signal(Fraction(4, 3)).sample_aspect
    write_frames(path, recording, simulator, "mpeg2", aspect, None, 8_000_000, lambda _: None)
