"""`verify` finds every change of what a job made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from footlights.pipeline import verification
from small_job import silent


def failures(folder: Path) -> list[str]:
    """Names of the failed checks."""
    checks = verification.verify(folder, silent)
    return [check.name for check in checks if not check.passed]


def flip(path: Path, share: float = 0.6) -> None:
    """Change one byte in place of a copy; hard links of it are cut first."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * share)] ^= 0x10
    path.unlink()
    path.write_bytes(bytes(data))


def test_untouched_job_passes(copied: Callable[[], Path]) -> None:
    folder = copied()
    checks = verification.verify(folder, silent)
    assert all(check.passed for check in checks)
    assert {"artifacts", "ingest: pictures", "master.mkv: pictures"} <= {check.name for check in checks}
    assert any(check.name.startswith("av1-144") for check in checks)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
def test_changed_byte_anywhere_in_the_master_is_found(copied: Callable[[], Path], share: float) -> None:
    """Headers, key frames, other frames: some make the decoder fail, some only change pictures or times."""
    folder = copied()
    flip(folder / "master.mkv", share)
    assert "master.mkv" in failures(folder)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("master.mkv", "master.mkv"),
        ("master.frames.csv", "master.frames.csv"),
        ("stream/av1-144/*.m4s", "stream/"),
        ("stream/manifest.mpd", "stream/manifest.mpd"),
        ("artifacts/??/*/ingest.mkv", "artifact "),
        ("artifacts/??/*/manifest.json", "artifact "),
        ("report.json", "report.json"),
    ],
)
def test_changed_byte_is_found(copied: Callable[[], Path], pattern: str, found: str) -> None:
    folder = copied()
    flip(sorted(folder.glob(pattern))[0])
    assert any(name.startswith(found) for name in failures(folder))


def test_missing_product_is_found(copied: Callable[[], Path]) -> None:
    folder = copied()
    (folder / "master.mkv").unlink()
    assert "master.mkv" in failures(folder)


def test_missing_list_is_found(copied: Callable[[], Path]) -> None:
    folder = copied()
    (folder / "SHA256SUMS").unlink()
    assert "master.mkv" in failures(folder)


def test_edited_plan_is_no_damage(copied: Callable[[], Path]) -> None:
    folder = copied()
    (folder / "plan.json").write_text("{}", "utf-8")
    assert failures(folder) == []
