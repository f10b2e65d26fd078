"""What the scan costs: processor milliseconds a frame of every analyser: `python benchmarks/scan_speed.py --data DIR`.

A `heavy` tape of a dev clip, 720×480i59.94, taken in losslessly; its frames are read, hashed and shown to every
analyser as the scan does, after three frames have loaded what must be loaded; faces are searched on two of the sixty
that count. `around` is what a part of the tape costs besides its own frames (those around it, which some analysers ask
for, and all it takes to begin), shared among its frames. Processor time of all threads, so that a busy machine disturbs
it less; two hours of tape take `sum` × 215784 on one core. footlights is imported first, as in the scan: OpenBLAS then
computes with one thread, and its others do not count while they wait.
"""

from __future__ import annotations

import footlights  # noqa: F401  # isort: skip

import sys
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import process_time
from typing import Any

import cv2

import bench
import quality_tapes as tapes
from footlights.analysis import survey
from footlights.analysis.base import ANALYSERS, Notes, Scene
from footlights.analysis.view import FrameView
from footlights.config import resolve
from footlights.core.signal import FieldOrder
from footlights.core.time import FrameRange
from footlights.ingest import ingest as taking_in
from footlights.media.lossless import frame_digest
from footlights.media.reader import VideoReader
from footlights.pipeline.simulate import write_frames
from footlights.settings import AnalysisSettings
from footlights.tape.presets import preset
from footlights.tape.raster import NTSC
from footlights.tape.schedule import Losses
from footlights.tape.simulate import Simulator

_HISTORY = 8
_FIRST = 3
"""Frames that load what must be loaded: faces are searched on the third, and every thirty frames from there."""
_REAL_TIME = 1001 / 30
"""Milliseconds a frame lasts."""


def made(data: Path, clip: str, frames: int, folder: Path) -> Path:
    """A tape of a clip that is shown forward and backward."""
    path = next((data / "dev_clips").glob(f"{clip}*"))
    shown = list(tapes.clip_pictures(path, 24))
    scene = [shown[n % 24 if n // 24 % 2 == 0 else 23 - n % 24] for n in range(2 * frames)]
    simulator = Simulator(replace(preset("heavy"), losses=Losses()), 7, NTSC, FieldOrder.TOP_FIRST)
    recording = simulator.run(iter(scene), frames=FrameRange(0, frames))
    aspect = simulator.signal(Fraction(4, 3)).sample_aspect
    write_frames(folder / "tape.mkv", recording, simulator, "ffv1", aspect, None, 0, lambda _: None)
    return folder / "tape.mkv"


def timed(tape: Path, folder: Path) -> dict[str, float]:
    """Processor milliseconds a frame: reading, hashing, views, every analyser."""
    settings = resolve((), Path("/dev/null")).settings
    folder.mkdir()
    taking_in.ingest(tape, folder, settings.ingest, sha256="0" * 64, progress=lambda _: None)
    record, reader = taking_in.open_ingest(folder)
    scene = Scene(record, settings.analysis)
    names = tuple(ANALYSERS.names())
    analysers = {name: ANALYSERS.get(name)(scene) for name in names}
    notes = {name: Notes(analysers[name].columns, FrameRange(0, record.frames)) for name in names}
    spent = dict.fromkeys(("read", "hash", "views", *names), 0.0)
    views: list[FrameView] = []
    last = process_time()

    def lap(name: str) -> None:
        nonlocal last
        now = process_time()
        if views and views[-1].number >= _FIRST - (name == "read"):
            spent[name] += now - last
        last = now

    # Decoded in turn with the rest, so that what it costs is not found in what runs beside it.
    with VideoReader(reader.path, reader.index, threads=1) as reader:
        for picture in reader.read(FrameRange(0, record.frames)):
            lap("read")
            frame_digest(picture.planes)
            lap("hash")
            view = FrameView(picture.number, picture.planes, reader.layout, scene.signal)
            views = [*views[-_HISTORY + 1 :], view]
            _ = view.descriptors, view.fields
            lap("views")
            for name, analyser in analysers.items():
                analyser.look(views[-(1 + max(analyser.before, 0) + max(analyser.after, 0)) :], notes[name])
                lap(name)
    found = {name: 1000 * value / (record.frames - _FIRST) for name, value in spent.items()}
    found["around"] = 1000 * around(folder, settings.analysis) / settings.analysis.part
    return {name: round(value, 2) for name, value in found.items()}


def around(folder: Path, settings: AnalysisSettings) -> float:
    """Processor seconds that a part costs besides its own frames, of which this one has two; not the first part that a
    process measures."""
    record, reader = taking_in.open_ingest(folder)
    digests, middle = taking_in.read_hashes(folder), record.frames // 2
    with reader:
        for _ in range(2):
            begin = process_time()
            survey.measure(record, reader, digests, FrameRange(middle, middle + 2), settings, lambda _: None)
    return process_time() - begin


def main() -> int:
    parser = bench.arguments("scan_speed", __doc__)
    parser.add_argument("--clip", default="school_show")
    parser.add_argument("--frames", type=int, default=63)
    options = bench.parsed(parser)
    cv2.setNumThreads(1)
    facts: dict[str, Any] = bench.machine()
    with tempfile.TemporaryDirectory() as folder:
        tape = made(options.data, options.clip, options.frames, Path(folder))
        spent = timed(tape, Path(folder) / "ingest")
    total = round(sum(spent.values()), 1)
    result = {
        "machine": facts,
        "frames": options.frames,
        "ms_per_frame": dict(sorted(spent.items(), key=lambda one: -one[1])),
        "sum": total,
        "times_real_time_on_two_cores": round(2 * _REAL_TIME / total, 2),
    }
    bench.table(("part", "ms a frame"), result["ms_per_frame"].items())
    print("sum", total, "ms; on two cores", result["times_real_time_on_two_cores"], "times real time")
    bench.write(options.out, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
