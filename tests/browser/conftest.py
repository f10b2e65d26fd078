"""What the browser tests need: Chromium, Playwright, the players, and a small stream served on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copyfile
from threading import Thread
from typing import Any

import pytest
from bars import write_test_stream

CHROMIUM = Path("/usr/bin/chromium")
PLAYERS = {"hls.js": ("hls.min.js",), "shaka.js": ("shaka-player.compiled.js", "shaka-player.dash.js")}
"""Name in the page → names as the npm packages call them."""
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".m3u8": "application/vnd.apple.mpegurl",
        ".mpd": "application/dash+xml",
        ".m4s": "video/iso.segment",
        ".mp4": "video/mp4",
        ".js": "text/javascript",
    }

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the site serves."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def site(site_folder: Path) -> Iterator[str]:
    """Address of a folder with the page, the players and `stream/`."""
    players = os.environ.get("FOOTLIGHTS_TEST_PLAYERS", "")
    if not players:
        pytest.skip("FOOTLIGHTS_TEST_PLAYERS does not name a folder with hls.min.js and shaka-player.compiled.js")
    folder = site_folder
    for target, names in PLAYERS.items():
        found = [Path(players) / name for name in names if (Path(players) / name).is_file()]
        if not found:
            pytest.skip(f"{players} holds none of {', '.join(names)}")
        copyfile(found[0], folder / target)
    copyfile(Path(__file__).with_name("page.html"), folder / "page.html")
    write_test_stream(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Chromium with an empty profile."""
    api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed (extra 'browser')")
    if not CHROMIUM.is_file():
        pytest.skip(f"there is no {CHROMIUM}")
    with api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")), executable_path=str(CHROMIUM), headless=True, args=FLAGS
        )
        yield context
        context.close()


@pytest.fixture
def page(browser: Any, site: str) -> Iterator[Any]:
    """The test page, freshly loaded."""
    tab = browser.new_page()
    tab.goto(f"{site}/page.html")
    yield tab
    tab.close()
