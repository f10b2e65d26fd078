"""Makes `presets.jpg`: places of a tape and of the masters of the three presets, side by side, at the master's size.

    python docs/pictures/make_presets.py CLIP WORK

CLIP is the video by cottonbro studio on Pexels (number 6649832, Pexels License; see NOTICE.md); WORK a folder for the
tape and the three jobs, which are made if they are not there. The tape is simulated with the preset `medium`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core import colour
from footlights.core.signal import Matrix, Range
from footlights.core.time import FrameRange
from footlights.media import ffmpeg
from footlights.media.reader import VideoReader, index_video
from footlights.pipeline import job as jobs
from footlights.pipeline import run
from footlights.pipeline.simulate import TapeChoice, make_tape
from footlights.presets import PRESETS

OUT = Path(__file__).with_name("presets.jpg")
QUALITY = 86
SECONDS, FIELDS = "4", "16"
"""Where in the clip, and how much of it."""
FRAME = 9
"""Picture of the master that is shown; the tape's frame is half of it."""
PLACES = ((0.56, 0.22), (0.57, 0.01))
"""Left and top of the places, as shares of the picture's height."""
SIDE = 300
"""Samples of the master on each side of a place."""
SETS = ("encoding.enabled=false", "analysis.faces.enabled=false")

Picture = NDArray[np.uint8]
"""(H, W, 3) B'G'R', as OpenCV takes it."""


def main(clip: Path, work: Path) -> None:
    """Restore three times, and put the places side by side."""
    work.mkdir(parents=True, exist_ok=True)
    tape = _tape(clip, work)
    columns = []
    for preset in PRESETS:
        folder = work / preset
        if not (folder / "master.mkv").is_file():
            run.restore(jobs.open_job(tape, folder, SETS, Path("/dev/null"), preset), lambda event: None)
        master = _shown(folder / "master.mkv", FRAME, Matrix.BT709)
        columns.append(_column(master, f"--{preset}"))
    before = _column(_woven(tape, master.shape[1::-1]), "the tape")
    cv2.imwrite(str(OUT), np.hstack([before, *columns]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _tape(clip: Path, work: Path) -> Path:
    """A few frames of the clip on a simulated Betacam SP."""
    clean, tape = work / "clean.mkv", work / "tape.mkv"
    if not tape.exists():
        cut = ["-ss", SECONDS, *ffmpeg.input_arguments(clip), "-an", "-frames:v", FIELDS, "-c:v", "ffv1"]
        ffmpeg.run([*cut, "-y", ffmpeg.file_url(clean)], doing="cutting the clip")
        make_tape(clean, tape, TapeChoice(preset="medium", standard="ntsc"), lambda frames: None)
    return tape


def _woven(tape: Path, size: tuple[int, ...]) -> Picture:
    """The tape's active picture, both fields as they lie, at the master's size."""
    shown = _shown(tape, FRAME // 2, Matrix.SMPTE170M)[:, 8:712]
    return np.asarray(cv2.resize(shown, (size[0], size[1]), interpolation=cv2.INTER_CUBIC), np.uint8)


def _shown(video: Path, frame: int, matrix: Matrix) -> Picture:
    with VideoReader(video, index_video(video)) as reader:
        (picture,) = reader.read(FrameRange(frame, frame + 1))
        bits = reader.layout.bits
    luma = colour.luma_from_codes(picture.planes[0], bits, Range.LIMITED)
    size = (luma.shape[1], luma.shape[0])
    chroma = [colour.chroma_from_codes(plane, bits, Range.LIMITED) for plane in picture.planes[1:3]]
    wide = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in chroma]
    rgb = cv2.transform(np.stack([luma, *wide], axis=-1), colour.ycbcr_to_rgb(matrix))
    return np.asarray(np.clip(rgb[..., ::-1] * 255 + 0.5, 0, 255), np.uint8)


def _column(picture: Picture, name: str) -> Picture:
    """The places under each other, the name on the first."""
    height = picture.shape[0]
    corners = [(round(left * height), round(top * height)) for left, top in PLACES]
    cells = np.vstack([picture[top : top + SIDE, left : left + SIDE] for left, top in corners])
    for shade, width in ((0, 4), (255, 1)):
        cv2.putText(cells, name, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.65, (shade,) * 3, width, cv2.LINE_AA)
    return cells


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
