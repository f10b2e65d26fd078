"""The purposes of `footlights encode` are settings; two at once are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import inside

from footlights.cli.encodes import PURPOSES, chosen
from footlights.config import resolve
from footlights.errors import UsageError


@pytest.mark.parametrize("purpose", list(PURPOSES))
def test_a_purpose_is_settings_that_exist_and_set_wins(purpose: str) -> None:
    sets = chosen({purpose: True}, 90, ("encoding.preset=9",))
    found = resolve(sets, Path("/dev/null")).settings.encoding
    assert found.target == 90
    assert found.preset == 9
    assert found.mode == ("mean" if purpose == "premiere" else "floor")


def test_without_a_purpose_nothing_is_set() -> None:
    assert chosen({"archive": False}, None, ()) == ()


def test_two_purposes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="together"):
        chosen({"archive": True, "stream": True}, None, ())
    error = inside("encode", tmp_path / "a.mkv", "--archive", "--premiere", "--json").refused(2)
    assert "--archive and --premiere" in error["what"]
    assert inside("encode", tmp_path / "a.mkv", "--target", "200", "--json").refused(2)
