"""The premiere server: playlist requests a second, and whether two replicas agree byte for byte over a fuzzed day.

    python benchmarks/encoding.py --part server [--seconds 5] [--connections 8]

A made programme of an hour, one rendition and sound, cut every four seconds, a window of a minute in its playlists. Its
server is a process of its own; clients keep their connections and ask for one playlist after the other. Clients and
server share the machine's processors. `replicas` compares what two schedules, built from the same arguments, say at
random instants of a day around the premiere, in every playlist and in the manifest.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter
from typing import Any

from bench import RESULTS, machine, write
from footlights.premiere import dash, hls
from footlights.premiere.schedule import Schedule, plan
from footlights.premiere.server import Server, wall_clock
from footlights.premiere.site import Site

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "premiere"))
from made_programmes import slate, synthetic

SEGMENTS, FRAMES = 900, 240
MOMENTS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed")
    parser.add_argument("--out", type=Path, default=RESULTS / "encoding_server.json")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--serve", action="store_true", help="be the server (for the benchmark itself)")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve())
        return
    result = {"machine": machine(), **_load(options), "replicas": _agree()}
    write(options.out, result)
    print({name: value for name, value in result.items() if name != "machine"})


def _schedule(start: Fraction, folder: Path) -> Schedule:
    """The premiere; its files are there and empty, for nobody asks for them."""
    programmes = [
        replace(one, folder=folder / name) for one, name in ((synthetic([FRAMES] * SEGMENTS), "1"), (slate(), "s"))
    ]
    for one in programmes:
        for track in one.tracks:
            (one.folder / track.name).mkdir(parents=True, exist_ok=True)
            for file in (track.header, *track.files):
                (one.folder / file).touch()
    return plan(programmes[:1], start, programmes[1], lobby=Fraction(60), window=Fraction(60))


async def _serve() -> None:
    with TemporaryDirectory() as folder:
        schedule = _schedule(Fraction(int(wall_clock()) - 600), Path(folder))
        listening = await Server(Site(schedule, "Benchmark", None)).listen("127.0.0.1", 0)
        print(json.dumps({"port": listening.sockets[0].getsockname()[1]}), flush=True)
        await listening.serve_forever()


def _load(options: argparse.Namespace) -> dict[str, Any]:
    process = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        counts, failed = [0] * options.connections, [0] * options.connections
        begin = perf_counter()

        def ask(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            while perf_counter() - begin < options.seconds:
                connection.request("GET", "/av1-144.m3u8")
                answer = connection.getresponse()
                answer.read()
                counts[number] += 1
                failed[number] += answer.status != 200

        threads = [Thread(target=ask, args=(number,)) for number in range(options.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = perf_counter() - begin
    finally:
        process.kill()
        process.wait()
    rate = sum(counts) / seconds
    return {"requests": sum(counts), "failed": sum(failed), "seconds": round(seconds, 2), "per_second": round(rate, 1)}


def _agree() -> dict[str, int]:
    start = Fraction(1_800_000_000)
    with TemporaryDirectory() as folder:
        one, other = (_schedule(start, Path(folder)) for _ in range(2))
    draw = random.Random(1)
    differ = 0
    for _ in range(MOMENTS):
        now = start + Fraction(draw.randint(-43_200_000, 43_200_000), 1000)
        said = [[*(hls.media(it, name, now) for name in it.lines), dash.manifest(it, now)] for it in (one, other)]
        differ += said[0] != said[1]
    return {"moments": MOMENTS, "differ": differ}


if __name__ == "__main__":
    main()
