"""The re-degradation check in a job: what is compared, what is flagged, and what is left out with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from footlights.core.products import JobResult
from footlights.core.redegraded import ShotFidelity
from footlights.core.time import FrameRange
from footlights.ingest import ingest as taking_in
from footlights.pipeline import graph, inspect, putback
from footlights.pipeline.fidelity import checks, warnings
from footlights.restoration.halos import filtered
from made_tapes import PAL, interlaced, noisy, panned, texture, write_ffv1
from small_job import restore

FRAMES, CUT = 12, 6
GOOD = ShotFidelity(0, 3, 2.0, 2.0, 1.0, 1.2, 0.1)


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_a_restored_tape_is_explained_by_its_noise(order: str, tmp_path: Path) -> None:
    """With either field order; a line taken from the wrong field would leave several times the noise."""
    scenes = texture(1), texture(7)
    seen = interlaced(lambda instant: panned(scenes[instant >= 2 * CUT], instant), FRAMES, top_first=order == "tff")
    tape = write_ffv1(tmp_path / "tape.mkv", noisy(seen, 2.0), rate=PAL, order=order)
    sets = ("geometry.height=288", "encoding.enabled=false", "restoration.chain=classical", "enhancement.grain.share=0")
    result = restore(tape, tmp_path / "job", *sets)
    assert [one.shot for one in result.fidelity] == [report.shot.index for report in result.survey.shots]
    assert all(one.samples == 3 and one.explained for one in result.fidelity), result.fidelity
    assert all(1.0 < one.residual < 3.0 for one in result.fidelity), (
        "the tape's noise of 2 codes is what was taken away"
    )
    assert next(check for check in result.checks if check.name == "master pushed back to the tape").passed
    written = json.loads((tmp_path / "job" / "report.json").read_text("utf-8"))["fidelity"]
    assert [one["explained"] for one in written] == [True] * len(result.fidelity)
    assert "explained by noise" in (tmp_path / "job" / "report.html").read_text("utf-8")


def test_streaks_that_were_concealed_are_not_compared(tmp_path: Path) -> None:
    seen = interlaced(lambda instant: panned(texture(4), instant, dx=0.4, dy=0.0), 9)
    for field in (0, 1):
        seen[4][80 + field : 120 + field : 8, 60:180] = 235
    tape = write_ffv1(tmp_path / "tape.mkv", noisy(seen, 2.0), rate=PAL, order="tff")
    sets = ("geometry.height=288", "encoding.enabled=false", "restoration.chain=classical", "enhancement.grain.share=0")
    result = restore(tape, tmp_path / "job", *sets)
    (shot,) = result.plan.shots if result.plan else ()
    step = next(step for step in shot.steps if step.stage == "dropouts.conceal")
    opened = taking_in.open_ingest(inspect.latest(tmp_path / "job", graph.INGEST))
    with opened[1]:
        mask = putback.concealed(step, opened, 4, FrameRange(0, 9))
        calm = putback.concealed(step, opened, 6, FrameRange(0, 9))
    assert mask[80:120:8, 64:176].mean() > 0.9
    assert mask.mean() < 0.05
    assert not calm.any()
    (one,) = result.fidelity
    assert one.explained, one


def test_light_that_was_levelled_and_halos_that_were_taken_back_are_put_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    kernel = np.array([[-0.15, -0.3, 1.45, 0, 0]], np.float32)  # outlines behind every edge
    pictures = interlaced(lambda instant: panned(texture(4), instant, dx=0.4, dy=0.0), FRAMES)
    gains = np.exp(rng.normal(0, 0.05, FRAMES))
    worn = [np.clip(16 + gain * filtered(one - 16, kernel), 1, 254) for gain, one in zip(gains, pictures, strict=True)]
    tape = write_ffv1(tmp_path / "tape.mkv", noisy(worn, 1.0), rate=PAL, order="tff")
    sets = ("geometry.height=288", "encoding.enabled=false", "restoration.chain=classical", "enhancement.grain.share=0")
    restore(tape, tmp_path / "job", *sets)
    taps = (0.03, 0.036, 0.101, 0.143, 0.69, 0, 0, 0, 0)
    steps = [
        {"stage": "flicker.level", "version": 1, "params": {"swing": 0.05, "reach": 5}, "why": ""},
        {"stage": "halos.equalise", "version": 1, "params": {"taps": taps}, "why": ""},
    ]
    plan = json.loads((tmp_path / "job" / "plan.json").read_text("utf-8"))
    plan["shots"][0]["steps"][:0] = steps
    (tmp_path / "job" / "plan.json").write_text(json.dumps(plan), "utf-8")
    result = restore(None, tmp_path / "job", *sets)
    assert {"flicker.level", "halos.equalise"} <= {one.kind for one in result.interventions}
    (one,) = result.fidelity
    assert one.explained, one


def test_a_master_smaller_than_the_tape_is_left_out_with_the_reason(finished: tuple[Path, JobResult]) -> None:
    folder, result = finished
    assert [one.samples for one in result.fidelity] == [0, 0]
    (sentence,) = [text for text in result.warnings if "could not be compared" in text]
    assert sentence.startswith(
        "2 of 2 shots could not be compared with the tape; nothing is proven of them: the master"
    )
    assert "No shot could be compared" in (folder / "report.html").read_text("utf-8")
    assert all("240 lines and the tape 288" in one.why for one in result.fidelity)
    assert "was not compared" in (folder / "report.html").read_text("utf-8")


def test_what_noise_does_not_explain_is_flagged() -> None:
    bad = replace(GOOD, shot=1, residual=3.0, ratio=1.5, edges=0.6)
    found = list(checks([GOOD, bad]))
    assert [(check.name, check.passed) for check in found] == [
        ("master pushed back to the tape", False),
        ("shot 1 pushed back to the tape", False),
    ]
    assert "1.50 of the noise (3.00 codes), 60% of it on edges" in found[1].found
    (sentence,) = warnings([GOOD, bad])
    assert "1 of 2 shots" in sentence
    assert "--faithful" in sentence


def test_what_a_lossy_format_may_have_done_is_not_decided() -> None:
    unsure = replace(GOOD, shot=1, ratio=1.5, lossy=True)
    (check,) = checks([GOOD, unsure])
    assert check.passed
    assert "1 of 1 shots explained, 1 undecided" in check.found
    (sentence,) = warnings([GOOD, unsure])
    assert "nothing is decided: 1." in sentence
    assert not replace(GOOD, lossy=True).undecided


def test_shots_that_could_not_be_compared_pass_nothing_and_are_told_with_the_reason() -> None:
    blind = ShotFidelity(0, 0, why="no instant of it came through whole")
    assert not blind.explained
    assert list(checks([blind])) == []
    (sentence,) = warnings([blind])
    assert sentence.startswith(
        "1 of 1 shots could not be compared with the tape; nothing is proven of them: no instant"
    )
    assert sentence.endswith("came through whole.")
    looks = [ShotFidelity(number, 0, why="a look table changed its colours on purpose") for number in range(2, 16)]
    (sentence,) = warnings([blind, replace(GOOD, shot=1), *looks])
    assert sentence.startswith("15 of 16 shots could not be compared")
    assert "no instant of it came through whole (0); a look table" in sentence
    assert sentence.endswith("on purpose (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 …).")


def test_noise_of_a_frame_is_told_from_frames_that_were_coded_alike(tmp_path: Path) -> None:
    """Fine steps keep a tape's noise, coarse ones take it away: noise of 3 and of 1 codes by turns."""
    seen = interlaced(lambda instant: panned(texture(5), instant, dx=0.0, dy=0.0), 20)
    by_turns = [noisy([one], 1.0 if n % 2 else 3.0, seed=n)[0] for n, one in enumerate(seen)]
    tape = write_ffv1(tmp_path / "tape.mkv", by_turns, rate=PAL, order="tff")
    restore(tape, tmp_path / "job", "geometry.height=288", "encoding.enabled=false", "restoration.chain=classical")
    ingest, reader = taking_in.open_ingest(inspect.latest(tmp_path / "job", graph.INGEST))
    coded = replace(ingest, quantisers=tuple(12.0 if n % 2 else 4.0 for n in range(20)))
    with reader:
        fine, coarse = (putback.noise((coded, reader), FrameRange(0, 20), n, (128.0,)) for n in (8, 9))
        alone = putback.noise((coded, reader), FrameRange(8, 9), 8, (128.0,))
    assert fine[0] == pytest.approx(3.0, rel=0.1)
    assert coarse[0] == pytest.approx(1.0, rel=0.15)
    assert alone == ()
