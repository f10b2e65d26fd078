"""A premiere in a real Chromium: slate, two programmes, the end; the server is restarted on the way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from bars import FRAMES, RATE, write_test_stream

from footlights.premiere.programme import read_programme
from footlights.premiere.schedule import plan
from footlights.premiere.server import Server, wall_clock
from footlights.premiere.site import Site
from footlights.premiere.slate import make_slate

pytestmark = pytest.mark.browser

MAX_STALL = 1000.0
"""Milliseconds in all, the restart of the server among them; an idle machine has none."""
WATCH = """
() => {
  const seen = window.seen = {stalled: 0, errors: [], samples: [], ended: false};
  const canvas = document.createElement("canvas");
  canvas.width = 256; canvas.height = 144;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  let waiting = null;
  video.addEventListener("waiting", () => {
    if (seen.samples.length && waiting === null) waiting = performance.now();
  });
  for (const name of ["playing", "timeupdate"]) video.addEventListener(name, () => {
    if (waiting !== null && video.readyState >= 3) { seen.stalled += performance.now() - waiting; waiting = null; }
  });
  video.addEventListener("error", () => seen.errors.push(String(video.error && video.error.message)));
  video.addEventListener("ended", () => { seen.ended = true; });
  setInterval(() => {
    if (video.readyState < 2 || video.paused) return;
    context.drawImage(video, 0, 0, 256, 144);
    const top = Array.from({length: 8}, (_, bit) => context.getImageData(bit * 32 + 16, 20, 1, 1).data[1]);
    // The bars are 30 or 220; a slate has neither.
    const bars = top.every(level => level > 190 || level < 45) && top.some(level => level > 190);
    seen.samples.push([video.currentTime, bars ? top.reduce((sum, level, bit) => sum | (level > 128) << bit, 0) : -1]);
  }, 100);
}
"""


class Serving:
    """A server in a thread of its own that can be stopped and begun again on its port."""

    def __init__(self, site: Site) -> None:
        self._site, self.port = site, 0
        self.start()

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        listening = Server(self._site).listen("127.0.0.1", self.port)
        self._listening = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.port = self._listening.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Ends every connection, as a killed process would."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._listening.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    write_test_stream(folder)
    make_slate(read_programme(folder / "stream"), folder / "slate")
    return folder


@pytest.fixture
def serving(shown: Path) -> Iterator[Serving]:
    players = os.environ.get("FOOTLIGHTS_TEST_PLAYERS", "")
    if not players:
        pytest.skip("FOOTLIGHTS_TEST_PLAYERS does not name a folder with hls.min.js and shaka-player.compiled.js")
    programme, slate = read_programme(shown / "stream"), read_programme(shown / "slate")
    start = Fraction(int(wall_clock() + 6))
    schedule = plan([programme, programme], start, slate, lobby=Fraction(60), window=Fraction(40))
    running = Serving(Site(schedule, "Premiere", Path(players)))
    yield running
    running.stop()


@pytest.mark.parametrize("player", ["hls", "shaka"])
def test_slate_programmes_and_end(browser: Any, serving: Serving, record_property: Any, player: str) -> None:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{serving.port}/?player={player}")
    page.evaluate(WATCH)
    assert "Begins in" in page.inner_text("#state")
    page.wait_for_function("() => seen.samples.some(([, number]) => number >= 60)", timeout=60_000)
    serving.stop()
    page.wait_for_timeout(500)
    serving.start()
    page.wait_for_function("() => seen.ended", timeout=60_000)
    seen = page.evaluate("() => seen")
    record_property("stalled", round(seen["stalled"], 1))
    page.close()
    assert seen["errors"] == []
    assert seen["stalled"] <= MAX_STALL
    times = [time for time, _ in seen["samples"]]
    assert times == sorted(times)
    numbers = [number for _, number in seen["samples"]]
    assert numbers[0] == -1  # the slate comes first
    programme = numbers[next(index for index, number in enumerate(numbers) if number >= 0) :]
    programme = [number for number in programme if number >= 0]
    wraps = [index for index in range(1, len(programme)) if programme[index] < programme[index - 1]]
    assert len(wraps) == 1, programme  # twice from the first picture to the last
    tenth = float(RATE) / 10
    for run in (programme[: wraps[0]], programme[wraps[0] :]):
        assert run[0] <= 4 * tenth
        assert run[-1] >= FRAMES - 1 - 4 * tenth
        assert len(run) > FRAMES / tenth / 2


@pytest.mark.parametrize("player", ["dash", "dashjs"])
def test_dash_goes_from_the_slate_through_both_programmes_to_the_last_picture(
    browser: Any, serving: Serving, player: str
) -> None:
    """The element does not say `ended`: Shaka and dash.js never end a dynamic manifest. The page knows the end by the
    clock."""
    if player == "dashjs" and not (Path(os.environ["FOOTLIGHTS_TEST_PLAYERS"]) / "dash.all.min.js").is_file():
        pytest.skip("FOOTLIGHTS_TEST_PLAYERS holds no dash.all.min.js")
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{serving.port}/?player={player}")
    page.evaluate(WATCH)
    # Between the programmes a sample may find nothing painted yet, which is told as -1.
    painted = "seen.samples.map(([, number]) => number).filter(number => number >= 0)"
    wrapped = f"{painted}.some((now, at, all) => at && now < all[at - 1])"
    page.wait_for_function(f"() => {wrapped} && seen.samples.at(-1)[1] >= {FRAMES - 4}", timeout=90_000)
    seen = page.evaluate("() => seen")
    page.close()
    assert seen["errors"] == []
    assert seen["stalled"] <= MAX_STALL
    assert seen["samples"][0][1] == -1
