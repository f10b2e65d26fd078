"""What the browser tests measure in a real Chromium: stalls, dropped frames, grain that is painted.

    FOOTLIGHTS_TEST_PLAYERS=DIR python benchmarks/encoding.py --part browser

Runs `tests/browser` and gathers what the tests record; a test that fails or is skipped is listed as such. Films are 8 s
long (a premiere 16 s and its slate), 256×144, drawn without a GPU: on a busy machine stalls and dropped frames say more
of the machine than of the stream.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

from bench import RESULTS, ROOT, machine, table, write


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed")
    parser.add_argument("--out", type=Path, default=RESULTS / "encoding_browser.json")
    options = parser.parse_args()
    facts = machine()
    with TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        words = ["-q", "-m", "browser", "-o", "junit_family=xunit1", f"--junitxml={report}", "tests/browser"]
        subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, check=False)
        cases = [_case(one) for one in ElementTree.parse(report).iter("testcase")]
    write(options.out, {"machine": facts, "tests": cases})
    names = ("outcome", "stalled", "dropped", "total", "energy", "decoder")
    table(("test", *names), [[one["test"], *(one.get(name) for name in names)] for one in cases])


def _case(one: ElementTree.Element) -> dict[str, Any]:
    faults = [name for name in ("failure", "error", "skipped") if one.find(name) is not None]
    recorded = {str(item.get("name")): ast.literal_eval(str(item.get("value"))) for item in one.iter("property")}
    return {"test": one.get("name"), "outcome": faults[0] if faults else "passed", **recorded}


if __name__ == "__main__":
    main()
