"""SVT-AV1 gives the same bytes whatever its level of parallelism: trials made on one machine hold on another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from footlights.encoding.encoders import SvtAv1, rung_encoder, rung_threads
from footlights.errors import ParameterError, ToolError
from footlights.media import ffmpeg


@pytest.mark.parametrize(("preset", "flat", "quick"), [(6, False, True), (8, False, True), (10, True, False)])
def test_svt_av1_gives_the_same_bytes_with_any_number_of_threads(
    tmp_path: Path, preset: int, flat: bool, quick: bool
) -> None:
    made = []
    for threads in (1, 2):
        words = SvtAv1(preset, threads=threads, flat=flat, quick=quick).arguments(30, (0, 20), Fraction(25))
        assert sum(f":lp={threads}:" in word for word in words) == 1
        path = tmp_path / f"{threads}.mkv"
        source = ["-f", "lavfi", "-i", "testsrc2=s=192x108:r=25", "-frames:v", "40"]
        ffmpeg.run([*source, *words, ffmpeg.file_url(path)], doing="encoding with so many threads")
        made.append(path.read_bytes())
    assert made[0] == made[1]


def test_renditions_of_av1_get_the_one_thread_that_is_safe_for_them() -> None:
    assert rung_threads("av1") == 1 < rung_threads("h264")
    words = rung_encoder("av1", "8", threads=rung_threads("av1")).arguments(30, (0,), Fraction(25))
    assert any(":lp=1:" in word and word.endswith(":hbd-mds=1") for word in words)
    with pytest.raises(ParameterError, match="threads"):
        rung_encoder("av1", "8", threads=2)


def test_an_argument_that_this_build_does_not_know_is_no_line_in_a_log(tmp_path: Path) -> None:
    """Encoded without it, squares of colour would be back and nobody would know."""
    source = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=25", "-frames:v", "4"]
    words = SvtAv1(10).arguments(30, (0,), Fraction(25))
    wrong = [f"{word}:no-such-option=1" if "crf=" in word else word for word in words]
    ffmpeg.run([*source, *words, ffmpeg.file_url(tmp_path / "known.mkv")], doing="encoding")
    with pytest.raises(ToolError, match="no-such-option"):
        ffmpeg.run([*source, *wrong, ffmpeg.file_url(tmp_path / "unknown.mkv")], doing="encoding")
