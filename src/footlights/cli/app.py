"""`footlights`: the commands and their options.

Heavy imports happen inside the commands, so that `--help` is instant. How a command ends is in `cli.ending`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from footlights import __version__, presets
from footlights.cli.output import out, say
from footlights.errors import UsageError, did_you_mean


class Commands(typer.core.TyperGroup):
    """The group of all commands; refuses an unknown one in the form of our own errors."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name, command and arguments, as typer asks for them."""
        if self.get_command(ctx, args[0]) is None:
            raise UsageError(
                f"there is no command '{args[0]}'",
                did_you_mean(args[0], self.commands) or "nothing is called like that",
                "`footlights --help` lists all commands",
            )
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="footlights",
    cls=Commands,
    help="Restores filmed stage performances: an interlaced SD tape in, a faithful 4K master and a stream out.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Tape = Annotated[
    Path,
    typer.Argument(
        readable=False,
        metavar="TAPE",
        help="Video file (MPEG, VOB, DV, AVI, MOV, MP4, MXF, MKV …), or the folder of its job.",
        show_default=False,
    ),
]
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
Faithful = Annotated[bool, typer.Option("--faithful", help="Preset: nothing learned beyond fields and noise.")]
Balanced = Annotated[bool, typer.Option("--balanced", help="Preset: the defaults.")]
Bold = Annotated[bool, typer.Option("--bold", help="Preset: more detail, less noise, inside the same limits.")]
Json = Annotated[bool, typer.Option("--json", help="Events as NDJSON on stdout, one object a line.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Options that come before a command."""
    if version:
        out(f"footlights {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(UsageError.exit_code)


@app.command()
def restore(  # noqa: PLR0913 - each parameter is an option
    tape: Tape,
    output: Folder = None,
    sets: Sets = None,
    config: ConfigFile = None,
    as_json: Json = False,
    chain: Annotated[str | None, typer.Option(help="Short for --set restoration.chain=…", show_default=False)] = None,
    sr_model: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Short for --set restoration.sr_model=FILE: your own net.", show_default=False
        ),
    ] = None,
    faithful: Faithful = False,
    balanced: Balanced = False,
    bold: Bold = False,
) -> None:
    """The whole way: tape to 4K master, stream and report. Run again, it goes on where it stopped.

    Example: footlights restore concert.mpg -o concert --set enhancement.grain.share=0.5
    """  # fmt: skip
    from footlights.cli import jobs

    short = {"restoration.chain": chain, "restoration.sr_model": sr_model}
    chosen = [*(sets or []), *(f"{name}={value}" for name, value in short.items() if value)]
    preset = presets.choose(faithful=faithful, balanced=balanced, bold=bold)
    jobs.restore(tape, output, jobs.Choice(tuple(chosen), config, preset), as_json=as_json)


@app.command()
def scan(
    tape: Tape, output: Folder = None, sets: Sets = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """Analysis and report only: noise, lost frames, cadence, faces, light, sharpness, per shot."""
    from footlights.cli import jobs

    jobs.scan(tape, output, jobs.Choice(tuple(sets or ()), config), as_json=as_json)


@app.command()
def plan(
    tape: Tape,
    output: Folder = None,
    sets: Sets = None,
    config: ConfigFile = None,
    as_json: Json = False,
    faithful: Faithful = False,
    balanced: Balanced = False,
    bold: Bold = False,
) -> None:
    """What would be done to each shot and why, how long it takes and how much disk; writes plan.json, which may be
    edited before `restore`."""
    from footlights.cli import jobs

    preset = presets.choose(faithful=faithful, balanced=balanced, bold=bold)
    jobs.plan(tape, output, jobs.Choice(tuple(sets or ()), config, preset), as_json=as_json)


@app.command()
def encode(  # noqa: PLR0913 - options of a command line
    video: Annotated[
        Path, typer.Argument(readable=False, metavar="VIDEO", help="Any progressive video.", show_default=False)
    ],
    output: Folder = None,
    sets: Sets = None,
    config: ConfigFile = None,
    target: Annotated[
        float | None, typer.Option(help="Short for --set encoding.target=…: VMAF to reach.", show_default=False)
    ] = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="One rendition at the video's size, slow and fine.")
    ] = False,
    stream: Annotated[bool, typer.Option("--stream", help="The ladder of the settings.")] = False,
    premiere: Annotated[
        bool, typer.Option("--premiere", help="The ladder by allocation, with its peaks capped.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell renditions, sizes and work, and encode nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The encoding half on any video: quality-searched ladder, HLS and DASH.

    Example: footlights encode film.mov -o film --target 95 --premiere
    """  # fmt: skip
    from footlights.cli import encodes, jobs

    flags = {"archive": archive, "stream": stream, "premiere": premiere}
    jobs.encode(video, output, encodes.chosen(flags, target, tuple(sets or ())), config, as_json=as_json, dry=dry_run)


@app.command("premiere")
def show_premiere(  # noqa: PLR0913 - options of a command line
    folders: Annotated[
        list[Path],
        typer.Argument(
            readable=False, metavar="DIR", help="Stream or job folder; several are shown in turn.", show_default=False
        ),
    ],
    at: Annotated[
        str, typer.Option("--at", help="When it begins: 2026-12-31T20:00:00+01:00, or +SECONDS.", show_default=False)
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8080,
    lobby: Annotated[float, typer.Option(help="Seconds of slate before it begins.")] = 900.0,
    window: Annotated[float, typer.Option(help="Seconds viewers can go back while it is live.")] = 60.0,
    title: Annotated[str, typer.Option(help="Title of the page; the folder's name when left out.")] = "",
    slate: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(readable=False, help="Picture for the slate.", show_default=False),
    ] = None,
    players: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            readable=False, help="Folder with hls.min.js or shaka-player.compiled.js for the page.", show_default=False
        ),
    ] = None,
    work: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(readable=False, help="Folder for the slate; beside DIR when left out.", show_default=False),
    ] = None,
    publish: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(readable=False, help="Write files for a web server here instead of serving.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say when and what it costs, and do nothing.")] = False,
    viewers: Annotated[int, typer.Option(min=1, help="Viewers for the cost.")] = 1000,
    mix: Annotated[
        str, typer.Option(help="Lines in Mbit/s with shares for the cost, 25:0.6,5:0.4.", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    """Show a finished stream as if it were live: slate, countdown, programme, then video on demand; HLS and DASH."""
    from footlights.cli import premieres

    choice = premieres.Choice(tuple(folders), at, lobby, window, title, slate, players, work)
    if dry_run:
        premieres.estimate(choice, viewers, mix, as_json=as_json)
    elif publish is not None:
        premieres.publish(choice, publish, as_json=as_json)
    else:
        premieres.serve(choice, host, port, as_json=as_json)


@app.command()
def verify(
    job: Annotated[Path, typer.Argument(readable=False, metavar="JOB", help="Job folder.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Decode and hash everything in a job folder again; exit code 8 if anything is not as it was made."""
    from footlights.cli import jobs

    jobs.verify(job, as_json=as_json)


@app.command()
def compare(
    reference: Annotated[
        Path, typer.Argument(readable=False, metavar="REFERENCE", help="The video to be like.", show_default=False)
    ],
    test: Annotated[
        Path,
        typer.Argument(
            readable=False,
            metavar="TEST",
            help="The video to judge; scaled to the reference's size.",
            show_default=False,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Metrics table: VMAF-NEG, PSNR, SSIM, XPSNR of TEST against REFERENCE."""
    from footlights.cli import tools

    tools.compare(reference, test, as_json=as_json)


@app.command()
def stills(
    job: Annotated[
        Path,
        typer.Argument(readable=False, metavar="JOB", help="Job folder with a finished master.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="PNG to write.")] = Path("before-after.png"),
    frame: Annotated[int, typer.Option(help="Source frame; -1 takes the middle of the longest shot.")] = -1,
    crop: Annotated[str, typer.Option(help="Part of the picture, left,top,width,height in per cent.")] = "0,0,100,100",
    height: Annotated[int, typer.Option(help="Lines of the pictures.")] = 540,
    as_json: Json = False,
) -> None:
    """A picture of the tape beside the same moment of the master."""
    from footlights.cli import tools

    tools.stills(job, output, frame, crop, height, as_json=as_json)


@app.command()
def look(
    job: Annotated[
        Path, typer.Argument(readable=False, metavar="JOB", help="Job folder with a plan.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Look table to write, .cube.")] = Path("look.cube"),
    shot: Annotated[int, typer.Option(help="Number of the shot.")] = 0,
    points: Annotated[int, typer.Option(help="Points a side, 2 to 65.")] = 33,
    as_json: Json = False,
) -> None:
    """The colours that the plan gives to a shot, as a look table for other programs."""
    from footlights.cli import tools

    tools.look(job, output, shot, points, as_json=as_json)


@app.command()
def tape(  # noqa: PLR0913 - options of a command line
    clean: Annotated[
        Path,
        typer.Argument(
            metavar="CLEAN", help="Clean progressive video, best at field rate (50p, 59.94p).", show_default=False
        ),
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

    jobs.demo(output, jobs.Choice(tuple(sets or ())), as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Versions, linked FFmpeg, codecs, processor features, GPU, disk, sqlite."""
    from footlights.cli import tools

    tools.doctor(as_json=as_json)


@app.command()
def setup(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="user-models: run super-resolution nets of your own.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be installed, and do nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Install what an optional part needs. The only command that uses the network."""
    from footlights.cli import tools

    tools.setup(what, dry_run=dry_run, as_json=as_json)


@app.command()
def face3d(
    views: Annotated[
        list[Path],
        typer.Argument(
            readable=False,
            metavar="VIEW...",
            help="Pictures of one person, best from several sides.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Mesh to write.")] = Path("face.obj"),
    face_model: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="DIR",
            help="Folder in the layout of ICT-FaceKit instead of our own shape model.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """One head from several pictures of it: textured mesh (OBJ, MTL, PNG) and a turntable picture.

    Example: footlights face3d left.png front.png right.png -o singer.obj
    """  # fmt: skip
    from footlights.cli import tools

    tools.face3d(views, output, face_model, as_json=as_json)


@app.command("config")
def show_config(sets: Sets = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """All settings with their values and where each came from."""
    from footlights.cli import tools

    tools.show_config(tuple(sets or ()), config, as_json=as_json)
