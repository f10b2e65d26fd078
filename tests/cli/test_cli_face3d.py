"""`footlights face3d`: what it refuses and what it writes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from footlights.errors import FootlightsError, OutputExistsError, SourceError, UsageError
from footlights.pipeline.heads import make_head


def picture(path: Path) -> Path:
    assert cv2.imwrite(str(path), np.full((64, 64, 3), 90, np.uint8))
    return path


@pytest.mark.parametrize(
    ("case", "error"),
    [("no face", SourceError), ("no picture", SourceError), ("missing", SourceError), ("there", OutputExistsError),
     ("name", UsageError), ("folder", UsageError), ("kit", UsageError)],
)  # fmt: skip
def test_bad_input_is_refused_and_nothing_is_written(tmp_path: Path, case: str, error: type[FootlightsError]) -> None:
    shown, output = picture(tmp_path / "view.png"), tmp_path / "out" / "face.obj"
    output.parent.mkdir()
    if case == "no picture":
        shown.write_bytes(b"GIF89a, or not")
    elif case == "missing":
        shown = tmp_path / "nobody.png"
    elif case == "there":
        output.write_text("mine", "utf-8")
    elif case == "name":
        output = output.with_suffix(".stl")
    elif case == "folder":
        output = tmp_path / "nowhere" / "face.obj"
    with pytest.raises(error):
        make_head([shown], output, tmp_path if case == "kit" else None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == (["face.obj"] if case == "there" else [])
