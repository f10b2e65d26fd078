"""The server: GET and HEAD of a premiere's addresses over HTTP/1.1, on one thread, without state.

What every request asks is looked up and rendered once for each change of the playlists; files go to the socket without
passing through the program. Meant to stand behind a cache; on its own it serves a room.

References: RFC 9110 (14 range requests, 13 conditional requests), RFC 9112.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from fractions import Fraction
from urllib.parse import unquote

from footlights.errors import UsageError
from footlights.premiere.site import Answer, Site

_LONGEST_HEAD = 16 * 2**10
_IDLE = 60.0
"""Seconds after which a connection that asks nothing is closed."""
_STALLED = 120.0
"""Seconds a client may take to accept what it asked for before the connection is cut."""
_MOST_CONNECTIONS = 10_000
_REASONS = {
    200: "OK",
    204: "No Content",
    206: "Partial Content",
    304: "Not Modified",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Range Not Satisfiable",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
_SAFETY = (
    "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: Date\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'\r\n"
)
Clock = Callable[[], Fraction]


def wall_clock() -> Fraction:
    """Seconds since 1970 UTC."""
    return Fraction(time.time_ns(), 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks."""

    method: str
    address: str
    range: str
    none_match: str
    keep: bool


class Server:
    """Serves a site; `clock` is injected so that a premiere can be played at any time."""

    def __init__(self, site: Site, clock: Clock = wall_clock) -> None:
        self._site, self._clock = site, clock
        self._connections = 0

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Begin to serve; UsageError where the place is taken or not ours."""
        try:
            return await asyncio.start_server(self._serve, host, port, limit=_LONGEST_HEAD, backlog=1024)
        except OSError as error:
            raise UsageError(
                f"{host}:{port} cannot be listened on", error.strerror or str(error), "choose another --port or --host"
            ) from error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections > _MOST_CONNECTIONS:
                writer.write(_head(503, "Retry-After: 1\r\n", 0, keep=False))
                return
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away or was too slow, or the server is being stopped; nothing of it is left to do
        finally:
            self._connections -= 1
            writer.close()
            with suppress(ConnectionError, TimeoutError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether there may be another."""
        try:
            async with asyncio.timeout(_IDLE):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            writer.write(_head(431, "", 0, keep=False))
            return False
        request = parse(head)
        if request is None:
            writer.write(_head(400, "", 0, keep=False))
            return False
        async with asyncio.timeout(_STALLED):
            await self._reply(request, writer)
            await writer.drain()
        return request.keep

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.method == "OPTIONS":
            allowed = "Allow: GET, HEAD, OPTIONS\r\nAccess-Control-Allow-Headers: Range\r\n"
            writer.write(_head(204, allowed, 0, keep=request.keep))
            return
        if request.method not in ("GET", "HEAD"):
            writer.write(_head(405, "Allow: GET, HEAD, OPTIONS\r\n", 0, keep=request.keep))
            return
        answer = self._site.answer(request.address, self._clock())
        fields = f"Content-Type: {answer.kind}\r\nCache-Control: {answer.cache}\r\n"
        if answer.etag:
            fields += f"ETag: {answer.etag}\r\nAccept-Ranges: bytes\r\n"
        if answer.etag and answer.etag in (one.strip() for one in request.none_match.split(",")):
            writer.write(_head(304, fields, None, keep=request.keep))
            return
        status, start, stop = answer.status, 0, answer.size
        if request.range and status == 200:
            wanted = byte_range(request.range, answer.size)
            if wanted is None:
                fields += f"Content-Range: bytes */{answer.size}\r\n"
                writer.write(_head(416, fields, 0, keep=request.keep))
                return
            start, stop = wanted
            if (start, stop) != (0, answer.size):
                status = 206
                fields += f"Content-Range: bytes {start}-{stop - 1}/{answer.size}\r\n"
        writer.write(_head(status, fields, stop - start, keep=request.keep))
        if request.method == "GET":
            await _send(writer, answer, start, stop)


async def _send(writer: asyncio.StreamWriter, answer: Answer, start: int, stop: int) -> None:
    if answer.path is None:
        writer.write(answer.data[start:stop])
        return
    await writer.drain()
    with answer.path.open("rb") as file:
        await asyncio.get_running_loop().sendfile(writer.transport, file, start, stop - start)


def parse(head: bytes) -> Request | None:
    """Request line and header fields; None for what is no request that can be answered."""
    try:
        first, *rows = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
        fields = {name.lower(): value.strip() for name, value in (row.split(":", 1) for row in rows)}
    except ValueError:
        return None
    # A body would be taken for the next request.
    if not version.startswith("HTTP/1.") or "transfer-encoding" in fields or fields.get("content-length", "0") != "0":
        return None
    if not target.startswith("/"):
        return None
    wish = fields.get("connection", "").lower()
    keep = wish != "close" if version == "HTTP/1.1" else wish == "keep-alive"
    address = unquote(target.split("?", 1)[0])[1:]
    return Request(method, address, fields.get("range", ""), fields.get("if-none-match", ""), keep)


def byte_range(text: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last, of `bytes=…`; the whole for forms we do not serve, None for none of it."""
    unit, _, wanted = text.partition("=")
    first, dash, last = wanted.strip().partition("-")
    number = (part == "" or (part.isascii() and part.isdigit()) for part in (first, last))
    if unit.strip() != "bytes" or not dash or not all(number) or not (first or last) or len(wanted) > 40:
        return 0, size  # RFC 9110 14.2: a field that cannot be read is ignored
    if not first:
        return (max(size - int(last), 0), size) if int(last) else None
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return 0, size
    return (start, stop) if start < size else None


def _head(status: int, fields: str, length: int | None, *, keep: bool) -> bytes:
    size = "" if length is None else f"Content-Length: {length}\r\n"
    ending = "" if keep else "Connection: close\r\n"
    date = f"Date: {formatdate(usegmt=True)}\r\n"
    return f"HTTP/1.1 {status} {_REASONS[status]}\r\n{date}{fields}{size}{ending}{_SAFETY}\r\n".encode("latin-1")
