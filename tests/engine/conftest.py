"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from toy_engine import Session


@pytest.fixture
def session(tmp_path: Path) -> Callable[..., Session]:
    """Makes sessions in the test's own folder."""

    def make(name: str = "job", **settings: object) -> Session:
        return Session(tmp_path / name, **settings)

    return make
