"""The guide's table of settings is that of the program."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from footlights.config import listing, resolve
from footlights.settings import Settings

GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "settings.md"
ROW = re.compile(r"^\| `([a-z0-9_.]+)` \| `(.*?)` \| (.+?) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall(GUIDE.read_text("utf-8"))


def kind_of(name: str) -> Any:
    """The annotation of a setting."""
    kind: Any = Settings
    for part in name.split("."):
        kind = kind.model_fields[part].annotation
    return kind


def test_every_setting_is_listed_with_its_default_in_order() -> None:
    listed = [(name, json.loads(default)) for name, default, _, _ in ROWS]
    defaults = listing(resolve((), Path("/dev/null")))
    assert listed == [(name, list(value) if isinstance(value, tuple) else value) for name, value, _ in defaults]


@pytest.mark.parametrize(("name", "values"), [(name, values) for name, _, values, _ in ROWS])
def test_every_choice_is_listed(name: str, values: str) -> None:
    choices = [choice for choice in get_args(kind_of(name)) if isinstance(choice, str)]
    if choices:
        assert re.findall(r"`([^`]+)`", values) == choices


def test_the_settings_file_of_the_guide_is_valid(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "footlights.toml"
    file.write_text(example, "utf-8")
    resolved = resolve((), file)
    assert resolved.settings.master.codec == "prores"
    assert len(resolved.origins) == 4
