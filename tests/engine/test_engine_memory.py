"""How much memory new processes may take."""

from __future__ import annotations

from pathlib import Path

import pytest

from footlights.engine import process


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """8 GiB free, in a container inside another; its limits are to be written."""
    (tmp_path / "meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n")
    (tmp_path / "own").write_text("9:cpu:/\n0::/outer/inner\n")
    (tmp_path / "groups/outer/inner").mkdir(parents=True)
    for name, path in (("_MEMINFO", "meminfo"), ("_OWN_CGROUP", "own"), ("_CGROUPS", "groups")):
        monkeypatch.setattr(process, name, tmp_path / path)
    return tmp_path


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [(None, None, 8 << 30), ("max", "max", 8 << 30), (str(3 << 30), "max", 3 << 30), ("max", str(2 << 30), 2 << 30)],
)
def test_the_tightest_limit_counts(machine: Path, inner: str | None, outer: str | None, expected: int):
    for group, limit in (("outer/inner", inner), ("outer", outer)):
        if limit is not None:
            (machine / "groups" / group / "memory.max").write_text(f"{limit}\n")
    assert process.usable_memory() == expected


def test_unknown_memory_is_no_limit(machine: Path):
    (machine / "meminfo").unlink()
    assert process.usable_memory() is None


def test_this_machine_has_some():
    usable = process.usable_memory()
    assert usable is None or usable > 0
