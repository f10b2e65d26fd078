"""The functions of tasks that look at a few pictures of a shot to settle what its plan says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from footlights.core import records
from footlights.core.source import Ingest
from footlights.engine.ops import OpContext, OpResult
from footlights.ingest import ingest as taking_in
from footlights.media.reader import VideoReader
from footlights.models import runtime
from footlights.pipeline import remainder as left_over
from footlights.pipeline import strengths

R = TypeVar("R")
Measure = Callable[[R, tuple[Ingest, VideoReader], Callable[[int], None]], Iterable[object]]
"""From a request, an opened ingest and a listener to progress: a record per shot."""


def remainder(context: OpContext) -> OpResult:
    """Ingest → what the net leaves of the noise of some shots. Params: request (a RemainderRequest)."""
    return _seen(context, left_over.RemainderRequest, left_over.measure, left_over.REMAINDERS)


def try_strengths(context: OpContext) -> OpResult:
    """Ingest → how much detail some shots can take. Params: request (a TrialRequest)."""
    return _seen(context, strengths.TrialRequest, strengths.measure, strengths.TRIALS)


def _seen(context: OpContext, kind: type[R], measure: Measure[R], name: str) -> OpResult:
    """What `measure` sees of the shots of a request, in the file `name`."""
    (source,) = context.inputs.values()
    request = records.from_data(kind, context.params["request"], "the request")
    runtime.grant_threads(context.threads)
    opened = taking_in.open_ingest(source.folder)
    with opened[1]:
        found = tuple(measure(request, opened, context.progress))
    records.write(context.folder / name, records.dumps(found, tuple))
    return OpResult(facts={"shots": len(found)})
