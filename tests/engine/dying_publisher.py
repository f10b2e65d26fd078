"""Publishes one artifact in a child that is killed before its n-th step, for n = 1, 2, … until it survives.

`dying_publisher.py <folder>`: uses `<folder>/<n>` as job folders and prints the number of steps. A step is any call
that changes the disk for good.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from footlights.engine.artifacts import ArtifactStore
from footlights.engine.manifest import Making

KEY = "ab" * 32
STEPS = ("fsync", "rename", "chmod", "mkdir")


def making(**changes: Any) -> Making:
    """How the toy artifact was made."""
    fixed = {"request": {"op": "m:f"}, "facts": {"n": 1}, "started": "s", "ended": "e", "cost_ms": 5, "units": 1}
    return Making(**{"key": KEY, "task": "toy", **fixed, **changes})


def draft(store: ArtifactStore, text: str = "payload") -> Path:
    """A folder with two files, one of them deeper."""
    folder = store.draft(KEY)
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "one.bin").write_text(text)
    (folder / "deep" / "er" / "two.bin").write_text(text * 2)
    return folder


def main(folder: Path) -> None:
    for number in count(1):
        store = ArtifactStore(folder / str(number))
        store.job_folder.mkdir(parents=True)
        store.prepare()
        place = draft(store)
        child = os.fork()
        if child == 0:
            _die_before(number)
            store.publish(place, making())
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            sys.stdout.write(f"{number - 1}\n")
            return


def _die_before(number: int) -> None:
    left = number

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*values: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*values, **named)

        return step

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
