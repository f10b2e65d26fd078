"""`footlights encode --json` of a small film with shots of a single frame; its events are a stream of NDJSON."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from commands import Ended, program, report
from numpy.typing import NDArray

from footlights.media import ffmpeg
from made_tapes import Picture, noisy, panned, texture, write_ffv1

FRAMES = 32
ALONE = (8, 17, 18, 19)
SHOTS = [(0, 9), (9, 17), (17, 18), (18, 19), (19, 20), (20, 32)]
"""One frame by itself may be a flash and is no shot of its own (`analysis/shots.py`); three in a row are."""
SMALL = (
    "--set", "encoding.heights=[144]", "--set", "encoding.h264_height=0", "--set", "encoding.grain=keep",
    "--set", "encoding.probes=2",
)  # fmt: skip
SLOW = """#!/bin/sh
case "$*" in *libsvtav1*) sleep 2.2 ;; esac
exec "{ffmpeg}" "$@"
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("film") / "job"


def seen(frame: int) -> Picture:
    """Three scenes before a moving camera, and single pictures among them."""
    scene = 100 + frame if frame in ALONE else sum(frame >= cut for cut in (9, 20))
    return cv2.resize(panned(texture(scene + 1), 2 * frame), (256, 144), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = noisy([seen(frame) for frame in range(FRAMES)], 1.5)
    return write_ffv1(tmp_path_factory.mktemp("source") / "film.mkv", pictures, sar="1")


@pytest.fixture(scope="module")
def ended(film: Path, job: Path) -> Ended:
    """By an encoder that takes its time, so that there is something to tell between two heartbeats."""
    wrapper = job.with_name("ffmpeg")
    wrapper.write_text(SLOW.format(ffmpeg=ffmpeg.binary()), "utf-8")
    wrapper.chmod(0o755)
    return program("encode", film, "-o", job, *SMALL, "--json", environment={"IMAGEIO_FFMPEG_EXE": str(wrapper)})


def decoded(path: Path) -> NDArray[np.float32]:
    """Luma of all pictures."""
    with av.open(str(path)) as stream:
        return np.stack([frame.to_ndarray(format="gray") for frame in stream.decode(video=0)]).astype(np.float32)


def of(ended: Ended, kind: str) -> list[dict[str, Any]]:
    return [one for one in ended.objects if one["kind"] == kind]


def test_shots_of_one_frame_inside_a_film_are_shown_at_their_time(film: Path, ended: Ended, job: Path) -> None:
    """Every picture of the stream is like the film's at its place, and single ones are like no other."""
    assert ended.code == 0, ended.stderr
    assert [(shot["start"], shot["stop"]) for shot in report(job)["shots"]] == SHOTS
    assert all(check["passed"] for check in of(ended, "result")[0]["checks"])
    folder = job / "stream" / "av1-144"
    joined = job.with_name("joined.mp4")
    joined.write_bytes(b"".join(one.read_bytes() for one in (folder / "init.mp4", *sorted(folder.glob("*.m4s")))))
    shown, wanted = decoded(joined), decoded(film)
    assert len(shown) == len(wanted) == FRAMES
    far = np.array([[np.abs(one - other).mean() for other in wanted] for one in shown])
    assert float(np.diag(far).max()) < 6
    for number in ALONE:
        assert float(np.delete(far[number], number).min()) > 4 * far[number, number]


def test_its_events_are_one_json_object_a_line_with_progress_and_time_left(ended: Ended) -> None:
    """Every line is strict JSON (`objects` refuses others), and what begins ends."""
    assert ended.stdout.endswith("\n")
    assert {one["schema"] for one in ended.objects} == {1}
    kinds = Counter(one["kind"] for one in ended.objects)
    assert {"job-state", "task-started", "task-progress", "task-done", "estimate", "note"} <= kinds.keys()
    assert [number for number, one in enumerate(ended.objects) if one["kind"] == "result"] == [len(ended.objects) - 1]
    events = ended.objects[:-1]
    assert all(early["ts"] <= late["ts"] for early, late in pairwise(events))
    units = {one["task"]: one["units"] for one in of(ended, "task-started")}
    assert units.keys() == {one["task"] for one in of(ended, "task-done")}
    steps = [one for one in of(ended, "task-progress") if one["task"].startswith("encode/")]
    assert steps
    assert all(one["done"] > 0 and one["units"] == units[one["task"]] for one in steps)
    outlook = of(ended, "estimate")
    assert all(one["eta_seconds"] is None or one["eta_seconds"] >= 0 for one in outlook)
    assert any(one["eta_seconds"] for one in outlook)
    assert outlook[-1]["eta_seconds"] == 0
    assert all(part["done"] == part["total"] for part in outlook[-1]["units"])
