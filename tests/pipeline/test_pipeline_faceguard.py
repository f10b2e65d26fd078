"""The identity guard: tracks that drift are put back as a whole, named in plan and report, others are left in."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from test_pipeline_faces import portrait

from footlights.core import records
from footlights.core.likeness import Beside, FaceLikeness, FaceVerdict
from footlights.core.plans import RestorationPlan, ShotPlan, Step
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange, TimeMap
from footlights.errors import ParameterError
from footlights.models import trackface
from footlights.pipeline.faceguard import Witnessed, pictures, save, verdicts, without
from footlights.report.people import pairs
from footlights.restoration.base import STAGES, build
from made_tapes import PAL, interlaced, write_ffv1
from small_job import restore


def piece(folder: Path, shot: int, face: int, first: int, alike: list[float], loss: float = 0.0) -> Path:
    """A finished piece that restored one face."""
    folder.mkdir()
    frames = tuple(range(first, first + len(alike)))
    crop = np.full((32, 32, 3), round(100 * min(alike)), np.uint8)
    likeness = FaceLikeness(shot, face, frames, tuple(alike), (loss,) * len(alike))
    save(folder, [Witnessed(likeness, Beside(min(alike), first, crop, crop))])
    return folder


def plan() -> RestorationPlan:
    version = STAGES.get("faces.restore").version
    step = Step("faces.restore", version, {"sigma": 1.0}, "2 of 2 followed faces", trackface.reference())
    shots = tuple(ShotPlan(n, FrameRange(10 * n, 10 * n + 10), 0, (step,)) for n in (0, 1))
    return RestorationPlan("x", shots, 640, 480, Fraction(50), BT709_SIGNAL, 1, TimeMap(Fraction(25), Fraction(50), ()))


def test_a_track_is_judged_over_all_its_pieces(tmp_path: Path) -> None:
    """Alone, the second piece would be given up; the first would not."""
    folders = [
        piece(tmp_path / "b", 0, 1, 20, [0.3] * 6),
        piece(tmp_path / "a", 0, 1, 0, [0.9] * 10),
        piece(tmp_path / "c", 0, 0, 20, [0.95] * 10),
    ]
    kept, drifted = verdicts(folders)
    assert (kept.shot, kept.face, kept.judged, kept.refused) == (0, 0, 10, "")
    assert (drifted.face, drifted.judged, drifted.lowest) == (1, 16, 0.3)
    assert "given up" in drifted.refused
    (least,) = (pictures(folders)[0, 1],)
    assert least == (tmp_path / "b" / "face-00000-01.jpg").read_bytes()


def test_a_face_that_leaves_its_sharpest_crop_is_refused(tmp_path: Path) -> None:
    (verdict,) = verdicts([piece(tmp_path / "a", 2, 0, 0, [0.9] * 10, loss=0.2)])
    assert verdict.drift == 0.2
    assert "reference" in verdict.refused


def test_pieces_without_faces_say_nothing(tmp_path: Path) -> None:
    save(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
    assert verdicts([tmp_path]) == ()
    assert pictures([tmp_path]) == {}


def test_refused_tracks_leave_the_plan_and_say_why() -> None:
    before = plan()
    verdict = FaceVerdict(1, 3, 40, 0.42, 0.3, 0.0, "too unlike")
    after = without(before, [verdict, replace(verdict, face=0)])
    assert after.shots[0] == before.shots[0]
    (step,) = after.shots[1].steps
    assert step.params["refused"] == (0, 3)
    assert "face 0, face 3" in step.why
    assert [skip.why for skip in after.shots[1].skipped] == ["face 3: too unlike", "face 0: too unlike"]
    stage = build(records.from_data(Step, records.to_data(step)))
    assert stage.params.refused == (0, 3)  # type: ignore[attr-defined]


def test_the_report_shows_refused_faces_first() -> None:
    kept = FaceVerdict(0, 0, 40, 0.98, 0.6, 0.0, "")
    refused = FaceVerdict(5, 1, 40, 0.8, 0.7, 0.1, "less like its reference")
    shown = pairs([kept, refused], {(0, 0): b"a", (5, 1): b"b"})
    assert [(one.refused, one.caption.split(":")[0]) for one in shown] == [
        ("less like its reference", "Shot 5, face 1"),
        ("", "Shot 0, face 0"),
    ]


def test_numbers_of_refused_faces_are_checked() -> None:
    with pytest.raises(ParameterError, match="refused"):
        STAGES.get("faces.restore").Params(refused=(-1,))


def concert(path: Path) -> Path:
    """Seven frames of a singer who sways, 352×288i50, her face 60 lines high."""
    face = cv2.resize(portrait(), (104, 104), interpolation=cv2.INTER_AREA)

    def seen(instant: int) -> NDArray[np.float32]:
        picture = np.full((288, 352), 70, np.float32)
        left = 100 + 2 * instant
        picture[60:164, left : left + 104] = face
        return picture

    return write_ffv1(path, interlaced(seen, 7), rate=PAL, order="tff")


def test_what_the_guard_refuses_is_the_picture_that_was_there_before(tmp_path: Path) -> None:
    """A guard that nothing satisfies puts every face back: sample for sample the master without restored faces."""
    tape, job = concert(tmp_path / "tape.mkv"), tmp_path / "job"
    chosen = ("analysis.faces.enabled=true", "encoding.heights=[]", "encoding.h264_height=0")
    kept = restore(tape, job, *chosen)
    assert [(verdict.judged, verdict.refused) for verdict in kept.likeness] == [(14, "")]
    assert any(one.kind == "faces.restore" for one in kept.interventions)
    refused = restore(tape, job, *chosen, "restoration.faces.identity=1")
    (verdict,) = refused.likeness
    assert "too unlike" in verdict.refused
    assert not any(one.kind == "faces.restore" for one in refused.interventions)
    assert any("stays as the tape shows it" in text for text in refused.warnings)
    assert '"refused": [\n' in (job / "plan.json").read_text("utf-8")
    assert "1 followed, 1 put back" in (job / "report.html").read_text("utf-8")
    without = restore(tape, job, *chosen, "restoration.faces.restore=false")
    contents = [result.master.content for result in (kept, refused, without) if result.master]
    assert contents[0] != contents[1] == contents[2]
