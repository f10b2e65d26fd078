"""A coordinator as a process of its own, to be killed.

`toy_job.py <folder> fan <rounds>` or `toy_job.py <folder> bear_child <pipe>`. Prints the kind of each event; ends with
an exit code as the command line would.
"""

from __future__ import annotations

import sys
from pathlib import Path

from toy_engine import QUICK_RETRY, make_executor

from contracts_engine import fan
from footlights.engine.loop import Coordinator
from footlights.engine.schedule import Limits
from footlights.engine.tasks import Task
from footlights.errors import INTERRUPTED, FootlightsError


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(folder: str, kind: str, value: str) -> int:
    tasks = fan(10, int(value)) if kind == "fan" else [Task(kind, f"toy_ops:{kind}", 1, {"pipe": value})]
    try:
        with Coordinator(
            Path(folder), make_executor(2), limits=Limits(cores=4, reserve=0), policy=QUICK_RETRY
        ) as coordinator:
            for event in coordinator.run(tasks):
                say(event.kind)
            say(" ".join(coordinator.artifact(task.id).content for task in tasks))
    except FootlightsError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
