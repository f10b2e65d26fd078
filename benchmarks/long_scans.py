"""Tapes at the edge, scanned from end to end at full length: `python benchmarks/long_scans.py --data DIR`.

- `shots`: 10,000 shots of one frame each: parts of real clips and of photographs in turn, mirrored or not.
- `hour`: one shot of an hour: a real clip at 50 pictures a second, forwards and backwards.
- `strobes`: a concert under strobes that never rest, from one field on and one off to six of each.
- `turned`: two shots; from the second on the other field is first, which nothing in the file tells.

PAL, 352×288 (`hour`: 176×144), interlaced, noise of 1.5 codes, MPEG-2 at 6 Mbit/s (`hour`: 2), with a tone.
`footlights scan` runs as users run it: time, memory of all its processes, exit code, sizes of what it writes, what it
says, and whether Chromium (where there is one) opens the report, how long that takes and how much memory. In pieces:
`--minutes N` and again; `--only NAME`; a tape that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import bench
import concerts
import pieces
from footlights.media import ffmpeg

Row = dict[str, Any]
Codes = NDArray[np.uint8]
Fields = tuple[Codes, Codes]
"""Two I420 pictures of half the height: upper and lower lines of a frame."""
RATE = 25
SIZES = {"shots": (352, 288), "hour": (176, 144), "strobes": (352, 288), "turned": (352, 288)}
_CLIP, _STAGE = "dance_dj_480p50.mp4", "concert_crowd_720p.mp4"
_MOST = 60
"""Pictures kept of each clip, and photographs, for `shots`."""
FRAMES = {"shots": 10_000, "hour": 3600 * RATE, "strobes": 60 * RATE, "turned": 60 * RATE}
_TIMEOUT = "60000"
"""Milliseconds of the browser's own time that a page may take."""


def pictures(path: Path, most: int) -> Iterator[Codes]:
    """The first pictures of a clip, 4:3 from its middle, at two thirds more than the tape's size."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == most:
                return
            shown = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            high, wide = shown.shape[:2]
            part = min(wide, high * 4 // 3)
            left = (wide - part) // 2
            yield np.asarray(
                cv2.resize(shown[:, left : left + part], (586, 480), interpolation=cv2.INTER_AREA), np.uint8
            )


def photograph(path: Path) -> list[Codes]:
    """A still as pictures of two instants, of the size `pictures` gives."""
    shown = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return [np.asarray(cv2.resize(shown, (586, 480), interpolation=cv2.INTER_AREA), np.uint8)] * 2


def field(picture: Codes, parity: int, gain: float = 1.0, size: tuple[int, int] = (352, 288)) -> Codes:
    """The field of one parity of a picture, I420, studio range."""
    whole = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    lit = np.clip(whole[parity::2].astype(np.float32) * gain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(lit, cv2.COLOR_RGB2YUV_I420), np.uint8)


def shots(data: Path, frames: int) -> Iterator[Fields]:
    """Another picture in every frame."""
    rng = np.random.default_rng(5)
    clips, stills = concerts.stock(data)
    shelf = [*(list(pictures(path, _MOST)) for path in clips), *(photograph(path) for path in stills[:_MOST])]
    for frame in range(frames):
        clip = shelf[frame % len(shelf)]
        start, zoom = int(rng.integers(len(clip) - 1)), rng.uniform(0.5, 1.0)
        high, wide = round(480 * zoom), round(586 * zoom)
        top, left = int(rng.integers(481 - high)), int(rng.integers(587 - wide))
        way = int(rng.choice((-1, 1)))
        early, late = (one[top : top + high, left : left + wide][:, ::way] for one in clip[start : start + 2])
        yield field(early, 0), field(late, 1)


def hour(data: Path, frames: int) -> Iterator[Fields]:
    """One shot."""
    shown = list(pictures(data / "dev_clips" / _CLIP, 900))
    made = [tuple(field(one, parity, size=SIZES["hour"]) for parity in (0, 1)) for one in shown]
    del shown
    for frame in range(frames):
        yield made[_swinging(2 * frame, len(made))][0], made[_swinging(2 * frame + 1, len(made))][1]


def strobes(data: Path, frames: int) -> Iterator[Fields]:
    """Light that changes from dark to bright and back every few fields, one to six, ever anew."""
    shown = list(pictures(data / "dev_clips" / _STAGE, 180))
    rng = np.random.default_rng(7)
    gains: list[float] = []
    while len(gains) < 2 * frames:
        each, low, high = int(rng.integers(1, 7)), rng.uniform(0.1, 0.5), rng.uniform(1.2, 2.5)
        gains += ([high] * each + [low] * each) * int(rng.integers(4, 20))
    for frame in range(frames):
        early, late = (shown[_swinging((2 * frame + second) // 2, len(shown))] for second in (0, 1))
        yield field(early, 0, gains[2 * frame]), field(late, 1, gains[2 * frame + 1])


def turned(data: Path, frames: int) -> Iterator[Fields]:
    """Top field first, and from the cut in the middle on bottom field first."""
    shown = list(pictures(data / "dev_clips" / _CLIP, 900))
    for frame in range(frames):
        early, late = (shown[_swinging(2 * frame + second, len(shown))] for second in (0, 1))
        yield (
            (field(early, 0), field(late, 1))
            if 2 * frame < frames
            else (
                field(late[:, ::-1], 0),
                field(early[:, ::-1], 1),
            )
        )


def _swinging(number: int, length: int) -> int:
    """Forwards and backwards through a clip without a jump."""
    place = number % (2 * length - 2)
    return min(place, 2 * length - 2 - place)


TAPES: dict[str, Callable[[Path, int], Iterator[Fields]]] = {
    "shots": shots, "hour": hour, "strobes": strobes, "turned": turned,
}  # fmt: skip


def write_tape(path: Path, made: Iterator[Fields], frames: int, size: tuple[int, int], bit_rate: str) -> None:
    """Weave fields (upper lines, lower lines), add noise, encode with a tone."""
    width, height = size
    raw = ffmpeg.RawFormat(width, height, "yuv420p", str(RATE))
    tone = ["-f", "lavfi", "-i", f"sine=440:r=48000:d={frames / RATE}"]
    coding = ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", bit_rate, "-maxrate", "12M", "-bufsize", "4M"]
    shape = ["-g", "12", "-bf", "2", "-threads", "1", "-c:a", "mp2", "-b:a", "128k"]
    tags = ["-map", "0:v", "-map", "1:a", "-vf", "setfield=tff,setsar=12/11"]
    rng = np.random.default_rng(3)
    noise = np.rint(rng.standard_normal((height + 64, width + 64)) * 1.5).astype(np.int16)
    words = [*tone, *tags, *coding, *shape, ffmpeg.file_url(path)]
    with ffmpeg.EncoderPipe(raw, words, doing=f"writing {path.name}") as pipe:
        for fields in made:
            frame = np.empty((height * 3 // 2, width), np.uint8)
            y, x = rng.integers(64, size=2)
            for parity, one in enumerate(fields):
                frame[parity:height:2] = one[: height // 2]
                colour = one[height // 2 :].reshape(2, height // 4, width // 2)
                frame[height:].reshape(2, height // 2, width // 2)[:, parity::2] = colour
            frame[:height] = np.clip(frame[:height] + noise[y : y + height, x : x + width], 16, 235)
            pipe.write(frame)


class _Counted(HTMLParser):
    """Elements, rows of tables and pictures of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = {"elements": 0, "tr": 0, "img": 0, "section": 0}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts["elements"] += 1
        if tag in self.counts:
            self.counts[tag] += 1


def opened(page: Path, shot: Path) -> Row | None:
    """The page in a browser: seconds, memory, and the picture of its head in `shot`. None where there is no browser."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        return None
    with TemporaryDirectory() as profile:
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--hide-scrollbars"]
        look = [f"--timeout={_TIMEOUT}", "--window-size=1200,3000", f"--screenshot={shot}"]
        ran = bench.run([program, *flags, *look, page.resolve().as_uri()])
    return {
        "painted": shot.exists(), "seconds": round(ran.seconds, 1), "peak_pss_mib": round(ran.peak_pss_mib),
    }  # fmt: skip


def measured(name: str, data: Path, frames: int, work: Path) -> Row:
    """Make the tape, scan it, look at what was written."""
    work.mkdir(parents=True, exist_ok=True)
    tape, folder = work / f"{name}-{frames}.mpg", work / f"{name}-{frames}.footlights"
    if not tape.exists():
        part = tape.with_name(f"part-{tape.name}")
        write_tape(part, TAPES[name](data, frames), frames, SIZES[name], "2M" if name == "hour" else "6M")
        part.replace(tape)
    begun = folder.exists()
    ran = bench.run(bench.footlights("scan", tape, "-o", folder), environment={"OMP_NUM_THREADS": "1"})
    (work / f"{name}.log").write_text(ran.output, "utf-8")
    row: Row = {"tape": name, "frames": frames, "resumed": begun, **ran.facts, "says": _words(ran.output)}
    if ran.code:
        return row
    page = folder / "report.html"
    counted = _Counted()
    counted.feed(page.read_text("utf-8"))
    files = [*folder.glob("report.*"), *folder.glob("reports/*")]
    return row | _found(json.loads((folder / "report.json").read_text("utf-8"))) | {
        "mib": {str(one.relative_to(folder)): round(one.stat().st_size / 2**20, 2) for one in sorted(files)},
        "page": counted.counts,
        "browser": opened(page, work / f"{name}.png"),
    }  # fmt: skip


def _words(output: str) -> str:
    """The end of what the command says, without the line that names a place on this machine."""
    told = [line for line in output.splitlines() if not line.startswith("Report: ")]
    return "\n".join(told)[-1500:]


def _found(report: Row) -> Row:
    lengths = [shot["stop"] - shot["start"] for shot in report["shots"]]
    cadences = [shot["measured"]["cadence"] for shot in report["shots"]]
    orders = [(one["kind"], one["field_order"]) for one in cadences]
    kinds = [gap["kind"] for gap in report["gaps"]]
    return {
        "frames_in": report["frames_in"],
        "shots": len(lengths),
        "shot_frames": bench.spread(lengths, 0),
        "orders": {" ".join(one): orders.count(one) for one in sorted(set(orders))},
        "gaps": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "warnings": report["warnings"],
    }


def main() -> int:
    parser = bench.arguments("long_scans", __doc__)
    parser.add_argument("--only", nargs="+", choices=list(TAPES), default=list(TAPES), help="tapes to scan")
    parser.add_argument("--share", type=float, default=1.0, help="part of the length, to try it out")
    parser.add_argument("--work", type=Path, help="folder for tapes and jobs (about 8 GB; default: beside the pieces)")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept = bench.machine(), pieces.opened(options)
    rows, missing = [], []
    for name in TAPES:
        frames = round(FRAMES[name] * options.share)
        work = options.work or options.out.with_name(f".{options.out.stem}.work")
        make = partial(measured, name, options.data, frames, work)
        try:
            if name not in options.only:
                raise pieces.OutOfMinutesError
            rows.append(kept.row(f"{name} {frames}", make))
        except pieces.OutOfMinutesError:
            missing.append(name)
    _table(rows)
    bench.write(options.out, {"machine": facts, "commits": kept.commits(), "tapes": rows, "missing": missing})
    return pieces.PAUSED if set(missing) & set(options.only) else 0


def _table(rows: list[Row]) -> None:
    bench.table(
        ("tape", "frames", "code", "seconds", "cpu", "RSS MiB", "shots", "html MiB", "elements", "opened, s", "MiB"),
        (
            (one["tape"], one["frames"], one["code"], one["seconds"], one["cpu_seconds"], one["peak_rss_mib"],
             one.get("shots"), one.get("mib", {}).get("report.html"), one.get("page", {}).get("elements"),
             (one.get("browser") or {}).get("seconds"), (one.get("browser") or {}).get("peak_pss_mib"))
            for one in rows
        ),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
