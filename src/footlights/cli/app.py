"""`footlights`: the commands and how they end.

Data goes to stdout, messages to stderr. Exit codes are those of `footlights.errors`. Heavy imports happen inside the
commands, so that `--help` is instant.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import click
import typer

from footlights import __version__
from footlights.errors import INTERRUPTED, FootlightsError

app = typer.Typer(
    name="footlights",
    help="Restores filmed stage performances: an interlaced SD tape in, a faithful 4K master and a stream out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Tape = Annotated[Path, typer.Argument(help="Video file: MPEG, VOB, DV, AVI, MOV, MP4, MXF, MKV …", show_default=False)]
Folder = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("-o", "--output", help="Job folder; TAPE's name with .footlights when left out.", show_default=False),
]
Sets = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, e.g. enhancement.grain.share=0. Repeatable."),
]
ConfigFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--config", help="Settings file instead of ./footlights.toml.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Events as NDJSON on stdout, one object a line.")]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    """Options that come before a command."""
    if version:
        typer.echo(f"footlights {__version__}")
        raise typer.Exit


@app.command()
def restore(
    tape: Tape,
    output: Folder = None,
    sets: Sets = None,
    config: ConfigFile = None,
    as_json: Json = False,
    chain: Annotated[str | None, typer.Option(help="Short for --set restoration.chain=…", show_default=False)] = None,
) -> None:
    """The whole way: tape to 4K master, stream and report. Run again, it goes on where it stopped.

    Example: footlights restore concert.mpg -o concert --set enhancement.grain.share=0.5
    """  # fmt: skip
    from footlights.cli import jobs

    chosen = [*(sets or []), *([f"restoration.chain={chain}"] if chain else [])]
    jobs.restore(tape, output, tuple(chosen), config, as_json=as_json)


@app.command()
def scan(
    tape: Tape, output: Folder = None, sets: Sets = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """Analysis and report only: noise, lost frames, cadence, faces, light, sharpness, per shot."""
    from footlights.cli import jobs

    jobs.scan(tape, output, tuple(sets or ()), config, as_json=as_json)


@app.command()
def plan(
    tape: Tape, output: Folder = None, sets: Sets = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """What would be done to each shot and why, how long it takes and how much disk; writes plan.json, which may be
    edited before `restore`."""
    from footlights.cli import jobs

    jobs.plan(tape, output, tuple(sets or ()), config, as_json=as_json)


@app.command()
def encode(
    video: Annotated[Path, typer.Argument(help="Any progressive video.", show_default=False)],
    output: Folder = None,
    sets: Sets = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """The encoding half on any video: quality-searched ladder, HLS and DASH."""  # fmt: skip
    from footlights.cli import jobs

    jobs.encode(video, output, tuple(sets or ()), config, as_json=as_json)


@app.command()
def verify(job: Annotated[Path, typer.Argument(help="Job folder.", show_default=False)], as_json: Json = False) -> None:
    """Decode and hash everything in a job folder again; exit code 8 if anything is not as it was made."""
    from footlights.cli import jobs

    jobs.verify(job, as_json=as_json)


@app.command()
def compare(
    reference: Annotated[Path, typer.Argument(help="The video to be like.", show_default=False)],
    test: Annotated[
        Path, typer.Argument(help="The video to judge; scaled to the reference's size.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Metrics table: VMAF-NEG, PSNR, SSIM, XPSNR of TEST against REFERENCE."""
    from footlights.cli import tools

    tools.compare(reference, test, as_json=as_json)


@app.command()
def stills(
    job: Annotated[Path, typer.Argument(help="Job folder with a finished master.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="PNG to write.")] = Path("before-after.png"),
    frame: Annotated[int, typer.Option(help="Source frame; -1 takes the middle of the longest shot.")] = -1,
    crop: Annotated[str, typer.Option(help="Part of the picture, left,top,width,height in per cent.")] = "0,0,100,100",
    height: Annotated[int, typer.Option(help="Lines of the pictures.")] = 540,
) -> None:
    """A picture of the tape beside the same moment of the master."""
    from footlights.cli import tools

    tools.stills(job, output, frame, crop, height)


@app.command()
def tape(  # noqa: PLR0913 - options of a command line
    clean: Annotated[
        Path, typer.Argument(help="Clean progressive video, best at field rate (50p, 59.94p).", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Tape to write: .mpg, .dv, .avi, .mov or .mkv.")],
    preset: Annotated[str, typer.Option(help="light, medium, heavy or vhs.")] = "medium",
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 1,
    standard: Annotated[str, typer.Option(help="ntsc (480i59.94), pal (576i50) or auto by the video's rate.")] = "auto",
    field_order: Annotated[str, typer.Option(help="top-first, bottom-first or auto by the format.")] = "auto",
    codec: Annotated[str, typer.Option(help="mpeg2, dv, ffv1 or auto by the file's name.")] = "auto",
    scan: Annotated[str, typer.Option(help="interlaced, progressive or telecine.")] = "interlaced",
    cuts: Annotated[str, typer.Option(help="Field numbers of cuts, comma-separated, for the ground truth.")] = "",
    as_json: Json = False,
) -> None:
    """Simulate a tape from clean video; writes the ground truth beside it (TAPE.truth.json)."""
    from footlights.cli import tools

    tools.make_tape(
        clean,
        output,
        preset=preset,
        seed=seed,
        standard=standard,
        field_order=field_order,
        codec=codec,
        scan=scan,
        cuts=cuts,
        as_json=as_json,
    )


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the sample and its job.")] = Path("demo"),
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Make a short sample tape and restore it. Opens nothing on the network."""
    from footlights.cli import jobs

    jobs.demo(output, tuple(sets or ()), as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Versions, linked FFmpeg, codecs, processor features, GPU, disk, sqlite."""
    from footlights.cli import tools

    tools.doctor(as_json=as_json)


@app.command("config")
def show_config(sets: Sets = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """All settings with their values and where each came from."""
    from footlights.cli import tools

    tools.show_config(tuple(sets or ()), config, as_json=as_json)


def main() -> None:
    """Entry point: run a command, say how it ended, exit with its code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        command = typer.main.get_command(app)
        code = command.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; finished work is kept and the same command goes on with it")
        code = INTERRUPTED
    except FootlightsError as error:
        _say(f"error {error.code}: {error}")
        if "--json" in sys.argv:
            sys.stdout.write(json.dumps(_described(error), ensure_ascii=False) + "\n")
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)


def _described(error: FootlightsError) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "error",
        "code": error.code,
        "what": error.what,
        "why": error.why,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
