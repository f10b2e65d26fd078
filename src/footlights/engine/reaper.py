"""Kills what workers started when the coordinator is gone.

A worker dies with its coordinator, but the programs it runs would go on. This small process (run by path, without the
package) is told the process groups of the workers on stdin, "+<group>" and "-<group>", one per line. When stdin ends
because the coordinator ended, however that came about, it kills the groups it still knows.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def main(lines: Iterable[str]) -> None:
    """Follow the lines to their end, then kill."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in lines:
        with suppress(ValueError):
            change = groups.add if line.startswith("+") else groups.discard
            change(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.stdin)
