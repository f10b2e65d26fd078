"""A real stream with its slate: what is served when, whole or in part; the published folder; the slate."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from made_programmes import START, synthetic

from footlights.encoding.boxes import fragments
from footlights.encoding.hls import read_media
from footlights.errors import SourceError, UsageError
from footlights.premiere.programme import Programme, check_alike, read_programme
from footlights.premiere.publish import Publisher
from footlights.premiere.schedule import HOLD, LOOP, Schedule, plan
from footlights.premiere.server import Server, byte_range, parse
from footlights.premiere.site import Site, shifted
from footlights.premiere.slate import make_slate, picture


@pytest.fixture(scope="session")
def schedule(programme: Programme, slate_programme: Programme) -> Schedule:
    return plan([programme], START, slate_programme, lobby=Fraction(20), window=Fraction(20))


@pytest.fixture(scope="session")
def site(schedule: Schedule) -> Site:
    return Site(schedule, 'Hall "A" & <B>')


def test_every_listed_address_is_served_and_nothing_before_it_is_listed(site: Site, schedule: Schedule) -> None:
    for now in [*schedule.turns, schedule.end + 1000]:
        for name in schedule.lines:
            text = site.answer(f"{name}.m3u8", now).data.decode()
            playlist = read_media(text)
            for segment in playlist.segments:
                answer = site.answer(segment.uri, now)
                assert answer.status == 200, segment.uri
                assert answer.size == len(answer.data) or answer.path.stat().st_size == answer.size
            for header in re.findall(r'MAP:URI="(.+?)"', text):
                assert site.answer(header, now).status == 200
    early = START + Fraction(1, 10)
    assert site.answer("1/av1-64/00001.m4s", early).status == 404
    assert site.answer("1/av1-64/00001.m4s", START + 2).status == 200
    assert site.answer("av1-64.m3u8", schedule.doors - 1).status == 404


@pytest.mark.parametrize(
    "address",
    ["../stream/manifest.mpd", "1/../1/av1-64/init.mp4", "1/av1-64/../../../etc/passwd", "/etc/passwd", "1",
     "1/av1-64/", "1/av1-64/media.m3u8", "1/manifest.mpd", "slate/slate.json", "hls.min.js", "1/av1-64/00001.m4s\0",
     "%2e%2e/x"],
)  # fmt: skip
def test_nothing_else_is_served(site: Site, schedule: Schedule, address: str) -> None:
    assert site.answer(address, schedule.end).status == 404


def test_a_repeated_segment_decodes_later_and_is_otherwise_the_same(site: Site, schedule: Schedule) -> None:
    for name, line in schedule.lines.items():
        track = schedule.parts[0].programme.track(name)
        repeated = next(entry for entry in line if entry.shift)
        original = (schedule.parts[0].programme.folder / repeated.file).read_bytes()
        moved = site.answer(f"slate/{name}/{repeated.index + 1:05d}.m4s", schedule.end).data
        assert repeated.shift == LOOP * track.timescale * (repeated.shift // int(LOOP * track.timescale))
        before, after = fragments(original), fragments(moved)
        assert [two.decode_time - one.decode_time for one, two in zip(before, after, strict=True)] == (
            [repeated.shift] * len(before)
        )
        assert shifted(moved, -repeated.shift) == original


def test_the_whole_of_the_slate_plays_as_one(site: Site, schedule: Schedule) -> None:
    """All segments the lobby shows, one behind the other: pictures ten a second without a gap, digits at the end."""
    now = schedule.end
    slate = [one for one in schedule.lines["h264-64"] if one.part == 0]
    data = site.answer("slate/h264-64/init.mp4", now).path.read_bytes()
    for entry in slate:
        answer = site.answer(f"slate/h264-64/{entry.index + 1:05d}.m4s", now)
        data += answer.data or answer.path.read_bytes()
    path = schedule.parts[0].programme.folder.parent / "joined.mp4"
    path.write_bytes(data)
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]
    assert len(frames) == int(schedule.parts[0].duration * 10)
    assert np.diff([time for time, _ in frames]) == pytest.approx(0.1, abs=1e-6)
    still, last = frames[20][1].astype(int), frames[-5][1].astype(int)
    assert np.abs(frames[40][1].astype(int) - still).mean() < 1.5
    assert np.abs(last - still).mean() > 4


def test_the_players_page_knows_the_times(site: Site) -> None:
    facts = json.loads(site.answer("premiere.json", START).data)
    assert facts["title"] == 'Hall "A" & <B>'
    assert facts["start"] == int(START * 1000)
    assert facts["doors"] < facts["start"] < facts["end"]
    page = site.answer("", START)
    assert page.kind.startswith("text/html")
    assert b"http" not in page.data  # nothing of the page comes from elsewhere


def test_only_known_players_are_served(schedule: Schedule, tmp_path: Path) -> None:
    (tmp_path / "hls.min.js").write_text("//")
    (tmp_path / "secret.js").write_text("//")
    site = Site(schedule, "", tmp_path)
    assert site.answer("hls.min.js", START).status == 200
    assert site.answer("secret.js", START).status == 404


def talk(site: Site, now: Fraction, requests: bytes) -> bytes:
    """What a server answers on one connection."""

    async def exchange() -> bytes:
        async with await Server(site, lambda: now).listen("127.0.0.1", 0) as listening:
            reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
            writer.write(requests)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

    return asyncio.run(exchange())


def ask(path: str, *fields: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} /{path} HTTP/1.1", "Host: x", "Connection: close", *fields, "", ""]).encode()


def test_the_server_answers_whole_parts_heads_and_conditions(site: Site, stream: Path) -> None:
    now, name = START + 100, "1/av1-64/00002.m4s"
    data = (stream / "av1-64" / "00002.m4s").read_bytes()
    head, body = talk(site, now, ask(name)).split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200")
    assert b"Cache-Control: public, max-age=31536000, immutable" in head
    assert body == data
    etag = re.search(rb'ETag: (".+?")', head)[1].decode()
    head, body = talk(site, now, ask(name, "Range: bytes=10-19")).split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 206")
    assert f"Content-Range: bytes 10-19/{len(data)}".encode() in head
    assert body == data[10:20]
    assert talk(site, now, ask(name, "Range: bytes=-7")).endswith(data[-7:])
    assert talk(site, now, ask(name, f"Range: bytes={len(data)}-")).startswith(b"HTTP/1.1 416")
    head, body = talk(site, now, ask(name, method="HEAD")).split(b"\r\n\r\n", 1)
    assert f"Content-Length: {len(data)}".encode() in head
    assert body == b""
    assert talk(site, now, ask(name, f"If-None-Match: {etag}")).startswith(b"HTTP/1.1 304")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (ask("", method="POST"), 405),
        (ask("", method="OPTIONS"), 204),
        (b"nonsense\r\n\r\n", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        (ask("..%2f..%2fetc%2fpasswd"), 404),
        (ask("../../etc/passwd"), 404),
    ],
)
def test_bad_requests_are_refused_and_the_server_lives(site: Site, request_bytes: bytes, status: int) -> None:
    assert talk(site, START, request_bytes).startswith(f"HTTP/1.1 {status}".encode())


def test_one_connection_serves_many_requests(site: Site) -> None:
    again = b"GET /premiere.json HTTP/1.1\r\nHost: x\r\n\r\n" * 5
    answers = talk(site, START, again + ask("av1-64.m3u8"))
    assert answers.count(b"HTTP/1.1 200") == 6


def test_a_taken_port_is_said(site: Site) -> None:
    async def twice() -> None:
        async with await Server(site).listen("127.0.0.1", 0) as first:
            await Server(site).listen("127.0.0.1", first.sockets[0].getsockname()[1])

    with pytest.raises(UsageError, match="cannot be listened on"):
        asyncio.run(twice())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bytes=0-0", (0, 1)), ("bytes=5-", (5, 10)), ("bytes=-3", (7, 10)), ("bytes=-30", (0, 10)),
        ("bytes=2-99", (2, 10)),
        ("bytes=10-", None), ("bytes=-0", None), ("bytes=5-2", (0, 10)), ("bytes=a-", (0, 10)),
        ("bytes=0-1,3-4", (0, 10)),
        ("items=0-1", (0, 10)), ("bytes", (0, 10)), ("bytes=²-", (0, 10)), ("bytes=" + "9" * 50 + "-", (0, 10)),
    ],
)  # fmt: skip
def test_ranges(text: str, found: tuple[int, int] | None) -> None:
    assert byte_range(text, 10) == found


def test_keeping_the_connection_follows_the_version() -> None:
    assert parse(b"GET / HTTP/1.1\r\n\r\n").keep
    assert not parse(b"GET / HTTP/1.0\r\n\r\n").keep
    assert parse(b"GET /a%20b?x=%20 HTTP/1.1\r\n\r\n").address == "a b"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_published_folder_holds_what_the_server_says_and_a_restart_changes_nothing(
    site: Site, schedule: Schedule, tmp_path: Path
) -> None:
    steady = Publisher(site, tmp_path / "steady")
    for now in [*schedule.turns, schedule.end + HOLD + 1]:
        steady.bring_up(now)
        for name in site.moving:
            assert (tmp_path / "steady" / name).read_bytes() == site.answer(name, now).data
        listed = read_media((tmp_path / "steady" / "av1-64.m3u8").read_text()).segments
        assert all((tmp_path / "steady" / one.uri).is_file() for one in listed)
        due = [name for name, (_, entry) in site.segments.items() if schedule.due(entry, now)]
        assert {name for name in tree(tmp_path / "steady") if name.endswith(".m4s")} <= set(due)
    for now in (schedule.doors, START + 5, schedule.end + HOLD + 1):
        Publisher(site, tmp_path / "restarted").bring_up(now)
    steadily = {name: data for name, data in tree(tmp_path / "steady").items() if not name.startswith("slate/")}
    restarted = {name: data for name, data in tree(tmp_path / "restarted").items() if not name.startswith("slate/")}
    assert steadily == restarted


def test_publishing_ends_by_itself(site: Site, schedule: Schedule, tmp_path: Path) -> None:
    now = [schedule.end - 5]

    def sleep(seconds: float) -> None:
        now[0] += Fraction(seconds) + Fraction(1, 1000)

    Publisher(site, tmp_path).run(lambda: now[0], sleep)
    assert now[0] >= schedule.end + HOLD
    assert "PLAYLIST-TYPE:VOD" in (tmp_path / "av1-64.m3u8").read_text()


def test_the_slate_is_made_once_and_anew_for_another_picture(
    programme: Programme, slate_programme: Programme, tmp_path: Path
) -> None:
    header = slate_programme.folder / "av1-64" / "init.mp4"
    before = header.stat().st_mtime_ns
    make_slate(programme, slate_programme.folder)
    assert header.stat().st_mtime_ns == before
    with pytest.raises(SourceError, match="no picture"):
        make_slate(programme, tmp_path / "slate", _file(tmp_path / "a.png", b"no picture"))
    with pytest.raises(SourceError, match="cannot be used"):
        make_slate(programme, tmp_path / "slate", tmp_path / "missing.png")
    assert not (tmp_path / "slate").exists()


def test_pictures_of_other_shapes_are_shown_whole() -> None:
    white = np.ones((50, 100, 3), np.float32)
    shown = picture(64, 64, white)
    assert shown[:15].max() == shown[-15:].max() == 0
    assert shown[20:44].min() == pytest.approx(1)


def _file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "manifest.mpd").unlink(),
        lambda folder: (folder / "av1-64" / "00002.m4s").unlink(),
        lambda folder: (folder / "av1-64" / "00002.m4s").write_bytes(b""),
        lambda folder: (folder / "manifest.mpd").write_text("<MPD"),
        lambda folder: (folder / "master.m3u8").write_text("no playlist"),
        lambda folder: (folder / "manifest.mpd").write_text(
            (folder / "manifest.mpd").read_text().replace('id="av1-64"', 'id="../../etc"')
        ),
    ],
)
def test_a_folder_that_is_no_whole_stream_is_refused(
    stream: Path, tmp_path: Path, damage: Callable[[Path], Awaitable[None] | object]
) -> None:
    folder = shutil.copytree(stream, tmp_path / "stream")
    damage(folder)
    with pytest.raises(SourceError, match="no finished stream"):
        read_programme(folder)


def test_a_job_folder_stands_for_its_stream(stream: Path) -> None:
    assert read_programme(stream.parent).folder == stream


def test_programmes_must_have_the_same_renditions(programme: Programme) -> None:
    check_alike([programme, programme])
    with pytest.raises(UsageError, match="cannot follow"):
        check_alike([programme, synthetic([50])])
