"""The guide's tables of exit codes and error numbers are those of the program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import footlights
from footlights.errors import INTERRUPTED, FootlightsError

GUIDE = (Path(__file__).parents[1] / "docs" / "guide" / "exit-codes.md").read_text("utf-8")
LAYERS_WITH_ERRORS = ("footlights.errors", "footlights.engine")


def classes() -> Iterator[type[FootlightsError]]:
    """Every error class with a number of its own."""
    for found in walk_packages(footlights.__path__, "footlights."):
        if found.name.startswith(LAYERS_WITH_ERRORS):
            import_module(found.name)
    waiting = [FootlightsError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__.startswith("footlights.") and "code" in vars(kind):
            yield kind


def test_every_error_number_is_listed_with_its_class_and_exit_code() -> None:
    rows = re.findall(r"^\| `(FTL-\d+)` \| (\d+) \| `(\w+)` \| \S", GUIDE, re.MULTILINE)
    assert rows == sorted((kind.code, str(kind.exit_code), kind.__name__) for kind in classes())


def test_every_exit_code_is_listed_with_a_next_step() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", GUIDE, re.MULTILINE)
    codes = {0, INTERRUPTED, *(kind.exit_code for kind in classes())}
    assert [int(code) for code, _, _ in rows] == sorted(codes)


def test_all_errors_live_where_this_test_looks() -> None:
    root = Path(footlights.__file__).parent
    for path in root.rglob("*.py"):
        if re.search(r'^    code = "FTL-', path.read_text("utf-8"), re.MULTILINE):
            assert path == root / "errors.py" or path.parent == root / "engine", path
