"""The figures of many tapes of `analysis_truth.py` together, and the tables that show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import bench
import truth_scores as scores
from truth_tapes import INTERLACED, PROGRESSIVE, SUFFIX, TELECINE

Row = dict[str, Any]
LIGHT: dict[str, Callable[[Row], bool]] = {
    "steady": lambda row: not row["strobes"] and "telecine" not in row["case"],
    "film": lambda row: "telecine" in row["case"],
    "strobes": lambda row: row["strobes"],
    "all": lambda row: True,
}
"""Situations in which losses are counted."""


def summed(rows: Sequence[Row]) -> Row:
    """The figures of some tapes together."""
    return {
        "tapes": len(rows),
        "frames": sum(row["frames"] for row in rows),
        "cuts_steady": _cuts([row["cuts"] for row in rows if not row["strobes"]]),
        "cuts_strobes": _cuts([row["cuts"] for row in rows if row["strobes"]]),
        "cadence": _cadence([shot for row in rows for shot in row["cadence"]]),
        "order_of_tape": scores.ratio(
            sum(row["order_of_tape"][0] == row["order_of_tape"][1] for row in rows if "progressive" not in row["case"]),
            sum("progressive" not in row["case"] for row in rows),
        ),
        "losses": {name: _losses([row["losses"] for row in rows if fits(row)]) for name, fits in LIGHT.items()},
        "noise": {codec: _noise([row for row in rows if row["codec"] == codec]) for codec in SUFFIX},
    }


def _cuts(rows: Sequence[Row]) -> Row:
    total: Row = {name: sum(row[name] for row in rows) for name in ("true", "found", "hits_0", "hits_1", "field_exact")}
    true, right, found = (sum(row["between_fields"][place] for row in rows) for place in range(3))
    return total | {
        "between_fields": {"true": true, "recall": scores.ratio(right, true), "precision": scores.ratio(right, found)},
        "precision_0": scores.ratio(total["hits_0"], total["found"]),
        "recall_0": scores.ratio(total["hits_0"], total["true"]),
        "precision_1": scores.ratio(total["hits_1"], total["found"]),
        "recall_1": scores.ratio(total["hits_1"], total["true"]),
    }


def _cadence(shots: Sequence[Row]) -> Row:
    """Per kind: share of the shots recognised; field order of all that have one."""
    ordered = [shot for shot in shots if shot["order"] is not None and shot["sure"]]
    kinds = {
        kind: scores.ratio(
            sum(shot["found_kind"] == kind for shot in shots if shot["kind"] == kind),
            sum(shot["kind"] == kind for shot in shots),
        )
        for kind in (INTERLACED, PROGRESSIVE, TELECINE)
    }
    right = sum(shot["order"] == shot["found_order"] for shot in ordered)
    return {
        "shots": len(shots),
        "kind": kinds,
        "order_judged": len(ordered),
        "order_abstained": sum(shot["order"] is not None and not shot["sure"] for shot in shots),
        "order_accuracy": scores.ratio(right, len(ordered)),
    }


def _losses(rows: Sequence[Row]) -> Row:
    kinds = rows[0]["by_kind"].keys() if rows else ()
    found: Row = {}
    for kind in kinds:
        total = {
            name: sum(row["by_kind"][kind][name] for row in rows)
            for name in ("true", "found", "fields_right", "seen", "seen_found")
        }
        found[kind] = total | {
            "recall": scores.ratio(total["found"], total["true"]),
            "recall_seen": scores.ratio(total["seen_found"], total["seen"]),
        }
    everything = sum(total["true"] for total in found.values())
    invented, claimed = (sum(len(row["invented"]) for row in rows), sum(row["found"] for row in rows))
    return found | {
        "recall": scores.ratio(sum(total["found"] for total in found.values()), everything),
        "recall_seen": scores.ratio(
            sum(total["seen_found"] for total in found.values()), sum(total["seen"] for total in found.values())
        ),
        "late": sum(row["late"] for row in rows),
        "of_the_clip": sum(len(row["of_the_clip"]) for row in rows),
        "unsure": sum(row["unsure"] for row in rows),
        "invented": invented,
        "precision": scores.ratio(claimed - invented, claimed),
        "invented_per_1000_frames": round(1000 * invented / max(sum(row["frames"] for row in rows), 1), 2),
    }


def _noise(rows: Sequence[Row]) -> Row:
    """Relative errors over shots; photographs have no grain of their own, clips do."""
    found: Row = {}
    for name, photograph in (("photographs", True), ("clips", False)):
        shots = [shot for row in rows for shot in row["noise"] if shot["photograph"] is photograph]
        luma = scores.relative_errors(shot["luma"] for shot in shots)
        chroma = scores.relative_errors(shot[plane] for shot in shots for plane in ("cb", "cr"))
        bands = scores.relative_errors(band[1:] for shot in shots for band in shot["bands"])
        found[name] = {
            "luma": bench.spread(luma, 3),
            "luma_mean_absolute": round(float(np.mean(np.abs(luma))), 3) if luma else None,
            "chroma": bench.spread(chroma, 3),
            "luma_by_brightness": bench.spread(bands, 3),
        }
    return found


def show(result: Row) -> None:
    """The figures that matter, one line per preset."""
    presets = result["presets"]
    bench.table(
        ("cuts", *(f"{light} {what}" for light in ("steady", "strobes") for what in ("n", "P±0", "R±0", "P±1", "R±1"))),
        (
            (name, *(one[f"cuts_{light}"][key] for light in ("steady", "strobes")
                     for key in ("true", "precision_0", "recall_0", "precision_1", "recall_1")))
            for name, one in presets.items()
        ),
    )  # fmt: skip
    print()
    bench.table(
        ("cadence", "shots", "interlaced", "progressive", "telecine", "field order", "judged", "order of tape"),
        (
            (name, one["cadence"]["shots"], *one["cadence"]["kind"].values(), one["cadence"]["order_accuracy"],
             one["cadence"]["order_judged"], one["order_of_tape"])
            for name, one in presets.items()
        ),
    )  # fmt: skip
    print()
    for light in LIGHT:
        bench.table(
            (f"losses, {light}", "lost frames", "R", "lost fields", "R", "duplicates", "R", "R seen", "precision"),
            (
                (name, *_loss_row(found))
                for name, one in presets.items()
                if "lost frame" in (found := one["losses"][light])  # of such light some tape is done
            ),
        )
        print()
    columns = [(codec, stock) for codec in SUFFIX for stock in ("photographs", "clips")]
    for plane in ("luma_by_brightness", "luma", "chroma"):
        bench.table(
            (f"noise, {plane}: median (10 %..90 %)", *(f"{codec} {stock[0]}." for codec, stock in columns)),
            (
                (name, *(_error(one["noise"][codec][stock][plane]) for codec, stock in columns))
                for name, one in presets.items()
            ),
        )
        print()


def _loss_row(found: Row) -> list[object]:
    kinds = [found[kind] for kind in ("lost frame", "lost field", "duplicate")]
    return [
        *(one[key] for one in kinds for key in ("true", "recall")),
        found["recall_seen"],
        found["precision"],
    ]


def _error(found: Row) -> str:
    return f"{found['median']:+.2f} ({found['p10']:+.2f}..{found['p90']:+.2f})" if found["count"] else "-"
