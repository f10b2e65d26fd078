"""Read a report and tell what of a master is not original: python examples/list_gaps.py JOB/report.json

Needs nothing of Footlights: `report.json` is plain JSON, described in docs/guide/reading-the-report.md.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any


def repaired(report: dict[str, Any]) -> dict[str, int]:
    """Output frames that each repairing stage touched."""
    frames: dict[str, set[int]] = defaultdict(set)
    for item in report["interventions"]:
        frames[item["kind"]].update(range(item["frames"]["start"], item["frames"]["stop"]))
    return {kind: len(touched) for kind, touched in sorted(frames.items())}


def main(path: Path) -> None:
    """Print gaps of the tape, and frames of the master that show no instant of it."""
    report = json.loads(path.read_text("utf-8"))
    print(f"{report['source']['name']}: {report['frames_in']} frames in, {report['frames_out']} out")
    for gap in report["gaps"]:
        count = gap["slots"]["stop"] - gap["slots"]["start"]
        print(f"{gap['timecode']}  {gap['kind']}, {count} frames: {gap['evidence']}")
    if not report["gaps"]:
        print("no gaps found")
    time_map = report["time_map"] or {"spans": []}
    for span in time_map["spans"]:
        if span["kind"] != "original":
            seconds = Fraction(span["out"]["start"]) / Fraction(time_map["out_rate"])
            print(f"{span['kind']} at {float(seconds):.2f} s: frames {span['out']['start']} to {span['out']['stop']}")
    for kind, count in repaired(report).items():
        print(f"{kind}: {count} of {report['frames_out']} frames touched")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
