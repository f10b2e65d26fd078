"""A first look at files, before anything is trusted and before anything heavy is imported.

It imports the container layer and nothing of analysis, nets or stages: a file that is no video is refused at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from footlights.core import records
from footlights.ingest import ingest
from footlights.media.tape import open_tape
from footlights.settings import IngestSettings


def probe(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a tape file says of itself: its Source and the frames it promises. Params: path, settings."""
    source, frames = ingest.probe(Path(params["path"]), IngestSettings.model_validate(params["settings"]))
    return {"frames": frames, "source": records.to_data(source)}


def look(*videos: Path) -> None:
    """Raise SourceError for a file that is no video or would open other files."""
    for video in videos:
        open_tape(video).close()
