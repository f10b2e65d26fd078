"""Tiny ops that succeed, fail, hang, shout and die on request; imported by worker processes by this module's name."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy

from footlights.engine.artifacts import ArtifactStore
from footlights.engine.manifest import Making
from footlights.engine.ops import OpContext, OpResult
from footlights.errors import SourceError


def digest(context: OpContext) -> OpResult:
    """Hash params and inputs `rounds` times and write the result in two files."""
    value = hashlib.sha256(repr(sorted(context.params.items())).encode()).digest()
    for artifact in context.inputs.values():
        value = hashlib.sha256(value + artifact.path("parts/value.bin").read_bytes()).digest()
    rounds = int(context.params.get("rounds", 1))
    for done in range(rounds):
        for _ in range(1000):
            value = hashlib.sha256(value).digest()
        context.progress(done + 1)
    (context.folder / "parts").mkdir()
    (context.folder / "parts" / "value.bin").write_bytes(value * int(context.params.get("copies", 1)))
    (context.folder / "value.txt").write_text(value.hex())
    return OpResult(facts={"value": value.hex()})


def fixed(context: OpContext) -> OpResult:
    """Other bytes for other params, but always the content asked for."""
    (context.folder / "payload.txt").write_text(repr(dict(context.params)))
    return OpResult(content=str(context.params["content"]))


def refuse(context: OpContext) -> OpResult:
    sys.stderr.write("the last words\n")
    raise SourceError("the thing is odd", "it has no end", "use another one")


def crash_until(context: OpContext) -> OpResult:
    """Be killed in the first `times` attempts, counted by bytes in the file `counter`."""
    if _attempts(context) <= int(context.params["times"]):
        os.kill(os.getpid(), signal.SIGKILL)
    return digest(context)


def raise_until(context: OpContext) -> OpResult:
    """Raise the builtin error called `error` in the first `times` attempts."""
    if _attempts(context) <= int(context.params["times"]):
        raise __builtins__[context.params["error"]]("on request")
    return digest(context)


def disk_error(context: OpContext) -> OpResult:
    """An OSError with the number `errno` while the file `broken` exists."""
    if Path(str(context.params["broken"])).exists():
        raise OSError(int(context.params["errno"]), os.strerror(int(context.params["errno"])))
    return digest(context)


def hang(context: OpContext) -> OpResult:
    threading.Event().wait()
    return OpResult()


def hold_everything(context: OpContext) -> OpResult:
    """Sleep in C without letting any other thread of the process run: no heartbeat either."""
    ctypes.PyDLL(None).sleep(1000)
    return OpResult()


def shout(context: OpContext) -> OpResult:
    """Write to every output a program may use, and read its input."""
    sys.stdout.write('{"kind": "finished", "ticket": 1}\n')
    sys.__stdout__.write('{"kind": "finished", "ticket": 1}\n')
    sys.stdout.flush()
    os.write(1, b'{"kind": "beat"}\nnot json at all\n')
    subprocess.run(["/bin/sh", "-c", "echo shouted by a child; cat"], check=True)
    context.warn("it was loud")
    return digest(context)


def echo(context: OpContext) -> OpResult:
    """Whatever the inputs hold decides what comes out."""
    digests = [record.sha256 for artifact in context.inputs.values() for record in artifact.manifest.files.values()]
    (context.folder / "parts").mkdir()
    (context.folder / "parts" / "value.bin").write_text("".join(digests))
    return OpResult()


def wait_for_word(context: OpContext) -> OpResult:
    """Report progress, then go on when a line can be read from the named pipe `pipe`."""
    context.progress(1)
    Path(str(context.params["pipe"])).read_text()
    return digest(context)


def bear_child(context: OpContext) -> OpResult:
    """Start a program that would outlive this process, tell its number through the named pipe, and wait for it."""
    child = subprocess.Popen(["sleep", "1000"])
    Path(str(context.params["pipe"])).write_text(f"{child.pid}\n{os.getpid()}\n")
    child.wait()
    return OpResult()


def link_out(context: OpContext) -> OpResult:
    (context.folder / "passwd").symlink_to("/etc/passwd")
    return OpResult()


def fill(context: OpContext) -> OpResult:
    """Write `size` bytes that do not compress."""
    size = int(context.params["size"])
    (context.folder / "fill.bin").write_bytes(hashlib.shake_256(context.params["name"].encode()).digest(size))
    return OpResult()


def exit_early(context: OpContext) -> OpResult:
    sys.exit(3)


def publish_and_die(context: OpContext) -> OpResult:
    """Be killed after the artifact took its name and before the coordinator heard of it."""
    if _attempts(context) == 1:
        result = digest(context)
        key = context.folder.name.partition(".")[0]
        making = Making(key, "toy", {"op": "toy_ops:publish_and_die"}, result.facts, "", "", 1, 1)
        ArtifactStore(context.folder.parent.parent).publish(context.folder, making)
        os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it was done before")


def odd_words(context: OpContext) -> OpResult:
    """Tell things that are no UTF-8 and no plain integer."""
    context.progress(numpy.int64(1))
    context.warn("file \udcff")
    if context.params["fail"]:
        raise ValueError("file \udcff")
    return OpResult(environment={"tool": "\udcff"})


def random_result(context: OpContext) -> OpResult:
    (context.folder / "noise.bin").write_bytes(os.urandom(16))
    return OpResult()


def describe(params: Mapping[str, object]) -> dict[str, object]:
    """For isolation: behaves as `params["mood"]` says."""
    match params["mood"]:
        case "good":
            sys.stdout.write("chatter\n")
            return {"sum": sum(params["numbers"])}
        case "crash":
            ctypes.string_at(0)
        case "hang":
            threading.Event().wait()
        case "hungry":
            return {"size": len(bytearray(3 << 30))}
        case "refuse":
            raise SourceError("the thing is odd", "it has no end", "use another one")
        case "defect":
            raise KeyError("nothing here")
    return {}


def _attempts(context: OpContext) -> int:
    """How often this op was called with this `counter`, this time included."""
    with Path(str(context.params["counter"])).open("ab") as file:
        file.write(b".")
        return file.tell()
