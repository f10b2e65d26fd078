"""The sample tape of `footlights demo`: a painted stage, three seconds, recorded on a simulated Betacam SP."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from footlights.core import records
from footlights.media.tone import write_tone
from footlights.pipeline.sample.stage import CUT, FIELDS, pictures
from footlights.pipeline.simulate import write_frames
from footlights.tape.defects import Defects
from footlights.tape.presets import preset
from footlights.tape.simulate import Simulator
from footlights.tape.truth import Truth

NAME = "sample.mpg"
TRUTH = "sample.truth.json"
_SEED = 2000
_BIT_RATE = 7_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample tape on disk."""

    path: Path
    truth: Path
    made: bool
    """False where it was there already."""


def tape(folder: Path) -> Sample:
    """Make the sample tape in `folder`, or find it there. The same bytes every time."""
    path, truth = folder / NAME, folder / TRUTH
    if path.is_file() and truth.is_file():
        return Sample(path, truth, made=False)
    folder.mkdir(parents=True, exist_ok=True)
    records.write(truth, records.dumps(_make(path)))
    return Sample(path, truth, made=True)


def simulator() -> Simulator:
    """The deck the sample was recorded on: Betacam SP with more dropouts than usual, so that there is some to mend."""
    chosen = preset("medium")
    losses = replace(chosen.losses, lost_frame_rate=0.012)
    return Simulator(replace(chosen, defects=Defects(dropout_rate=0.6, compensated=0.3), losses=losses), seed=_SEED)


def _make(path: Path) -> Truth:
    deck = simulator()
    recording = deck.run(pictures(), cuts=[CUT])
    part, sound = path.with_name(f".{path.stem}.part{path.suffix}"), path.with_name(f".{path.stem}.part.wav")
    try:
        write_tone(sound, seconds=FIELDS / (2 * deck.raster.standard.frame_rate))
        aspect = deck.signal(Fraction(4, 3)).sample_aspect
        write_frames(part, recording, deck, "mpeg2", aspect, sound, _BIT_RATE, lambda frames: None)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
        sound.unlink(missing_ok=True)
    return recording.truth()
