"""Look tables: FFmpeg's own lookup as the oracle, the identity, both ways through a file, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from footlights.core import lookup
from footlights.core.lookup import LookTable
from footlights.errors import LookError
from footlights.media import ffmpeg


def colours(seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (16, 24, 3)).astype(np.float32)


def some_look(size: int = 7) -> LookTable:
    """A cube that bends every channel by the others."""
    grid = lookup.identity(size).values
    red, green, blue = grid[..., 0], grid[..., 1], grid[..., 2]
    bent = np.stack([red**1.3 * (0.8 + 0.2 * green), green**0.9 * (1 - 0.1 * blue), 0.1 + 0.8 * blue * red**0.2], -1)
    return LookTable(bent.astype(np.float32))


@pytest.mark.parametrize("size", [2, 5, 33])
def test_the_identity_changes_nothing_not_even_beyond_its_ends(size: int) -> None:
    wild = colours() * 1.6 - 0.3
    assert lookup.identity(size)(wild) == pytest.approx(wild, abs=2e-6)


def test_tetrahedra_agree_with_ffmpeg(tmp_path: Path) -> None:
    (tmp_path / "look.cube").write_text(lookup.written(some_look()), "utf-8")
    picture = colours()
    planes = [np.round(picture[..., channel] * 65535).astype(np.uint16) for channel in (1, 2, 0)]
    source, target = tmp_path / "in.raw", tmp_path / "out.raw"
    source.write_bytes(b"".join(plane.tobytes() for plane in planes))
    raw = ["-f", "rawvideo", "-pix_fmt", "gbrp16le", "-s", "24x16"]
    graph = f"lut3d=file={tmp_path / 'look.cube'}:interp=tetrahedral"
    ffmpeg.run([*raw, "-i", str(source), "-vf", graph, *raw, str(target)], doing="looking up")
    theirs = np.frombuffer(target.read_bytes(), np.uint16).reshape(3, 16, 24)[[2, 0, 1]] / 65535
    ours = lookup.read(tmp_path / "look.cube")(picture)
    assert np.moveaxis(ours, -1, 0) == pytest.approx(theirs, abs=4e-5)


def test_curves_are_looked_up_per_channel_in_their_own_domain(tmp_path: Path) -> None:
    file = tmp_path / "curve.cube"
    file.write_text(
        '# made by hand\nTITLE "ramp"\nLUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE 0 2\n0 0 0\n.5 1 .25\n1 1 1\n', "utf-8"
    )
    table = lookup.read(file)
    assert table.title == "ramp"
    assert table(np.array([[0.5, 0.5, 1.5]], np.float32))[0] == pytest.approx([0.25, 0.5, 0.625])


@pytest.mark.parametrize("table", [some_look(4), LookTable(np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3))])
def test_a_table_comes_back_from_its_file(tmp_path: Path, table: LookTable) -> None:
    file = tmp_path / "one.cube"
    file.write_text(lookup.written(table), "utf-8")
    assert lookup.read(file).values == pytest.approx(table.values, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither LUT_1D_SIZE nor LUT_3D_SIZE"),
        ("LUT_3D_SIZE 2\n0 0 0\n1 1 1\n", "2 rows instead of 8"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1\n", "line 3"),
        ("LUT_1D_SIZE 2\n0 0 0\nred 1 1\n", "'red 1 1'"),
        ("LUT_3D_SIZE 999\n", "2 to 129"),
        ("LUT_1D_SIZE 2\n0 0 0\nnan 1 1\n", "no numbers"),
        ("LUT_1D_SIZE 2\nDOMAIN_MAX 0 0 0\n0 0 0\n1 1 1\n", "before it begins"),
        ("LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n", "two tables"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "wrong.cube"
    file.write_text(text, "utf-8")
    with pytest.raises(LookError, match="no look table that can be used") as refused:
        lookup.read(file)
    assert words in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LookError, match="cannot be read"):
        lookup.read(tmp_path / "none.cube")
    (tmp_path / "binary.cube").write_bytes(bytes(range(256)))
    with pytest.raises(LookError, match="It is no text"):
        lookup.read(tmp_path / "binary.cube")
