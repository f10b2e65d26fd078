"""What `footlights encode` is for: three purposes as settings, which `--set` overrides."""

from __future__ import annotations

from footlights.errors import UsageError

PURPOSES = {
    "archive": (
        "encoding.heights=[4320]",
        "encoding.h264_height=0",
        "encoding.preset=6",
        "encoding.target=96",
        "encoding.grain=keep",
    ),
    "stream": (),
    "premiere": ("encoding.mode=mean", "encoding.preset=6"),
}
"""`archive`: one rendition at the video's own size, slow and fine, its grain kept as it is; `stream`: the ladder as
set; `premiere`: the ladder by allocation, whose caps on rates hold for viewers who all meet the same peak, at a preset
that takes 1.9 times as long and 15 % fewer bytes than the ladder's: it is encoded once and sent to many."""


def chosen(flags: dict[str, bool], target: float | None, sets: tuple[str, ...]) -> tuple[str, ...]:
    """Assignments for a purpose and a target, then those given; UsageError for two purposes."""
    named = [name for name, given in flags.items() if given]
    if len(named) > 1:
        raise UsageError(
            f"--{named[0]} and --{named[1]} cannot be used together", "each is a purpose of its own", "choose one"
        )
    aimed = (f"encoding.target={target:g}",) if target is not None else ()
    return (*(PURPOSES[named[0]] if named else ()), *aimed, *sets)
