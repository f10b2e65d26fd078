"""SVT-AV1 gives the same bytes whatever its level of parallelism: trials made on one machine hold on another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from footlights.encoding.encoders import SvtAv1, rung_encoder, rung_threads
from footlights.media import ffmpeg


@pytest.mark.parametrize(("preset", "flat"), [(6, False), (8, False), (10, True)])
def test_svt_av1_gives_the_same_bytes_with_any_number_of_threads(tmp_path: Path, preset: int, flat: bool) -> None:
    made = []
    for threads in (1, 2):
        words = SvtAv1(preset, threads=threads, flat=flat).arguments(30, (0, 20), Fraction(25))
        assert sum(f":lp={threads}:" in word for word in words) == 1
        path = tmp_path / f"{threads}.mkv"
        source = ["-f", "lavfi", "-i", "testsrc2=s=192x108:r=25", "-frames:v", "40"]
        ffmpeg.run([*source, *words, ffmpeg.file_url(path)], doing="encoding with so many threads")
        made.append(path.read_bytes())
    assert made[0] == made[1]


def test_a_single_chunk_gets_both_threads_and_chunks_side_by_side_one_each() -> None:
    assert [rung_threads("av1", count) for count in (1, 2, 50)] == [2, 1, 1]
    assert rung_threads("h264", 50) == rung_threads("h264", 1)
    words = rung_encoder("av1", "8", threads=rung_threads("av1", 1)).arguments(30, (0,), Fraction(25))
    assert any(":lp=2:" in word for word in words)
