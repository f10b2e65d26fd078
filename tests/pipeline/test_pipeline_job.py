"""The whole way on a small tape, and what the job folder promises."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from footlights.core.products import JobResult
from footlights.engine.events import Event, TaskDone, Warning_
from footlights.engine.lock import JobLock
from footlights.errors import ConfigError, LockedError, OutputExistsError, PlanError, SourceChangedError, UsageError
from footlights.pipeline import job as jobs
from footlights.pipeline import run
from footlights.pipeline.products import read_list
from small_job import CUT, FRAMES, SMALL, make_tape, restore, silent

Finished = tuple[Path, JobResult]


def edit_plan(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    path = folder / "plan.json"
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


def test_whole_way_leaves_all_products(finished: Finished) -> None:
    folder, result = finished
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert (report["frames_in"], report["frames_out"]) == (FRAMES, 2 * FRAMES)
    assert [(shot["start"], shot["stop"]) for shot in report["shots"]] == [(0, CUT), (CUT, FRAMES)]
    assert all(step["why"] for shot in report["shots"] for step in shot["steps"])
    assert all(check.passed for check in result.checks)
    assert len(result.checks) > 20
    for name in ("master.mkv", "master.frames.csv", "stream/master.m3u8", "stream/manifest.mpd", "report.html"):
        assert (folder / name).is_file(), name
        assert name in read_list(folder)
    assert not list(folder.glob(".*.part"))


def test_master_read_by_another_reader(finished: Finished) -> None:
    """PyAV alone, with nothing of ours: frames, clock, size, tags and sound offset."""
    with av.open(str(finished[0] / "master.mkv")) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        stamps = [frame.pts for frame in container.decode(video) if frame.pts is not None]
        assert (video.width, video.height) == (320, 240)
        assert len(stamps) == 2 * FRAMES
        assert video.time_base is not None
        times = [Fraction(stamp) * video.time_base for stamp in stamps]
        assert max(abs(time - Fraction(n, 50)) for n, time in enumerate(times)) <= Fraction(1, 2000)
        context = video.codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        container.seek(0)
        first = next(container.decode(sound))
        assert first.time is not None
        assert abs(first.time) <= 0.001


def test_first_picture_after_the_cut_is_of_the_new_scene(finished: Finished) -> None:
    """No ghost across the cut: each output frame is nearer to its own scene than to the other."""
    with av.open(str(finished[0] / "master.mkv")) as container:
        pictures = [frame.to_ndarray(format="gray").astype(float) for frame in container.decode(video=0)]
    cut = 2 * CUT
    for frame in (cut - 2, cut - 1, cut, cut + 1):
        mine, other = (pictures[cut - 4], pictures[cut + 4]) if frame < cut else (pictures[cut + 4], pictures[cut - 4])
        assert np.abs(pictures[frame] - mine).mean() < 0.6 * np.abs(pictures[frame] - other).mean()


def test_frame_list_names_every_source_instant(finished: Finished) -> None:
    with (finished[0] / "master.frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Fraction(row["seconds"]) for row in rows] == [Fraction(n, 50) for n in range(2 * FRAMES)]
    assert {int(Fraction(row["source_instant"])) for row in rows} == set(range(FRAMES))


def test_again_reuses_everything(finished: Finished, tape: Path, copied: Callable[[], Path]) -> None:
    folder = copied()
    events: list[Event] = []
    before = read_list(folder)
    result = restore(tape, folder, listen=events.append)
    assert {event.action for event in events if isinstance(event, TaskDone)} == {"reuse"}
    assert result.master == finished[1].master
    after = read_list(folder)
    assert {name: after[name] for name in before if "report" not in name} == {
        name: digest for name, digest in before.items() if "report" not in name
    }


def test_products_that_are_links_already_leave_nothing_half_made(tape: Path, copied: Callable[[], Path]) -> None:
    folder = copied()
    for _ in range(2):  # the first run makes links of the copies
        restore(tape, folder)
    assert not list(folder.rglob(".*.part"))
    assert (folder / "master.mkv").stat().st_nlink > 1


def test_changed_setting_redoes_what_depends_on_it(tape: Path, copied: Callable[[], Path]) -> None:
    folder = copied()
    events: list[Event] = []
    result = restore(tape, folder, "enhancement.grain.share=0", listen=events.append)
    redone = {
        event.op.rsplit(":", 1)[-1] for event in events if isinstance(event, TaskDone) and event.action != "reuse"
    }
    assert "restore" not in redone or "ingest" not in redone
    assert "ingest" not in redone
    assert any("enhancement.grain.share" in warning for warning in result.warnings)
    assert "enhancement.grain.share" in result.settings


def test_settings_are_remembered(copied: Callable[[], Path]) -> None:
    job = jobs.open_job(None, copied(), (), Path("/dev/null"))
    assert job.settings.geometry.height == 240
    assert job.changed == ()


def test_edited_plan_wins_and_is_recorded(tape: Path, copied: Callable[[], Path]) -> None:
    folder = copied()

    def drop_grain_of_second(data: dict[str, object]) -> None:
        shots = data["shots"]
        assert isinstance(shots, list)
        shots[1]["steps"] = [step for step in shots[1]["steps"] if step["stage"] != "detail.limited"]

    edit_plan(folder, drop_grain_of_second)
    result = restore(tape, folder)
    assert result.plan is not None
    assert [shot.approved_by for shot in result.plan.shots] == ["rules", "person"]
    assert "detail" not in [step.stage for step in result.plan.shots[1].steps]


def _other_shots(data: dict[str, object]) -> None:
    shots = data["shots"]
    assert isinstance(shots, list)
    del shots[1]


def _unknown_stage(data: dict[str, object]) -> None:
    shots = data["shots"]
    assert isinstance(shots, list)
    shots[0]["steps"][0]["stage"] = "denoize"


def _unknown_parameter(data: dict[str, object]) -> None:
    shots = data["shots"]
    assert isinstance(shots, list)
    shots[0]["steps"][-1]["params"]["strenght"] = 1


def _steps(data: dict[str, object], change: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> None:
    shots = data["shots"]
    assert isinstance(shots, list)
    shots[0]["steps"] = change(shots[0]["steps"])


def _without(*stages: str) -> Callable[[dict[str, object]], None]:
    def change(data: dict[str, object]) -> None:
        _steps(data, lambda steps: [step for step in steps if step["stage"] not in stages])

    change.__name__ = f"without-{'-'.join(stages)}"
    return change


def _reversed(data: dict[str, object]) -> None:
    _steps(data, lambda steps: steps[::-1])


def _grain_before_upscaling(data: dict[str, object]) -> None:
    _steps(data, lambda steps: [steps[0], steps[-1], *steps[1:-1]])


def _text_for_a_number(data: dict[str, object]) -> None:
    shots = data["shots"]
    assert isinstance(shots, list)
    shots[0]["steps"][-1]["params"]["share"] = "much"


def _other_width(data: dict[str, object]) -> None:
    shots = data["shots"]
    assert isinstance(shots, list)
    step = next(step for step in shots[0]["steps"] if step["stage"] == "upscale.fine")
    step["params"]["width"] = 200


def _other_first_field(data: dict[str, object]) -> None:
    shots = data["shots"]
    assert isinstance(shots, list)
    shots[1]["first_field"] = 1


def _other_seed(data: dict[str, object]) -> None:
    data["seed"] = 7


@pytest.mark.parametrize(
    "change",
    [
        _other_shots, _unknown_stage, _unknown_parameter, _without("fieldlift.restore"), _without("upscale.fine"),
        _reversed, _grain_before_upscaling, _text_for_a_number, _other_width, _other_first_field, _other_seed,
    ],
)  # fmt: skip
def test_wrong_plan_is_refused(
    tape: Path, copied: Callable[[], Path], change: Callable[[dict[str, object]], None]
) -> None:
    folder = copied()
    edit_plan(folder, change)
    with pytest.raises((PlanError, UsageError)) as caught:
        restore(tape, folder)
    assert caught.value.exit_code == 2
    assert caught.value.remedy


def test_plan_tells_what_is_reused(tape: Path, copied: Callable[[], Path]) -> None:
    planned = run.plan(jobs.open_job(tape, copied(), SMALL, Path("/dev/null")), silent)
    assert {forecast.action for forecast in planned.forecasts} == {"reuse"}
    assert planned.seconds == 0


def test_plan_estimates_a_new_job(tape: Path, tmp_path: Path) -> None:
    planned = run.plan(jobs.open_job(tape, tmp_path / "job", SMALL, Path("/dev/null")), silent)
    assert planned.seconds > 0
    assert planned.disk > 0
    assert (tmp_path / "job" / "plan.json").is_file()


def test_scan_makes_no_master(tape: Path, tmp_path: Path) -> None:
    result = run.scan(jobs.open_job(tape, tmp_path / "job", SMALL, Path("/dev/null")), silent)
    assert len(result.survey.shots) == 2
    assert not (tmp_path / "job" / "master.mkv").exists()
    assert (tmp_path / "job" / "report.html").is_file()


def test_foreign_folder_is_left_alone(tape: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(OutputExistsError) as caught:
        restore(tape, tmp_path)
    assert caught.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_folder_of_a_job_killed_at_its_first_step_is_taken_up(tape: Path, tmp_path: Path) -> None:
    (tmp_path / "FORMAT").write_text("1\n", "utf-8")
    (tmp_path / ".job.toml.0a1b2c3d.part").write_text("[tape]", "utf-8")
    job = jobs.open_job(tape, tmp_path, SMALL, Path("/dev/null"))
    assert run.scan(job, silent).survey.frames == FRAMES
    assert not list(tmp_path.glob(".*.part"))


def test_leftovers_of_killed_runs_are_removed(tape: Path, copied: Callable[[], Path]) -> None:
    folder = copied()
    (folder / ".stream.0a1b2c3d.part").mkdir()
    (folder / ".stream.0a1b2c3d.part" / "master.m3u8").write_text("#EXTM3U", "utf-8")
    (folder / ".master.mkv.0a1b2c3d.part").write_bytes(b"half")
    restore(tape, folder)
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_other_tape_is_refused(copied: Callable[[], Path], tmp_path: Path) -> None:
    other = make_tape(tmp_path / "other.mkv", frames=10)
    with pytest.raises(SourceChangedError) as caught:
        restore(other, copied())
    assert caught.value.exit_code == 6


def test_moved_tape_is_the_same_tape(tape: Path, copied: Callable[[], Path], tmp_path: Path) -> None:
    moved = tmp_path / "moved.mkv"
    moved.write_bytes(tape.read_bytes())
    assert restore(moved, copied()).master is not None


def test_busy_folder_is_refused(tape: Path, copied: Callable[[], Path]) -> None:
    folder = copied()
    with JobLock(folder), pytest.raises(LockedError) as caught:
        restore(tape, folder)
    assert caught.value.exit_code == 5


def test_other_format_is_told(copied: Callable[[], Path]) -> None:
    folder = copied()
    (folder / "FORMAT").write_text("2\n", "utf-8")
    with pytest.raises(ConfigError, match="format 2"):
        jobs.open_job(None, folder)


def test_damaged_job_file_is_told(copied: Callable[[], Path]) -> None:
    folder = copied()
    (folder / "job.toml").write_text("[tape", "utf-8")
    with pytest.raises(ConfigError):
        jobs.open_job(None, folder)


def test_damaged_artifact_is_made_again(tape: Path, copied: Callable[[], Path], finished: Finished) -> None:
    """A flipped size is found at once, put aside, and the same master comes out."""
    folder = copied()
    piece = next(folder.glob("artifacts/??/*/piece*"))
    piece.chmod(0o644)
    piece.write_bytes(piece.read_bytes()[:-1])
    events: list[Event] = []
    result = restore(tape, folder, listen=events.append)
    assert result.master == finished[1].master
    assert list((folder / "quarantine").iterdir())
    assert not any(isinstance(event, Warning_) and "fail" in event.text for event in events)
