"""The command line itself: what it says of itself, what it refuses, where its words go."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from commands import PROGRAM, QUICK, inside, program

from footlights import __version__
from footlights.cli.app import app
from footlights.errors import INTERRUPTED
from tape_files import make

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_every_command_of_the_documentation_is_there() -> None:
    wanted = "compare config demo doctor encode face3d look plan premiere restore scan setup stills tape verify"
    assert wanted.split() == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_options(command: str) -> None:
    ended = inside(command, "--help")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"Usage: footlights {command} ")
    options = [line for line in ended.stdout.splitlines() if line.startswith("  -")]
    assert all(len(line.split("  ", 2)[-1].strip()) > 3 for line in options)


def test_version_is_data_and_bare_call_is_help_for_people() -> None:
    assert (inside("--version").stdout, inside("--version").code) == (f"footlights {__version__}\n", 0)
    bare = program()
    assert (bare.code, bare.stdout) == (2, "")
    assert all(f"  {command} " in bare.stderr for command in COMMANDS)


def test_help_needs_nothing_heavy() -> None:
    heavy = "{'numpy', 'av', 'cv2', 'openvino', 'scipy', 'rich'} & set(sys.modules)"
    code = f"import sys; from footlights.cli.ending import run; run(['restore', '-h']); print({heavy}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == "set()\n"


@pytest.mark.parametrize(
    ("arguments", "what", "why"),
    [
        (("scan", "--jsn", "x"), "no option '--jsn'", "did you mean '--json'?"),
        (("scan", "--outptu", "x"), "no option '--outptu'", "did you mean '--output'?"),
        (("scan", "--zzz", "x"), "no option '--zzz'", "nothing is called like that"),
        (("scann", "x"), "no command 'scann'", "did you mean 'scan'?"),
        (("zzz",), "no command 'zzz'", "nothing is called like that"),
        (("scan",), "Missing argument 'TAPE'", "Usage: footlights scan"),
        (("scan", "a", "b"), "extra argument", "Usage: footlights scan"),
        (("--set",), "no option '--set'", "nothing is called like that"),
        (("tape", "a", "-o", "b", "--seed", "x"), "'--seed'", "Usage: footlights tape"),
        (("config", "--set", "enhancement.grain.shar=1"), "enhancement.grain.shar", "'enhancement.grain.share'?"),
        (("config", "--set", "enhancement.grain=1"), "enhancement.grain", "enhancement.grain.share"),
        (("config", "--set", "zzz=1"), "zzz", "nothing is called like that"),
        (("config", "--set", "enhancement.grain.share"), "--set", "no '='"),
        (("config", "--set", "enhancement.grain.share=9"), "enhancement.grain.share = 9", "less than or equal to 1"),
        (("config", "--set", "master.codec=vhs"), "master.codec = 'vhs'", "'av1'"),
        (("config", "--config", "/nowhere/a.toml"), "/nowhere/a.toml", "No such file"),
        (("restore", "a", "--chain", "magic"), "restoration.chain = 'magic'", "'classical'"),
        (("verify", "/proc"), "/proc is no job folder", "job.toml"),
        (("stills", "/proc", "-o", "/tmp/a.png"), "/proc is no job folder", "job.toml"),
        (("stills", "/proc", "-o", "tape.mpg"), "tape.mpg", ".png"),
        (("stills", "/proc", "-o", "a.png", "--crop", "1,2"), "--crop 1,2", "four numbers"),
        (("look", "/proc", "-o", "/tmp/a.cube"), "/proc is no job folder", "job.toml"),
        (("look", "/proc", "-o", "a.png"), "a.png cannot be written", ".cube"),
        (("look", "/proc", "--points", "99"), "99 points a side", "2 to 65"),
        (("tape", "a", "-o", "/nowhere/a.mpg"), "/nowhere/a.mpg", "no folder /nowhere"),
        (("tape", "a", "-o", "a.mpg", "--cuts", "one"), "--cuts one", "field numbers"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_misuse_is_one_paragraph_with_exit_code_2(arguments: tuple[str, ...], what: str, why: str) -> None:
    error = inside(*arguments, "--json").refused(2)
    assert what in error["what"]
    assert why in error["why"]
    assert "--help" in error["remedy"] or len(error["remedy"].split()) > 2


def test_an_option_without_its_value_is_misuse_too() -> None:
    ended = inside("scan", "tape.mpg", "--set")
    assert (ended.code, ended.stdout) == (2, "")
    assert "'--set' requires an argument" in ended.stderr


@pytest.mark.parametrize("place", ["file", "environment"])
def test_unknown_setting_is_found_wherever_it_stands(tmp_path: Path, place: str) -> None:
    settings = tmp_path / "my.toml"
    settings.write_text("[enhancement.grain]\nshar = 0.5\n" if place == "file" else "")
    extra = {} if place == "file" else {"FOOTLIGHTS_ENHANCEMENT__GRAIN__SHAR": "0.5"}
    error = program("config", "--config", settings, "--json", environment=extra).refused(2)
    assert str(settings if place == "file" else "$FOOTLIGHTS_ENHANCEMENT__GRAIN__SHAR") in error["what"]
    assert "'enhancement.grain.share'" in error["why"]


def test_settings_are_listed_with_their_origin(tmp_path: Path) -> None:
    settings = tmp_path / "my.toml"
    settings.write_text("[encoding]\nheights = [720]\n")
    (listing,) = inside("config", "--config", settings, "--set", "enhancement.grain.share=0", "--json").objects
    rows = {row["name"]: (row["value"], row["origin"]) for row in listing["settings"]}
    assert (listing["schema"], listing["kind"]) == (1, "config")
    assert rows["encoding.heights"] == ([720], str(settings))
    assert rows["enhancement.grain.share"] == (0, "--set")
    assert rows["geometry.height"] == (2160, "default")
    text = inside("config", "--config", "/dev/null").stdout.splitlines()
    assert len(text) == len(rows)
    assert "geometry.height = 2160  # default" in text


def test_doctor_knows_the_installation() -> None:
    (listing,) = inside("doctor", "--json").objects
    findings = {row["name"]: row for row in listing["findings"]}
    assert (listing["schema"], listing["kind"]) == (1, "doctor")
    assert {"footlights", "python", "av", "ffmpeg program", "FFmpeg inside PyAV", "processor", "GPU", "sqlite"} <= set(
        findings
    )
    assert findings["footlights"]["found"] == __version__
    assert all(row["state"] in ("ok", "note") for row in findings.values())
    assert all(row["advice"] for row in findings.values() if row["state"] == "note" and row["name"] != "GPU")
    table = inside("doctor")
    assert table.code == 0
    assert "ffmpeg program" in table.stdout


@pytest.mark.parametrize("arguments", [("--version",), ("config",), ("config", "--json"), ("doctor",)], ids=" ".join)
def test_full_output_is_a_pause_not_a_traceback(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 7
    (paragraph,) = done.stderr.splitlines()
    assert "No space left on device" in paragraph
    assert "same command again" in paragraph


def test_reader_that_goes_away_makes_no_noise() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "wb") as closed:  # noqa: PTH123 - a descriptor, not a path
        done = subprocess.run([*PROGRAM, "config"], stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr == ""


def test_names_from_files_cannot_steer_the_terminal() -> None:
    name = "\x1b]0;gotcha\x07[bold]\u202egpm.epat[/red]:smile:"
    ended = inside("scan", name, "--json")
    ended.refused(3)
    assert "\\u001b]0;gotcha\\u0007[bold]\\u202egpm.epat[/red]:smile: cannot be read" in ended.stderr
    assert not any(char in ended.stderr for char in "\x1b\x07\u202e")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_work_ends_with_130_and_goes_on_later(tmp_path: Path, sign: signal.Signals) -> None:
    tape, job = make(tmp_path / "tape.mkv", 6), tmp_path / "job"
    command = [*PROGRAM, "scan", str(tape), "-o", str(job), *QUICK, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if '"task-started"' in line)
        process.send_signal(sign)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert "same command goes on" in stderr
    assert "Traceback" not in stderr
    assert inside(*command[1:]).code == 0


def test_a_terminal_gets_bars_and_a_pipe_gets_none(tmp_path: Path) -> None:
    tape = make(tmp_path / "tape.mkv", 4)
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "scan", str(tape), "-o", str(tmp_path / "job"), *QUICK]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while block := _read(ours):
            shown += block
        assert process.stdout is not None
        data = process.stdout.read().decode()
    os.close(ours)
    assert process.returncode == 0
    assert "Taking the tape in" in shown.decode()
    assert "100%" in shown.decode()
    assert "\x1b" not in data
    assert str(tmp_path / "job" / "report.html") in data


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 4096)
    except OSError:  # Linux's way to say that the other end of a terminal is closed
        return b""
