"""Two minutes of a premiere in a real Chromium: four programmes, switches of the rendition, a restart of the server.

    FOOTLIGHTS_TEST_PLAYERS=DIR python benchmarks/encoding.py --part watch [--players hls dashjs ...] [--seconds 30]

The stream is that of `tests/browser` (256×144 and 128×72, AV1, frame numbers as bars, clicks as sound), 30 s long, four
times over: four discontinuities with that behind the slate. Six times the other AV1 rendition is chosen; between the
fourth and the fifth the server ends every connection and begins again after half a second. Chromium paints without a
GPU. Counted from the first picture of the first programme to the end: time that the element waited, frames dropped and
decoded, renditions that were really switched to, and looks (ten a second) at which the painted number does not lie
within a third of a second of where it was due after the look before (at the three joints of programmes it cannot).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import RESULTS, ROOT, machine, table, write
from footlights.premiere.programme import read_programme
from footlights.premiere.schedule import Schedule, plan
from footlights.premiere.server import wall_clock
from footlights.premiere.site import Site
from footlights.premiere.slate import make_slate

sys.path.insert(0, str(ROOT / "tests" / "browser"))

PLAYERS = ("hls", "shaka", "dash", "dashjs")
PROGRAMMES = 4
SWITCHES = 6
_NUMBERS = 256
_NEAR = Fraction(1, 3)
_CHOOSE = {
    "hls": """width => {
        if (!window.seen.told) {
            window.seen.told = true;
            player.on(Hls.Events.LEVEL_SWITCHED, (_, data) => seen.switched.push(player.levels[data.level].width));
        }
        player.nextLevel = player.levels.findIndex(one => one.width === width && one.videoCodec.startsWith("av01"));
    }""",
    "shaka": """width => {
        player.configure({abr: {enabled: false}});
        if (!window.seen.told) {
            window.seen.told = true;
            for (const name of ["adaptation", "variantchanged"])
                player.addEventListener(name, event => seen.switched.push(event.newTrack.width));
        }
        const track = player.getVariantTracks().find(one => one.width === width && one.videoCodec.startsWith("av01"));
        player.selectVariantTrack(track, false);
    }""",
    "dashjs": """width => {
        if (!window.seen.told) {
            window.seen.told = true;
            player.updateSettings({streaming: {abr: {autoSwitchBitrate: {video: false}}}});
            player.on(dashjs.MediaPlayer.events.QUALITY_CHANGE_RENDERED, event => {
                if (event.mediaType === "video") seen.switched.push(event.newRepresentation.width);
            });
        }
        const made = player.getRepresentationsByType("video").find(one => one.width === width);
        player.setRepresentationForTypeById("video", made.id);
    }""",
}
_FACTS = """() => {
    const quality = video.getVideoPlaybackQuality();
    return {...seen, dropped: quality.droppedVideoFrames, total: quality.totalVideoFrames, time: video.currentTime};
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed")
    parser.add_argument("--out", type=Path, default=RESULTS / "encoding_watch.json")
    parser.add_argument("--players", nargs="+", default=list(PLAYERS), choices=PLAYERS)
    parser.add_argument("--seconds", type=int, default=30, help="of each programme")
    parser.add_argument("--work", type=Path, help="folder for the stream and finished players")
    options = parser.parse_args()
    scripts = Path(os.environ.get("FOOTLIGHTS_TEST_PLAYERS", ""))
    if not scripts.name:
        parser.error("FOOTLIGHTS_TEST_PLAYERS names no folder with the libraries of the players")
    with TemporaryDirectory() as scratch:
        folder = options.work or Path(scratch)
        _stream(folder, options.seconds)
        rows = [{"player": name, **machine(), **_watched(folder, scripts, name)} for name in options.players]
    kept = ("date", "commit", "cores", "load_at_start")
    own = [{name: value for name, value in row.items() if name not in machine() or name in kept} for row in rows]
    write(options.out, {"machine": machine(), "seconds": options.seconds * PROGRAMMES, "players": own})
    names = ("player", "stalled", "dropped", "total", "switched", "odd", "looks", "ended", "errors")
    table(names, [[row[name] for name in names] for row in own])


def _stream(folder: Path, seconds: int) -> None:
    from bars import RATE, write_test_stream

    if not (folder / "stream").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        frames = round(seconds * RATE)
        write_test_stream(folder, frames, tuple(range(75, frames - 60, 110)))
    make_slate(read_programme(folder / "stream"), folder / "slate")


def _watched(folder: Path, scripts: Path, name: str) -> dict[str, Any]:
    from conftest import CHROMIUM, FLAGS
    from playwright.sync_api import sync_playwright
    from test_premiere import WATCH, Serving

    programme, slate = read_programme(folder / "stream"), read_programme(folder / "slate")
    start = Fraction(int(wall_clock() + 8))
    schedule = plan([programme] * PROGRAMMES, start, slate, lobby=Fraction(60), window=Fraction(40))
    serving = Serving(Site(schedule, "Premiere", scripts))
    with TemporaryDirectory() as profile, sync_playwright() as api:
        browser = api.chromium.launch_persistent_context(
            profile, executable_path=str(CHROMIUM), headless=True, args=FLAGS
        )
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{serving.port}/?player={name}")
        page.evaluate(WATCH)
        page.evaluate("() => { seen.switched = []; seen.told = false; }")
        try:
            found = _course(page, serving, name, schedule)
        finally:
            browser.close()
            serving.stop()
    return found


def _course(page: Any, serving: Any, name: str, schedule: Schedule) -> dict[str, Any]:
    page.wait_for_function("() => seen.samples.some(([, number]) => number >= 0)", timeout=60_000)
    before = page.evaluate(_FACTS)
    step = float(schedule.end - schedule.start) / (SWITCHES + 2)
    choose = _CHOOSE.get(name, _CHOOSE["shaka"])
    for number in range(SWITCHES):
        page.wait_for_timeout(1000 * step)
        page.evaluate(choose, 128 if number % 2 == 0 else 256)
        if number == SWITCHES // 2:
            page.wait_for_timeout(1000 * step / 2)
            serving.stop()
            page.wait_for_timeout(500)
            serving.start()
            page.wait_for_timeout(1000 * step / 2)
    _ending(page, name, float(schedule.duration))
    seen = page.evaluate(_FACTS)
    return {
        "stalled": round(seen["stalled"] - before["stalled"], 1),
        "dropped": seen["dropped"] - before["dropped"],
        "total": seen["total"] - before["total"],
        "switched": seen["switched"],
        "ended": seen["ended"],
        "errors": seen["errors"],
        **_continuity(seen["samples"][len(before["samples"]) :]),
    }


def _ending(page: Any, name: str, duration: float) -> None:
    """Shaka and dash.js never end a dynamic DASH manifest, so that is watched to its last but one tenth of a second."""
    last = f"video.currentTime >= {duration - 0.2}" if name in ("dash", "dashjs") else "seen.ended"
    page.wait_for_function(f"() => {last}", timeout=180_000)


def _continuity(samples: Sequence[tuple[float, int]]) -> dict[str, int]:
    """Looks, and how many are not where the one before says; the joint of two programmes is one."""
    from bars import RATE

    odd = 0
    painted = [(time, number) for time, number in samples if number >= 0]
    for (t0, n0), (t1, n1) in pairwise(painted):
        apart = (n1 - n0 - round((t1 - t0) * float(RATE))) % _NUMBERS
        odd += min(apart, _NUMBERS - apart) > float(_NEAR * RATE)
    return {"looks": len(samples), "painted": len(painted), "odd": odd}


if __name__ == "__main__":
    main()
