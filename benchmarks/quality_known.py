"""What an earlier result file says of the candidates on the same tapes, so that our net alone is run again.

FFmpeg's filters do not change from one commit to the next, and take most of the time. That a tape is the same is not
believed but shown: bwdif is run on it again, and has to score what it scored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_EQUAL = 1e-3
"""dB by which bwdif may differ on the same tape."""


@dataclass(frozen=True)
class Known:
    """Rows of earlier tables by clip and preset."""

    tables: dict[str, list[Row]]

    @classmethod
    def read(cls, path: Path | None) -> Known:
        """The rows of a result file; none without one."""
        return cls(json.loads(path.read_text("utf-8")) if path else {})

    def row(self, table: str, clip: str, preset: str) -> Row | None:
        """The earlier row of this clip on this preset."""
        rows = self.tables.get(table, [])
        return next((row for row in rows if (row["clip"], row["preset"]) == (clip, preset)), None)


def taken_over(earlier: Row, base: str, best: str, scored: Row) -> Row:
    """The candidates' part of an earlier row, where `scored`, what the `base` method scores on the tape now, agrees."""
    off = abs(earlier[base]["psnr_y"] - scored["psnr_y"])
    if off > _EQUAL:
        raise SystemExit(f"{earlier['clip']} {earlier['preset']}: {base} is {off:.3f} dB off the earlier result: "
                         "the tape is another one; run without --candidates-of")  # fmt: skip
    return {"best": earlier["best"], base: scored, best: earlier[best]}
