"""Whether the faces of a shot are restored, and why."""

from __future__ import annotations

from footlights.core.faces import ShotFaces
from footlights.core.plans import Skipped, Step, Value
from footlights.core.reports import ShotReport
from footlights.models import trackface
from footlights.planning.geometry import Geometry
from footlights.restoration.base import STAGES
from footlights.restoration.faces import HIGHEST, shares
from footlights.settings import Settings

_NAME = "faces.restore"


def face_step(
    settings: Settings, report: ShotReport, tracked: ShotFaces | None, geometry: Geometry, raster: tuple[int, int]
) -> Step | Skipped:
    """The step, or the reason against it."""
    chosen = settings.restoration.faces
    if not chosen.enabled or not chosen.restore:
        return Skipped(_NAME, f"restoration.faces.{'restore' if chosen.enabled else 'enabled'} = false")
    if tracked is None or not tracked.faces:
        return Skipped(_NAME, "no face was followed through the shot")
    useful = [face for face in tracked.faces if face.height <= HIGHEST and shares(face, tracked.instants).any()]
    heights = ", ".join(f"{face.height:.0f}" for face in tracked.faces)
    if not useful:
        said = f"faces of {heights} lines: too small, too large, turned away or clipped"
        return Skipped(_NAME, said + _pictures(tracked))
    params: dict[str, Value] = {
        "strength": chosen.strength,
        "sigma": round(min(report.noise.luma_sigma, 40.0), 3),
        "raster": raster,
        "crop": geometry.crop,
        "pillar": geometry.pillar,
    }
    why = f"{len(useful)} of {len(tracked.faces)} followed faces can be restored; heights in lines: {heights}"
    why += _pictures(tracked)
    return Step(_NAME, STAGES.get(_NAME).version, params, why, trackface.reference())


def _pictures(tracked: ShotFaces) -> str:
    """Which tracks are left as they are because nobody is seen there."""
    numbers = ", ".join(str(number) for number, face in enumerate(tracked.faces) if not face.alive)
    return f"; taken for pictures of faces: {numbers}" if numbers else ""
