"""What is public is described, every command is in the guide, and nothing names the machine it was written on."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from footlights.cli.app import app

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src" / "footlights").rglob("*.py"))
COMMANDS: Any = typer.main.get_command(app)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|home|root|Users)/")
KEPT = ("src", "tests", "docs", "examples", "benchmarks")
"""Folders looked through where there is no git to ask."""


def undescribed(module: Path) -> Iterator[str]:
    """The module itself and its public classes and functions, as far as they have no docstring."""
    tree = ast.parse(module.read_text("utf-8"))
    public = [
        node
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_")
    ]
    place = module.relative_to(ROOT)
    if not ast.get_docstring(tree):
        yield f"{place}: the module"
    yield from (f"{place}:{node.lineno}: {node.name}" for node in public if not ast.get_docstring(node))


def kept_files() -> Iterator[Path]:
    """The files of the repository; of a source archive where there is no repository."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        yield from (ROOT / name for name in listed.split("\0") if name)
    else:
        yield from (path for folder in KEPT for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts)


def test_everything_public_is_described() -> None:
    assert len(MODULES) > 100
    assert [finding for module in MODULES for finding in undescribed(module)] == []


@pytest.mark.parametrize("command", sorted(COMMANDS.commands))
def test_every_command_is_in_the_guide_and_says_what_it_does(command: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs" / "guide").rglob("*.md")]
    assert any(re.search(rf"\bfootlights {command}\b", page.read_text("utf-8")) for page in pages)
    assert len(COMMANDS.commands[command].help.split()) > 4


def test_no_file_names_the_machine_it_was_written_on() -> None:
    found = []
    for path in kept_files():
        if not path.is_file():
            continue
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # pictures and weights
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line[:100]}"
            for n, line in enumerate(lines, 1)
            if MACHINE_PATH.search(line)
        ]
    assert found == []
