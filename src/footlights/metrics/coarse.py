"""Coarse colour of a video against its reference: what VMAF, which looks at luma alone, does not see.

Encoders that leave colour out of blocks with nothing to code in luma leave squares that keep the colour of a picture
before. So the mean colours of blocks of 64×64 samples, the largest that AV1 codes at once, are compared on pictures
spread over the shot; nothing finer, which is grain and detail, is left in such a mean. The picture's own luma is in
both, so that only colour counts.

Reference: Sharma et al., "The CIEDE2000 color-difference formula", 2005.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from footlights.core.signal import Matrix, Primaries
from footlights.core.time import FrameRange
from footlights.errors import ToolError
from footlights.media.reader import VideoReader
from footlights.metrics.fidelity import delta_e, lab

EVERY = 7
"""Pictures from one to the next: odd, so that every layer of an encoder's pyramid is seen in turn."""
_SHARE = 99.9
"""Percentile over blocks and pictures: on the demo's face one in a thousand is some twenty blocks of a second."""
_WHOLE = "if(lt({0}\\,64)\\,{0}\\,trunc({0}/64)*64)"
_FORMAT = "yuv444p12le"


def graph(first: str, second: str, out: str) -> str:
    """Filters from two labelled inputs of equal pictures to `out`: of every `EVERY`-th picture the means of its blocks,
    one sample each, those of `first` above those of `second`. Blocks that the right and lower edges cut are left out.
    """
    steps = (
        f"select=not(mod(n\\,{EVERY})),settb=AVTB,setpts=1000*N,crop={_WHOLE.format('iw')}:{_WHOLE.format('ih')}:0:0,"
        f"scale=max(1\\,iw/64):max(1\\,ih/64):flags=area+accurate_rnd+full_chroma_int,format={_FORMAT}"
    )
    return f"{first}{steps}[means0];{second}{steps}[means1];[means0][means1]vstack=shortest=1{out}"


def read(path: Path, frames: int) -> float:
    """What one block in a thousand of a video of so many `frames` exceeds, in CIEDE2000, of what `graph` left."""
    with VideoReader(path) as reader:
        found = reader.index.frames
        if found != -(-frames // EVERY) or reader.index.pixel_format != _FORMAT:
            raise ToolError(
                f"colour of {found} frames was compared instead of {-(-frames // EVERY)}",
                "the two files do not hold the same frames",
                "run `footlights verify` on the job",
            )
        steps = [apart(np.stack(one.planes)) for one in reader.read(FrameRange(0, found))]
    return float(np.percentile(steps, _SHARE))


def apart(means: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
    """CIEDE2000 between both halves of means `(3, 2 * rows, columns)` in codes of 12 bits, BT.709."""
    luma, *chroma = means.astype(np.float64)
    rows = len(luma) // 2
    shown = (luma[rows:] - 256) / 3504
    test, reference = ([(plane[half] - 2048) / 3584 for plane in chroma] for half in (slice(rows), slice(rows, None)))
    both = (lab(np.stack([shown, *colour]), Matrix.BT709, Primaries.BT709) for colour in (test, reference))
    return delta_e(*both)
