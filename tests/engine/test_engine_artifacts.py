"""Artifacts: complete under their final name or not there at all, and every changed byte is found."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from dying_publisher import KEY, draft, making
from toy_engine import HERE

from footlights.engine.artifacts import ArtifactStore, Level
from footlights.engine.manifest import DamagedArtifactError, is_safe_name
from footlights.errors import InternalError


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    store = ArtifactStore(tmp_path)
    store.prepare()
    return store


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def unlock(path: Path) -> Path:
    path.chmod(0o644)
    return path


def test_published_artifact_is_complete_and_read_only(store: ArtifactStore):
    published = store.publish(draft(store), making(warnings=("loud",), environment={"tool": "1"}))
    artifact = store.validate(KEY, Level.FULL)
    assert artifact == published.artifact
    assert artifact.folder == store.folder_of(KEY)
    assert artifact.path("deep/er/two.bin").read_text() == "payloadpayload"
    assert artifact.facts == {"n": 1}
    assert artifact.manifest.bytes == 21
    assert artifact.manifest.making.warnings == ("loud",)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(artifact.folder)} == {0o444}
    assert [manifest.making.task for manifest in store.all_manifests()] == ["toy"]
    assert store.validate("cd" * 32) is None
    with pytest.raises(InternalError, match=r"no file 'three.bin'.*deep/er/two.bin, one.bin"):
        artifact.path("three.bin")


def test_content_is_what_the_op_says_or_the_digest_of_files_and_facts(store: ArtifactStore):
    def content(key: str, text: str, **changes: object) -> str:
        return store.publish(draft(store, text), making(key=key, **changes)).artifact.content

    plain = content("01" * 32, "x")
    assert content("02" * 32, "x", started="later", cost_ms=9, environment={"a": "b"}) == plain
    assert content("03" * 32, "y") != plain
    assert content("04" * 32, "x", facts={"n": 2}) != plain
    assert content("05" * 32, "x", content="named") == content("06" * 32, "y", content="named") == "named"


def test_publishing_again_keeps_the_first(store: ArtifactStore):
    store.publish(draft(store), making(started="first"))
    again = store.publish(draft(store), making(started="second"))
    assert again.nondeterminism == ""
    assert again.artifact.manifest.making.started == "first"
    assert list((store.job_folder / "tmp").iterdir()) == []
    assert list((store.job_folder / "quarantine").iterdir()) == []


def test_other_result_for_the_same_key_is_put_aside_and_told(store: ArtifactStore):
    first = store.publish(draft(store, "first"), making()).artifact
    second = store.publish(draft(store, "second"), making())
    assert second.artifact.content == first.content
    aside = next((store.job_folder / "quarantine").iterdir())
    assert (aside / "one.bin").read_text() == "second"
    assert f"quarantine/{aside.name}" in second.nondeterminism
    assert store.validate(KEY, Level.FULL) is not None


def test_damaged_artifact_in_the_place_gives_way(store: ArtifactStore):
    store.publish(draft(store), making())
    unlock(store.folder_of(KEY) / "one.bin").write_text("short")
    assert store.publish(draft(store), making()).nondeterminism == ""
    assert store.validate(KEY, Level.FULL) is not None
    assert len(list((store.job_folder / "quarantine").iterdir())) == 1


def test_each_flipped_bit_is_found(store: ArtifactStore):
    """In the payload by FULL, in the manifest by QUICK, unless it only changes white space."""
    store.publish(draft(store), making())
    for path in files(store.folder_of(KEY)):
        sound = unlock(path).read_bytes()
        level = Level.QUICK if path.name == "manifest.json" else Level.FULL
        for place in range(len(sound)):
            flipped = sound[:place] + bytes([sound[place] ^ 1 << place % 8]) + sound[place + 1 :]
            path.write_bytes(flipped)
            if level is Level.QUICK and b"".join(flipped.split()) == b"".join(sound.split()):
                continue
            with pytest.raises(DamagedArtifactError):
                store.validate(KEY, level)
        path.write_bytes(sound)
    assert store.validate(KEY, Level.FULL) is not None


@pytest.mark.parametrize(
    "change", ["lost", "extra", "longer", "link", "no manifest", "cut manifest", "foreign", "file"]
)
def test_quick_look_finds_what_the_list_tells(store: ArtifactStore, change: str):
    store.publish(draft(store), making())
    folder = store.folder_of(KEY)
    match change:
        case "lost":
            (folder / "one.bin").unlink()
        case "extra":
            (folder / "deep" / "more.bin").touch()
        case "longer":
            unlock(folder / "one.bin").write_text("payload+")
        case "link":
            (folder / "one.bin").unlink()
            (folder / "one.bin").symlink_to("/etc/passwd")
        case "no manifest":
            (folder / "manifest.json").unlink()
        case "cut manifest":
            os.truncate(unlock(folder / "manifest.json"), 100)
        case "foreign":
            other = store.publish(store.draft("cd" * 32), making(key="cd" * 32)).artifact
            (other.folder / "manifest.json").replace(folder / "manifest.json")
        case "file":
            folder.rename(store.job_folder / "elsewhere")
            folder.touch()
    with pytest.raises(DamagedArtifactError):
        store.validate(KEY)
    aside = store.quarantine(KEY)
    assert aside is not None
    assert store.validate(KEY) is None
    assert store.quarantine(KEY) is None


def test_error_that_says_nothing_about_the_artifact_does_not_condemn_it(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
):
    store.publish(draft(store), making())

    def too_many(*values: object, **named: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", too_many)
        with pytest.raises(OSError, match="Too many open files"):
            store.validate(KEY, Level.FULL)
    assert store.validate(KEY, Level.FULL) is not None


def test_manifest_of_a_newer_program_is_refused(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("footlights.engine.manifest.FORMAT", 2)
    store.publish(draft(store), making())
    monkeypatch.undo()
    with pytest.raises(DamagedArtifactError, match="format 2, this program reads 1"):
        store.validate(KEY)


@pytest.mark.parametrize("kind", ["link", "folder link", "pipe", "manifest", "surrogate"])
def test_draft_with_anything_but_plain_files_is_refused(store: ArtifactStore, kind: str):
    folder = draft(store)
    match kind:
        case "link":
            (folder / "deep" / "out").symlink_to("../one.bin")
        case "folder link":
            (folder / "out").symlink_to("/etc", target_is_directory=True)
        case "pipe":
            os.mkfifo(folder / "pipe")
        case "manifest":
            (folder / "manifest.json").touch()
        case "surrogate":
            (folder / os.fsdecode(b"\xff")).touch()
    with pytest.raises(InternalError):
        store.publish(folder, making())
    assert store.validate(KEY) is None


@pytest.mark.parametrize("name", ["", ".", "..", "/a", "a/../b", "./a", "a/", "a//b"])
def test_name_that_could_leave_its_folder_is_unsafe(name: str):
    assert not is_safe_name(name)


def test_plain_names_are_safe():
    assert all(map(is_safe_name, ("a", "a/b.bin", "ä ö", "..a", "a..b/c")))


def test_failing_fsync_is_told_once_and_nothing_gets_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The kernel may have dropped the pages that could not be written, so a second fsync would lie."""
    calls: list[int] = []
    failing_call = 0

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) == failing_call:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def attempt(name: str) -> bool:
        """Publish in a fresh store; whether the artifact has its name afterwards."""
        store = ArtifactStore(tmp_path / name)
        store.job_folder.mkdir()
        store.prepare()
        folder = draft(store)
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            if failing_call:
                with pytest.raises(OSError, match=os.strerror(errno.EIO)):
                    store.publish(folder, making())
            else:
                store.publish(folder, making())
        named = store.validate(KEY, Level.FULL) is not None
        assert named != folder.exists()
        return named

    assert attempt("sound")
    total = len(calls)
    assert total >= 8
    for failing_call in range(1, total + 1):
        named = attempt(str(failing_call))
        assert len(calls) == failing_call, "nothing is tried again"
        assert named == (failing_call == total), "only the fsync of the parent comes after the name"


def test_kill_at_each_step_of_publishing_leaves_all_or_nothing(tmp_path: Path):
    command = [sys.executable, str(HERE / "dying_publisher.py"), str(tmp_path)]
    steps = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert steps >= 10
    outcomes = []
    for number in range(1, steps + 1):
        store = ArtifactStore(tmp_path / str(number))
        outcomes.append(store.validate(KEY, Level.FULL) is not None)
        assert store.clean_tmp() == (0 if outcomes[-1] else 1)
        assert store.publish(draft(store), making()).nondeterminism == ""
        assert store.validate(KEY, Level.FULL) is not None
    assert outcomes == sorted(outcomes), "once there, it stays there"
    assert set(outcomes) == {True, False}


def test_drafts_are_cleaned_away_whatever_they_hold(store: ArtifactStore, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    draft(store)
    (store.job_folder / "tmp" / "link").symlink_to(outside, target_is_directory=True)
    (store.job_folder / "tmp" / "file").touch()
    assert store.clean_tmp() == 3
    assert list((store.job_folder / "tmp").iterdir()) == []
    assert (outside / "precious").exists()
