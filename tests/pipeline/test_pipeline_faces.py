"""The wave that follows faces: which shots, each field at its own height, and what the report shows of them."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis.people import people_of
from footlights.core.faces import ShotFaces, load, small
from footlights.core.products import JobResult
from footlights.core.reports import FaceBox, FaceReport, FaceTrack, Survey
from footlights.core.signal import FieldOrder
from footlights.core.time import FrameRange
from footlights.pipeline import facewave
from footlights.pipeline.facetracks import FACES, FaceRequest, pictures, track
from footlights.report import page, summary
from footlights.report.people import people
from footlights.report.story import Pictures, Story
from made_tapes import TakenIn, interlaced, measured, panned, settings, surveyed, take_in, texture, woven, write_ffv1

FRAMES = 12


def portrait() -> NDArray[np.float32]:
    """Luma codes of the demo's synthetic singer."""
    data = np.frombuffer((files("footlights.pipeline.sample") / "singer.webp").read_bytes(), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) * np.float32(219 / 255) + 16


def request(taken: TakenIn, order: FieldOrder = FieldOrder.TOP_FIRST, instants: int = 2) -> FaceRequest:
    slots = taken.ingest.slot_range(FrameRange(0, taken.ingest.frames))
    return FaceRequest(0, slots, False, False, instants, order, 6)


@pytest.mark.parametrize("order", [FieldOrder.TOP_FIRST, FieldOrder.BOTTOM_FIRST])
def test_fields_of_a_still_scene_lie_where_the_scene_does(tmp_path: Path, order: FieldOrder) -> None:
    """Fields are half a line apart; taken for the same place, every crop would tremble at field rate."""
    scene = cv2.GaussianBlur(panned(texture(3), 0), (0, 0), 3)
    short = "tff" if order is FieldOrder.TOP_FIRST else "bff"
    taken = take_in(write_ffv1(tmp_path / "t.mkv", [woven(scene, scene)] * 3, order=short), tmp_path / "in")
    with taken.reader() as reader:
        first, second, *_ = (
            picture[..., 1].astype(float) for picture in pictures(request(taken, order), (taken.ingest, reader))
        )
    assert first.shape == (288, 384)
    whole = cv2.resize((scene - 16) * 255 / 219, (384, 288), interpolation=cv2.INTER_LINEAR)
    for field in (first, second):
        assert np.abs(field - whole)[4:-4].mean() < 0.6


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[TakenIn, Survey, ShotFaces]:
    face = cv2.resize(portrait(), (144, 144), interpolation=cv2.INTER_AREA)

    def seen(instant: int) -> NDArray[np.float32]:
        picture = np.full((288, 352), 70, np.float32)
        picture[60:204, 60 + 2 * instant : 204 + 2 * instant] = face
        return picture

    folder = tmp_path_factory.mktemp("tape")
    taken, survey = surveyed(interlaced(seen, FRAMES), folder)
    with taken.reader() as reader:
        found = track(request(taken), (taken.ingest, reader), folder, lambda done: None)
    assert len(load(folder / FACES).faces) == len(found.faces)
    return taken, survey, found


def test_a_face_on_an_interlaced_tape_is_followed_field_by_field(
    followed: tuple[TakenIn, Survey, ShotFaces],
) -> None:
    (face,) = followed[2].faces
    assert (face.path.first, len(face.path)) == (0, 2 * FRAMES)
    # Square samples are 12/11 of the tape's.
    assert np.diff(face.path.crop[:, 2]) == pytest.approx(2 * 12 / 11, abs=0.25)
    assert np.abs(np.diff(face.path.crop[:, 3])).max() < 0.25


def test_the_report_shows_the_faces(followed: tuple[TakenIn, Survey, ShotFaces]) -> None:
    taken, survey, found = followed
    result = JobResult(taken.ingest, survey, faces={0: replace(found, left_out=3)})
    series = measured(taken)
    text = page.render(Story(result, series, Pictures()))
    assert "1 followed through 24 pictures; up to 3 more at once left out" in text
    assert "face 0" in text
    assert text.count("data:image/jpeg") == 1
    (row,) = summary.as_json(result)["faces"]
    assert (row["shot"], row["face"], row["pictures"], row["seen"]) == (0, 0, 24, 24)
    assert "<h2>Faces</h2>" not in page.render(Story(replace(result, faces={}), series, Pictures()))


def test_the_report_shows_people_over_the_tape_and_stays_small(followed: tuple[TakenIn, Survey, ShotFaces]) -> None:
    taken, survey, found = followed
    (face,) = found.faces
    many = replace(found, faces=tuple(replace(face, person=number) for number in range(40)))
    sections, said = people({0: many}, survey, taken.ingest)
    assert said == "40 people told apart; those seen longest are shown: 24"
    assert [one.caption.split(":")[0] for one in sections] == [f"Person {number}" for number in range(24)]
    assert f"in 1 shot, {FRAMES / 25:.1f} s in all" in sections[0].caption
    # A person in thousands of tracks is drawn with no more bars than there are points.
    often = replace(found, faces=(replace(face, person=0),) * 3000)
    (one,), _ = people({0: often}, survey, taken.ingest)
    assert one.timeline.count("<rect") == 1
    assert len(one.sheet) < 200_000
    text = page.render(Story(JobResult(taken.ingest, survey, faces={0: many}), measured(taken), Pictures()))
    assert "40 people told apart" in text


def test_who_is_who_goes_back_to_the_faces_and_their_crops_shrink(
    followed: tuple[TakenIn, Survey, ShotFaces],
) -> None:
    _, _, found = followed
    linked = people_of([found, replace(found, shot=1)])
    assert linked[0, 0] == linked[1, 0] == 0
    less = small(found, 1)
    assert less.faces[0].crops.shape == (1, 128, 128, 3)
    whole = cv2.resize(found.faces[0].crops[0], (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(less.faces[0].crops[0].astype(int) - whole).max() <= 1


def test_only_shots_with_faces_are_followed(followed: tuple[TakenIn, Survey, ShotFaces]) -> None:
    taken, survey, _ = followed
    box = FaceBox(0, 10, 10, 60, 60, 0.9, 0.9)
    seen = FaceReport((FaceTrack((box,)),), 1, "test")

    def waves(faces: FaceReport, *assignments: str) -> list[int]:
        known = replace(survey, shots=(replace(survey.shots[0], faces=faces),))
        return list(facewave.face_tasks(known, taken.ingest, settings(*assignments)))

    assert waves(seen) == [0]
    assert waves(FaceReport((), 1, "test")) == []
    assert waves(FaceReport((), 0, "test")) == [0], "a shot too short to have been searched"
    assert waves(replace(seen, tracks=(FaceTrack((replace(box, height=12),)),))) == []
    assert waves(seen, "restoration.faces.enabled=false") == []
    assert waves(seen, "analysis.faces.enabled=false") == []
    (task,) = facewave.face_tasks(
        replace(survey, shots=(replace(survey.shots[0], faces=seen),)), taken.ingest, settings()
    ).values()
    assert task.params["request"]["instants"] == 2
    assert task.params["request"]["slots"] == {"start": 0, "stop": FRAMES}
