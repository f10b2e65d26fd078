"""A small real stream with its slate, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_programmes import real

from footlights.premiere.programme import Programme, read_programme
from footlights.premiere.slate import make_slate


@pytest.fixture(scope="session")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real(tmp_path_factory.mktemp("premiere"))


@pytest.fixture(scope="session")
def programme(stream: Path) -> Programme:
    return read_programme(stream)


@pytest.fixture(scope="session")
def slate_programme(programme: Programme, tmp_path_factory: pytest.TempPathFactory) -> Programme:
    return make_slate(programme, tmp_path_factory.mktemp("slate") / "slate")
