"""One function in a throw-away process: for looking at files that may be hostile or absurd.

The child has limits on address space, processor time, core files and wall-clock time, and cannot gain privileges. Its
crash, silence or hunger is an IsolationError; a FootlightsError raised inside comes out as the same class.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import IO, Any

from footlights.engine import ops, process
from footlights.engine.causes import cause_from, cause_of
from footlights.engine.faults import kind_of
from footlights.engine.state import FailureKind
from footlights.engine.tasks import JSON, plain_object
from footlights.errors import InternalError, ToolError

_LARGEST_ANSWER = 64 << 20
"""Bytes; an answer beyond is no answer."""
_LOG_TAIL = 2000
"""Bytes of what the child wrote to stderr that go into an error."""
_BLOCK = 1 << 16


class Mishap(StrEnum):
    """How an isolated function failed to answer."""

    CRASH = "crash"
    TIMEOUT = "timeout"
    MEMORY = "memory"


class IsolationError(ToolError):
    """An isolated function gave no answer; `mishap` tells in which way."""

    code = "FTL-0004"

    def __init__(self, op: str, mishap: Mishap, why: str) -> None:
        super().__init__(f"{op} gave no answer", why, "if the file is sound, report this with the file")
        self.mishap = mishap


def run_isolated(
    op: str,
    params: Mapping[str, JSON],
    timeout: float,
    memory_limit: int | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Call `op(params)`, "package.module:function", in a process of its own and return its facts.

    `timeout` in seconds, `memory_limit` in bytes of address space. What the function prints is dropped.
    """
    request = json.dumps({"op": op, "params": plain_object(params, f"{op}.params"), "memory": memory_limit})
    with tempfile.TemporaryFile() as log:
        arguments = [str(os.getpid()), str(timeout)]
        child = process.start(
            "footlights.engine.isolate", arguments, environment or {}, stdout=subprocess.PIPE, stderr=log
        )
        try:
            answer = _converse(child, request.encode() + b"\n", time.monotonic() + timeout)
        finally:
            process.kill_group(child)
        if answer is None:
            raise IsolationError(op, Mishap.TIMEOUT, f"it was still busy after {timeout:g} s")
        return _facts(op, answer, f"{process.how_it_ended(child)}; {_tail(log)}")


def _converse(child: subprocess.Popen[bytes], request: bytes, deadline: float) -> bytes | None:
    """Send the request and read until the pipe ends; None when the deadline comes first."""
    assert child.stdin is not None
    assert child.stdout is not None
    answer = b""
    with selectors.DefaultSelector() as selector:
        for pipe, event in ((child.stdin, selectors.EVENT_WRITE), (child.stdout, selectors.EVENT_READ)):
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, event)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if key.fileobj is child.stdin:
                    request = _written(child.stdin, request)
                    if not request:
                        selector.unregister(child.stdin)
                    continue
                block = os.read(child.stdout.fileno(), _BLOCK)
                answer += block
                if not block or len(answer) > _LARGEST_ANSWER:
                    return answer
    return None


def _written(pipe: IO[bytes], request: bytes) -> bytes:
    try:
        return request[os.write(pipe.fileno(), request) :]
    except BrokenPipeError:
        return b""  # the end of the other pipe tells why


def _facts(op: str, answer: bytes, end: str) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise IsolationError(op, Mishap.CRASH, end) from None
    if "facts" in message:
        facts: dict[str, Any] = message["facts"]
        return facts
    if message["kind"] == FailureKind.RESOURCE:
        raise IsolationError(op, Mishap.MEMORY, message["why"])
    cause = cause_from(message["cause"])
    if cause is None:
        raise InternalError(f"{op} failed", message["why"], "report this")
    raise cause.rebuilt()


def _tail(log: IO[bytes]) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LOG_TAIL))
    return log.read().decode("utf-8", "replace").strip()


def main(arguments: Sequence[str]) -> int:
    """The child: one request on stdin, one answer."""
    requests, replies = process.take_over_pipes()
    process.die_with_parent(int(arguments[0]))
    process.settle_in()
    with os.fdopen(requests, "rb") as lines:
        request = json.loads(lines.readline())
    process.confine(request["memory"], float(arguments[1]))
    answer = json.dumps(_answer(request["op"], request["params"]))
    with os.fdopen(replies, "wb") as pipe:
        pipe.write(answer.encode())
    return 0


def _answer(op: str, params: Mapping[str, JSON]) -> dict[str, Any]:
    try:
        return {"facts": plain_object(ops.load(op)(params), f"{op}.facts")}
    except Exception as error:  # noqa: BLE001 - the edge of the child: its traceback is the answer
        cause = cause_of(error)
        why = "".join(traceback.format_exception(error)) if cause is None else cause.why
        return {"kind": kind_of(error), "why": why, "cause": None if cause is None else cause.to_data()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
