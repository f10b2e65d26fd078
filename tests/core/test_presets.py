"""Presets: what they set, where they stand among the layers, and that the guide's table is theirs."""

import json
import re
from pathlib import Path

import pytest

from footlights.config import listing, resolve
from footlights.errors import UsageError
from footlights.presets import BALANCED, BOLD, FAITHFUL, PRESETS, choose

NOWHERE = Path("/dev/null")


def test_balanced_is_what_the_defaults_do() -> None:
    assert resolve((), NOWHERE, preset=BALANCED).settings == resolve((), NOWHERE).settings


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_origin_of_what_it_sets_and_of_nothing_else(name: str) -> None:
    found = listing(resolve((), NOWHERE, preset=name))
    assert {key: value for key, value, origin in found if origin == f"--{name}"} == dict(PRESETS[name])


def test_a_preset_overrides_the_job_and_is_overridden_by_file_and_set(tmp_path: Path) -> None:
    file = tmp_path / "footlights.toml"
    file.write_text("[enhancement.detail]\nstrength = 0.3\n")
    recorded = {"enhancement.grain.share": 0.1, "restoration.sr_model": "net.pth", "master.seed": 7}
    resolved = resolve(["enhancement.colour.cast=evidence"], file, recorded, FAITHFUL)
    settings = resolved.settings
    assert (settings.enhancement.grain.share, settings.restoration.sr_model, settings.master.seed) == (1.0, "", 7)
    assert (settings.enhancement.detail.strength, settings.enhancement.colour.cast) == (0.3, "evidence")
    assert resolved.origins["restoration.fieldlift.detail"] == "--faithful"
    assert resolved.origins["enhancement.detail.strength"] == str(file)


def test_each_preset_undoes_the_others() -> None:
    tuned = set(PRESETS[BALANCED])
    asked_for = {
        "restoration.sr_model", "enhancement.light.lift", "enhancement.look.table",
    }  # fmt: skip
    assert tuned == set(PRESETS[BOLD]) == set(PRESETS[FAITHFUL]) - asked_for


def test_two_presets_are_refused() -> None:
    assert choose(faithful=False, bold=True) == "bold"
    assert choose(faithful=False) is None
    with pytest.raises(UsageError, match="--faithful and --bold cannot be used together"):
        choose(faithful=True, bold=True)


def test_the_guide_lists_what_presets_set() -> None:
    text = (Path(__file__).parents[2] / "docs" / "guide" / "presets.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \|(.+)\|(.+)\|(.+)\|$", text, re.MULTILINE)
    for column, name in enumerate((FAITHFUL, BALANCED, BOLD), 1):
        cells = {row[0]: row[column].strip().strip("`") for row in rows}
        assert {key: json.loads(cell) for key, cell in cells.items() if cell} == dict(PRESETS[name])
