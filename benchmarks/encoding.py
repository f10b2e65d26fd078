"""Encoding: one part after the other, or the one that is named; each writes a result of its own.

    python benchmarks/encoding.py --part search --data DIR

`allocation` who gets the bits, `search` trials with and without priors, `baselines` against one CRF, x265 and the
scheme of Av1an, `pooling` worst seconds and what the newer VMAF says, `curves` measured curves and `simulated` the same
comparisons on them, `caps` limits on rates on them, `presets` bytes and time of presets, `squares` colour that
VMAF does not see, `grain` film grain, `regions` faces in H.264, `browser` playing in Chromium, `watch` two minutes of a
premiere in it, `server` requests a second of a premiere, `kills` kill -9 while encoding. What follows `--part NAME` is
passed on.
"""

from __future__ import annotations

import importlib
import sys

PARTS = (
    "allocation",
    "search",
    "curves",
    "simulated",
    "caps",
    "presets",
    "squares",
    "baselines",
    "pooling",
    "grain",
    "regions",
    "browser",
    "watch",
    "server",
    "kills",
)


def main() -> None:
    words = sys.argv[1:]
    chosen: tuple[str, ...] = PARTS
    if "--part" in words:
        place = words.index("--part")
        name = words[place + 1] if place + 1 < len(words) else ""
        if name not in PARTS:
            raise SystemExit(f"there is no part '{name}': choose one of {', '.join(PARTS)}")
        chosen, words = (name,), [*words[:place], *words[place + 2 :]]
    for name in chosen:
        sys.argv = [f"encoding_{name}", *words]
        importlib.import_module(f"encoding_{name}").main()


if __name__ == "__main__":
    main()
