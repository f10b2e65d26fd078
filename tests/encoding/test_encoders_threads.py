"""SVT-AV1 gives the same bytes whatever its level of parallelism: trials made on one machine hold on another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from footlights.encoding.encoders import SvtAv1
from footlights.media import ffmpeg


@pytest.mark.parametrize("preset", [6, 8])
def test_svt_av1_gives_the_same_bytes_with_any_number_of_threads(tmp_path: Path, preset: int) -> None:
    plain = SvtAv1(preset).arguments(30, (0, 20), Fraction(25))
    assert sum(":lp=1:" in word for word in plain) == 1
    made = []
    for level in (1, 2):
        path = tmp_path / f"{level}.mkv"
        source = ["-f", "lavfi", "-i", "testsrc2=s=192x108:r=25", "-frames:v", "40"]
        words = [word.replace(":lp=1:", f":lp={level}:") for word in plain]
        ffmpeg.run([*source, *words, ffmpeg.file_url(path)], doing="encoding with other threads")
        made.append(path.read_bytes())
    assert made[0] == made[1]
