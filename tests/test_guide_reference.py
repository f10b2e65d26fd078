"""What the guide and ARCHITECTURE.md name exists: commands, options, stages, parameters, report fields, files."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import typer

from footlights.cli.app import app
from footlights.core.products import JobResult
from footlights.core.reports import Survey
from footlights.core.signal import FieldOrder, Signal
from footlights.core.source import Ingest, Source
from footlights.report import summary
from footlights.restoration.base import STAGES

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide"
DOCUMENTS = [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(GUIDE.glob("*.md"))]
COMMANDS: Any = typer.main.get_command(app)


def text(path: Path) -> str:
    return path.read_text("utf-8")


def section(document: str, title: str) -> str:
    """From a heading of the second level to the next."""
    return document.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_command_has_a_section_in_order() -> None:
    titles = re.findall(r"^## (.+)$", text(GUIDE / "commands.md"), re.MULTILINE)
    assert titles == ["Options that several commands have", *COMMANDS.commands]


@pytest.mark.parametrize("name", list(COMMANDS.commands))
def test_every_option_of_a_command_is_named_and_no_other(name: str) -> None:
    words = section(text(GUIDE / "commands.md"), name)
    assert f"```sh\nfootlights {name}" in words
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*(?![\w-])", words))
    options = [{*option.opts} for option in COMMANDS.commands[name].params if option.opts[0].startswith("-")]
    assert all(named & spellings for spellings in options), options
    assert named <= set().union(*options), options


def test_every_stage_and_parameter_is_listed_with_its_default() -> None:
    rows = re.findall(
        r"^\| (?:`([a-z.]+)`)? ?\| `(\w+)` \| `(.+?)` \| \S", text(GUIDE / "editing-the-plan.md"), re.MULTILINE
    )
    found: dict[str, dict[str, Any]] = {}
    stage = ""
    for name, parameter, default in rows:
        stage = name or stage
        found.setdefault(stage, {})[parameter] = json.loads(default)
    assert found == {
        name: {one.name: json.loads(json.dumps(one.default)) for one in fields(STAGES.get(name).Params)}
        for name in STAGES.names()
    }


def test_every_field_of_the_report_is_listed_and_no_other() -> None:
    source = Source("a", "0", 1, "mpeg", "mpeg2video", "yuv420p", 720, 480, Fraction(25), Signal(), 8, "4:2:0")
    ingest = Ingest(source, 0, Fraction(1, 25), (), (), False, (), 0, (), (), "0")
    result = JobResult(ingest, Survey((), 0, (), (0, 0, 720, 480), FieldOrder.TOP_FIRST, ""))
    listed = re.findall(r"^\| (`.+?`) \|", section(text(GUIDE / "reading-the-report.md"), "report.json"), re.MULTILINE)
    names = [name.removesuffix("[]") for cell in listed for name in re.findall(r"`(.+?)`", cell)]
    assert sorted(names) == sorted(summary.as_json(result))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_named_files_exist(path: Path) -> None:
    words = text(path)
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", words):
        assert (path.parent / link).exists(), link
    for name in re.findall(r"`((?:src|tests|docs|examples)/[\w/.-]+)`", words):
        assert (ROOT / name).exists(), name
    if path.name == "ARCHITECTURE.md":
        for name in re.findall(r"`([a-z_]+/[\w/]+\.py)`", words):
            assert (ROOT / name).exists() or (ROOT / "src" / "footlights" / name).exists(), name
