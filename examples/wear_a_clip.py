"""Simulate a worn tape of a clean clip, and say what is wrong: python examples/wear_a_clip.py CLIP TAPE [SEED]

CLIP is progressive video, best at field rate (50p or 59.94p); the name of TAPE chooses the format: .mpg, .dv, .avi,
.mov or .mkv. The truth is known exactly, so whatever looks for these faults can be judged.
"""

from __future__ import annotations

import sys
from pathlib import Path

from footlights.core import records
from footlights.pipeline.simulate import TapeChoice, make_tape
from footlights.tape.truth import Truth


def progress(frames: int) -> None:
    """Called with the number of frames done."""
    print(f"\r{frames} frames", end="", file=sys.stderr)


def main(clip: Path, tape: Path, seed: int = 1) -> Truth:
    """Make the tape and print its faults; the truth lies beside it as TAPE.truth.json."""
    made = make_tape(clip, tape, TapeChoice(preset="heavy", seed=seed), progress)
    print(file=sys.stderr)
    truth = records.read(Truth, made.truth_file)
    print(f"{made.tape}: {truth.frames} frames at {truth.rate} a second, {truth.field_order}")
    print(f"noise: sigma {truth.noise.luma_sigma:.2f} codes in luma, {truth.noise.cb_sigma:.2f} in Cb")
    print(f"lost frames {list(truth.lost_frames)}, lost fields {list(truth.lost_fields)}")
    for dropout in truth.dropouts[:10]:
        print(f"dropout in field {dropout.field}, line {dropout.line}")
    if len(truth.dropouts) > 10:
        print(f"… and {len(truth.dropouts) - 10} more")
    return truth


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
