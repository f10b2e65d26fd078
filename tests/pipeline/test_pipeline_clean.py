"""The clean master: kept where grain is given back and taken out again, and never a reason to restore anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.core.plans import ShotPlan, Step
from footlights.core.products import JobResult
from footlights.core.time import FrameRange
from footlights.engine.events import Event, TaskDone
from footlights.engine.reuse import Action, Forecast
from footlights.engine.tasks import Task
from footlights.media.reader import VideoReader
from footlights.pipeline import clean
from made_tapes import HEIGHT, PAL, WIDTH, Picture, interlaced, noisy, write_ffv1
from small_job import restore

FRAMES = 6
SETS = (
    "geometry.height=288",
    "ingest.field_order=top-first",
    "restoration.chain=classical",
    "enhancement.detail.strength=0",
    "enhancement.grain.share=1",
    "enhancement.guard=false",
    "encoding.heights=[288]",
    "encoding.h264_height=0",
)
NO_STREAM, NO_GRAIN = "encoding.enabled=false", "enhancement.grain.share=0"


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flat places with sharp edges under noise."""
    rng = np.random.default_rng(1)
    scene: Picture = np.full((HEIGHT, WIDTH), 64, np.float32)
    for left, top in rng.integers(0, (WIDTH, HEIGHT), (24, 2)):
        scene[top : top + 40, left : left + 50] = rng.integers(40, 210)
    seen = interlaced(lambda instant: scene, FRAMES)
    path = tmp_path_factory.mktemp("clean") / "tape.mkv"
    return write_ffv1(path, noisy(seen, 4.0), rate=PAL, order="tff")


def luma(path: Path) -> NDArray[np.float64]:
    """In 8-bit codes."""
    with VideoReader(path) as reader:
        pictures: list[Any] = [one.planes[0] / 4 for one in reader.read(FrameRange(0, reader.index.frames))]
    return np.stack(pictures)


def piece(folder: Path) -> Path:
    (found,) = folder.glob("artifacts/*/*/piece.mkv")
    return found


def outcomes(result: JobResult) -> list[str]:
    return [one.grain.outcome for one in result.encodes if one.grain]


def test_pictures_before_their_grain_are_kept_and_the_ladder_takes_them(tape: Path, tmp_path: Path) -> None:
    made = restore(tape, tmp_path / "job", *SETS)
    restore(tape, tmp_path / "plain", *SETS, NO_STREAM, NO_GRAIN, "master.codec=ffv1")
    found = piece(tmp_path / "job")
    beside = clean.beside(found)
    assert beside is not None
    wanted, kept, grainy = luma(piece(tmp_path / "plain")), luma(beside), luma(found)
    assert np.abs(kept - wanted).mean() < 0.7, "lossy, but nearly the pictures of a job without grain"
    assert (grainy - wanted).std() > 2 * (kept - wanted).std()
    assert outcomes(made) == ["coded"]


def test_a_stream_that_is_wanted_later_takes_the_pieces_as_they_are(tape: Path, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    restore(tape, folder, *SETS, NO_STREAM)
    assert clean.beside(piece(folder)) is None
    events = list[Event]()
    later = restore(None, folder, *SETS, "encoding.enabled=true", listen=events.append)
    assert later.encodes
    restored = [one for one in events if isinstance(one, TaskDone) and one.op.endswith(":restore")]
    assert {one.action for one in restored} == {Action.REUSE}


def forecasts(*there: bool) -> list[Forecast]:
    return [Forecast(Task("restore", "a.b:op", 1), Action.REUSE if one else Action.NEW, "") for one in there]


def test_each_piece_is_asked_for_in_the_form_that_is_there() -> None:
    asked, other = (
        [Task(f"restore/{n}", "a.b:op", 1, {"clean": with_it}) for n in range(4)] for with_it in (True, False)
    )
    have = {True: forecasts(True, True, False, False), False: forecasts(True, False, True, False)}
    chosen = clean.preferred(asked, other, lambda tasks: have[bool(tasks[0].params["clean"])])
    assert [task.params["clean"] for task in chosen] == [True, True, False, True]


@pytest.mark.parametrize(
    ("steps", "instead", "expected"),
    [
        ((("grain.synthesis", 0.7),), (), True),
        ((("grain.synthesis", 0.0),), (), False),
        ((("grain.synthesis", 0.7), ("look.table", 1.0)), (), False),
        ((), (("grain.synthesis", 0.7),), True),
        ((), (), False),
    ],
)
def test_clean_pictures_are_wanted_where_the_last_step_gives_grain(steps: Any, instead: Any, expected: bool) -> None:
    first, second = (
        tuple(Step(name, 1, {"share": share}, "") for name, share in chosen) for chosen in (steps, instead)
    )
    assert clean.wanted([ShotPlan(0, FrameRange(0, 5), 0, first, instead=second)]) is expected
