"""Enhancement and fidelity: what is added to the picture, and how well that can be trusted; one part per dimension.

Each part is a module `enhancement_NAME.py` with `measure(options)`, which gives its numbers, and `show(numbers)`, which
prints them. `results/enhancement.json` holds all parts; running some of them replaces only these. Colour, fidelity,
jobs and cost go in pieces: rows that are done are kept, and the same command goes on.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import bench
import enhancement_banding
import enhancement_chroma
import enhancement_colour
import enhancement_cost
import enhancement_detail
import enhancement_fidelity
import enhancement_grain
import enhancement_jobs
import enhancement_rate
import enhancement_sheets
import pieces

PARTS: dict[str, ModuleType] = {
    "grain": enhancement_grain,
    "detail": enhancement_detail,
    "chroma": enhancement_chroma,
    "colour": enhancement_colour,
    "banding": enhancement_banding,
    "fidelity": enhancement_fidelity,
    "jobs": enhancement_jobs,
    "rate": enhancement_rate,
    "sheets": enhancement_sheets,
    "cost": enhancement_cost,
}


def earlier(path: Path) -> dict[str, Any]:
    """The parts of the last result; none where there is no result."""
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return dict(found.get("parts", {}))


def main() -> int:
    parser = bench.arguments("enhancement", __doc__)
    parser.add_argument("--part", action="append", choices=sorted(PARTS), help="part to run; again for more (all)")
    parser.add_argument("--work", type=Path, help="folder in which the jobs of jobs and sheets stay (default: none)")
    parser.add_argument("--quick", action="store_true", help="fewer clips and frames, for a first look")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    options.kept = pieces.opened(options)
    parts = earlier(options.out)
    for name in options.part or PARTS:
        facts = bench.machine()
        print(f"{name}:", file=sys.stderr)
        found = PARTS[name].measure(options)
        PARTS[name].show(found)
        parts[name] = {"machine": facts, "quick": options.quick, **found}
        bench.write(options.out, {"parts": parts})
    return 0


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
