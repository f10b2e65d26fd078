"""Restore a few frames with a chain of one's own: python examples/restore_range.py TAPE FIRST STOP OUT.mkv [LINES]

No job and no plan: the tape is taken in, frames FIRST to STOP (half-open) go through stages chosen here, and the result
is written as lossless FFV1. The way to try a stage, or a parameter, on a few pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from footlights.core.plans import Step, Value
from footlights.core.records import file_digest
from footlights.core.signal import FieldOrder
from footlights.core.time import FrameRange
from footlights.encoding.encoders import Ffv1
from footlights.ingest.ingest import ingest, open_ingest
from footlights.media.ffmpeg import EncoderPipe, RawFormat, file_url
from footlights.pipeline.pictures import Cuts, Quantiser, source_blocks
from footlights.planning.geometry import lay_out
from footlights.restoration import chain
from footlights.restoration.base import STAGES, Stage, build
from footlights.settings import GeometrySettings, IngestSettings


def stage(name: str, **params: Value) -> Stage:
    """A stage by its name, as a plan holds it; parameters left out have their defaults."""
    return build(Step(name, STAGES.get(name).version, params, why="chosen by hand"))


def main(tape: Path, slots: FrameRange, out: Path, lines: int = 2160) -> int:
    """Write the restored pictures to `out`; returns how many. `slots` must lie in one shot."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        record = ingest(tape, folder, IngestSettings(), sha256=file_digest(tape), progress=lambda frames: None)
        shape = lay_out(record.source, GeometrySettings(height=lines))
        signal = record.source.signal
        stages = [
            stage("deinterlace.bwdif", top_first=signal.field_order is not FieldOrder.BOTTOM_FIRST),
            stage("denoise.motion", radius=1, sigmas=(2.5,), chroma_sigma=2.0),
            stage("colour.convert", matrix=int(signal.matrix), primaries=int(signal.primaries)),
            stage("upscale.lanczos", width=shape.width, height=shape.height, crop=shape.crop),
        ]
        factor = int(chain.rate_factor(stages))  # a whole number: no step here converts the rate
        wanted, rate = FrameRange(slots.start * factor, slots.stop * factor), record.source.rate * factor
        raw, quantiser = RawFormat(shape.width, shape.height, "yuv420p10le", str(rate)), Quantiser(seed=1)
        with open_ingest(folder)[1] as reader:
            cuts = Cuts(slots, starts_late=False, ends_late=False)
            blocks = source_blocks(record, reader, slots, cuts, signal.field_order)
            with EncoderPipe(raw, [*Ffv1().arguments(0, (), rate), file_url(out)], doing=f"writing {out}") as pipe:
                for clip in chain.run(stages, blocks, wanted):
                    for plane in (plane for index in range(len(clip)) for plane in quantiser.codes(clip, index)):
                        pipe.write(plane)
    return len(wanted)


if __name__ == "__main__":
    first, stop = int(sys.argv[2]), int(sys.argv[3])
    print(main(Path(sys.argv[1]), FrameRange(first, stop), Path(sys.argv[4]), *map(int, sys.argv[5:6])), "pictures")
