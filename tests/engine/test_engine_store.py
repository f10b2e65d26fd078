"""The index: rebuilt whenever it is missing, damaged or foreign, and never in the way."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from dying_publisher import draft, making

from footlights.engine import store as stores
from footlights.engine.artifacts import ArtifactStore
from footlights.engine.state import JobPhase, TaskState
from footlights.engine.store import Row, Store, row_of

NAME = "store.sqlite3"


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    artifacts = ArtifactStore(tmp_path)
    artifacts.prepare()
    return artifacts


def publish(artifacts: ArtifactStore, number: int, cost_ms: int = 5) -> Row:
    key = f"{number:02x}" * 32
    made = making(key=key, task=f"task/{number}", cost_ms=cost_ms)
    return row_of(artifacts.publish(draft(artifacts), made).artifact.manifest)


def test_rows_survive_and_the_last_state_counts(artifacts: ArtifactStore):
    with Store(artifacts) as store:
        store.record(Row("k", "a", "m:f", TaskState.RUNNING))
        store.record(Row("k", "a", "m:f", TaskState.DONE, "c", 2, 1500, 10, 3))
        store.record(Row("k", "b", "m:f", TaskState.FAILED))
        store.set_phase(JobPhase.COMPLETE, "all there")
    with Store(artifacts) as store:
        assert store.notice == ""
        assert store.ended_in_order
        assert store.rows() == [
            Row("k", "a", "m:f", TaskState.DONE, "c", 2, 1500, 10, 3), Row("k", "b", "m:f", TaskState.FAILED)
        ]  # fmt: skip
        assert store.phase() == (JobPhase.COMPLETE, "all there")


def test_median_cost_per_unit_ignores_what_was_not_done(artifacts: ArtifactStore):
    with Store(artifacts) as store:
        assert store.seconds_per_unit("m:f") is None
        for number, cost in enumerate((1000, 3000, 90000)):
            store.record(Row(f"k{number}", "a", "m:f", TaskState.DONE, cost_ms=cost, units=10))
        store.record(Row("x", "a", "m:f", TaskState.FAILED, cost_ms=1, units=10))
        store.record(Row("y", "a", "m:f", TaskState.DONE, cost_ms=1, units=0))
        store.flush()
        assert store.seconds_per_unit("m:f") == pytest.approx(0.3)


def test_latest_key_of_a_task_follows_use_not_making(artifacts: ArtifactStore):
    with Store(artifacts) as store:
        for key in ("one", "two"):
            store.record(Row(key, "a", "m:f", TaskState.DONE))
            store.flush()
        assert store.latest("a") == "two"
        store.adopt(Row("one", "a", "m:f", TaskState.DONE))
        store.record(Row("three", "a", "m:f", TaskState.FAILED))
        store.flush()
        assert store.latest("a") == "one"
        assert store.latest("nobody") is None


def test_artifacts_are_trusted_after_an_orderly_end_or_a_full_check(artifacts: ArtifactStore):
    store = Store(artifacts)
    store.__enter__()
    for key in ("one", "two"):
        store.record(Row(key, "a", "m:f", TaskState.DONE))
    store.flush()
    store._close()  # as a kill does

    with Store(artifacts) as store:
        assert not store.ended_in_order
        assert not store.trusted("one")
        store.adopt(Row("one", "a", "m:f", TaskState.DONE))
        store.adopt(Row("two", "a", "m:f", TaskState.DONE))
        store.record(Row("three", "a", "m:f", TaskState.DONE))
        store.trust("one")
    with Store(artifacts) as store:
        assert store.ended_in_order
        assert [store.trusted(key) for key in ("one", "two", "three", "unknown")] == [True, False, True, False]


def test_artifact_made_again_has_to_earn_trust_again(artifacts: ArtifactStore):
    with Store(artifacts) as store:
        store.record(Row("k", "a", "m:f", TaskState.DONE))
    store = Store(artifacts)
    store.__enter__()
    assert store.trusted("k")
    store.record(Row("k", "a", "m:f", TaskState.DONE))
    store.flush()
    store._close()  # as a kill does
    with Store(artifacts) as store:
        assert not store.trusted("k")


def _delete(path: Path) -> None:
    path.unlink()


def _zero(path: Path) -> None:
    path.write_bytes(b"")


def _noise(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)


def _scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))


def _newer(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()


@pytest.mark.parametrize("harm", [_delete, _zero, _noise, _scribble, _newer])
def test_index_is_rebuilt_from_manifests(artifacts: ArtifactStore, harm: Callable[[Path], None]):
    rows = [publish(artifacts, number, cost_ms=2000) for number in range(3)]
    with Store(artifacts) as store:
        for row in rows:
            store.record(row)
    harm(artifacts.job_folder / NAME)
    with Store(artifacts) as store:
        assert "rebuilt from 3 artifacts" in store.notice
        assert store.rows() == rows
        assert store.seconds_per_unit("m:f") == 2.0
        assert store.latest("task/1") == rows[1].key
        assert not store.trusted(rows[0].key)
    kept = list((artifacts.job_folder / "quarantine").iterdir())
    assert bool(kept) == (harm is not _delete), "the old file is kept for a look"


def test_new_job_is_no_reason_for_a_notice(artifacts: ArtifactStore):
    with Store(artifacts) as store:
        assert store.notice == ""


def test_journal_of_a_lost_index_is_not_played_into_the_new_one(artifacts: ArtifactStore):
    rows = [publish(artifacts, 1)]
    journal = artifacts.job_folder / f"{NAME}-journal"
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\xff" * 4096)
    with Store(artifacts) as store:
        assert store.rows() == rows
    assert [path.name.endswith("-journal") for path in (artifacts.job_folder / "quarantine").iterdir()] == [True]


def test_index_deleted_or_broken_under_way_is_rebuilt(artifacts: ArtifactStore):
    path = artifacts.job_folder / NAME
    row = publish(artifacts, 1)
    with Store(artifacts) as store:
        path.unlink()
        store.record(row)
        store.flush()
        assert "rebuilt" in store.notice
        assert store.rows() == [row]
        _noise(path)
        store.record(row)
        store.flush()
        assert store.rows() == [row]
    with Store(artifacts) as store:
        assert store.notice == ""
        assert store.rows() == [row]


def test_reader_that_holds_its_lock_only_delays_rows(artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stores, "_BUSY_MS", 10)
    with Store(artifacts) as store:
        reader = sqlite3.connect(f"file:{artifacts.job_folder / NAME}?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM job").fetchall()
        store.record(Row("k", "a", "m:f", TaskState.DONE))
        store.flush()
        assert store.latest("a") is None
        reader.execute("COMMIT")
        reader.close()
        store.flush()
        assert store.latest("a") == "k"


def test_full_disk_is_an_error_of_the_disk(artifacts: ArtifactStore):
    with Store(artifacts) as store:
        store._database.execute("PRAGMA max_page_count = 1")
        store.record(Row("k", "a" * 100_000, "m:f", TaskState.DONE))
        with pytest.raises(OSError, match="full") as caught:
            store.flush()
        assert caught.value.errno == errno.ENOSPC


def test_settings_are_the_safe_ones(artifacts: ArtifactStore):
    with Store(artifacts) as store:
        for pragma, value in (("journal_mode", "delete"), ("synchronous", 2), ("foreign_keys", 1), ("user_version", 1)):
            assert store._database.execute(f"PRAGMA {pragma}").fetchone()[0] == value
