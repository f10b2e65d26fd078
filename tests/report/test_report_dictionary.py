"""The picture dictionary: an entry and a picture for every name, made by its script, and equal to what is committed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import cv2
import pytest

from footlights.core.defects import Defect

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_defects", DOCS / "pictures" / "make_defects.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_page_is_the_programs_dictionary(script: ModuleType) -> None:
    text = (DOCS / "defects.md").read_text("utf-8")
    assert text == script.markdown(), "run docs/pictures/make_defects.py"
    assert all(f'<a id="{defect}"></a>' in text for defect in Defect)


def test_every_name_has_a_small_picture() -> None:
    pictures = sorted((DOCS / "pictures" / "defects").iterdir())
    assert {path.stem for path in pictures} == set(Defect)
    assert sum(path.stat().st_size for path in pictures) < 1_500_000


@pytest.mark.parametrize(
    "defect", [Defect.NOISE, Defect.LOST_FIELD, Defect.CAST, Defect.BLANK_BORDERS, Defect.SOUND_PHASE]
)
def test_the_script_draws_the_clean_beside_the_defect(script: ModuleType, defect: Defect) -> None:
    picture = script.picture(defect, 48)
    assert picture.shape[0] == 48
    half = (picture.shape[1] - 6) // 2
    assert cv2.norm(picture[:, :half], picture[:, -half:], cv2.NORM_L1) / picture.size > 0.3
