"""Stages: one file each; a docstring, frozen parameters with bounds, a contract, and `run`.

A stage is valid in time: it says how many frames of context it needs before and after and returns only the interior, so
that cutting a shot into blocks changes nothing. Context never crosses a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np

from footlights.core import records
from footlights.core.clip import Clip, Plane
from footlights.core.faces import ShotFaces
from footlights.core.likeness import Beside, Likeness
from footlights.core.plans import Region, Step
from footlights.core.registry import Registry
from footlights.errors import ParameterError, PlanError, did_you_mean

_FELT = np.float32(0.5 / 219)
"""Half a code: what changes by less counts as untouched."""


class Fields(StrEnum):
    """What a stage works on."""

    WOVEN = "woven"
    """Interlaced frames, before deinterlacing (progressive frames pass as well)."""
    PROGRESSIVE = "progressive"
    """One instant per picture."""


class Edge(StrEnum):
    """What stands in for frames beyond a cut."""

    REFLECT = "reflect"
    """The shot runs backwards: real pictures with fresh noise."""
    CONTINUE = "continue"
    """The nearest real pictures that the other side does not show already: every one with noise and errors of its own,
    for stages that take a mean over pictures."""
    HOLD = "hold"
    """The first or last frame again: time must not run backwards for stages that judge motion between fields."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a stage needs and promises."""

    before: int = 0
    """Frames of context, on the stage's input timeline."""
    after: int = 0
    fields: Fields = Fields.PROGRESSIVE
    rate: int | Fraction = 1
    """Output frames per input frame; whole for all but the one that converts the rate, which is a `Streaming` stage."""
    edge: Edge = Edge.REFLECT
    size: tuple[int, int] | None = None
    """Width and height of what it gives; None where pictures keep their size."""
    display: bool = False
    """True for a stage that works on the master's raster, behind the one that makes it."""
    finds_detail: bool = False
    """True for a stage that gives fine detail beside its pictures."""
    needs_detail: bool = False
    """True for a stage that enlarges with it."""
    needs_lines: bool = False
    """True for a stage that compares pictures with the tape's own lines, which go with those of a net."""
    touches_output: bool = False
    """True for a stage that numbers what it touched on its output timeline."""
    exact: float = 0.0
    """Largest difference that processing in blocks may make, in luma where white is 1."""


class Stage(Protocol):
    """A picture operation with resolved parameters."""

    name: ClassVar[str]
    version: ClassVar[int]
    Params: ClassVar[type[Any]]

    def __init__(self, params: Any) -> None: ...

    @property
    def contract(self) -> Contract: ...

    def run(self, clip: Clip) -> Clip:
        """Clip with context → interior: `len(clip) - before - after` frames, times `rate`."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A stage with a memory: it sees a run of frames from one end to the other instead of window by window.

    Its contract's `before` is what its memory needs to forget how it began; `run` gives what `stream` gives behind that
    many frames.
    """

    def stream(self, blocks: Iterator[Clip]) -> Iterator[Clip]:
        """Consecutive clips in, clips for all their frames out; either end is taken for a cut."""
        ...


@runtime_checkable
class Learned(Protocol):
    """A stage whose pictures depend on trained weights."""

    @staticmethod
    def weights(params: Any) -> str:
        """The weights these parameters ask for, as `Step.weights` names them: `name@sha256:…`."""
        ...


class Touch(NamedTuple):
    """A place where a stage replaced what the tape holds."""

    frame: int
    """On the stage's input timeline, unless its contract says otherwise."""
    area: float
    """Share of the picture, 0..1."""
    why: str = ""
    """Where the plan's reason does not say it."""
    regions: tuple[Region, ...] = ()
    """Where on the raster of the stage; empty where it is the whole picture."""


@runtime_checkable
class Recorder(Protocol):
    """A stage that says which pictures it replaced, in part or as a whole."""

    touched: list[Touch]


@runtime_checkable
class Guided(Protocol):
    """A stage that needs the faces that were followed through its shot: too much to write into a plan."""

    def guide(self, shot: ShotFaces, start: int) -> None:
        """The faces, and the number of the output picture that shows the first instant of the shot."""
        ...


@runtime_checkable
class Witness(Protocol):
    """A stage that says whether the faces it restored still are the same people."""

    likeness: list[Likeness]
    least: dict[int, Beside]
    """By face, the moment at which restored and source are least alike."""


STAGES: Registry[Stage] = Registry("stage", ("footlights.restoration", "footlights.enhancement"), "footlights.stages")

S = TypeVar("S")


def stage(name: str, *, version: int) -> Callable[[type[S]], type[S]]:
    """Class decorator: enters a stage under `name`. `version` rises whenever output may change."""

    def enter(cls: type[S]) -> type[S]:
        named: Any = cls
        named.name, named.version = name, version
        STAGES.add(name)(named)
        return cls

    return enter


def build(step: Step) -> Stage:
    """The stage of a plan's step; PlanError if the step does not fit this version of the program."""
    cls = STAGES.get(step.stage)
    known = {field.name: field for field in fields(cls.Params)}
    for name in step.params:
        if name not in known:
            raise PlanError(
                f"step '{step.stage}' has no parameter '{name}'",
                did_you_mean(name, known) or f"known: {', '.join(known)}",
                "mend the plan, or delete plan.json to have it written anew",
            )
    if step.version != cls.version:
        raise PlanError(
            f"step '{step.stage}' was planned for version {step.version}",
            f"this program has version {cls.version}, which may give other pictures",
            "delete plan.json to have it written anew",
        )
    params = records.from_data(cls.Params, dict(step.params), f"step '{step.stage}'")
    if issubclass(cls, Learned) and step.weights != cls.weights(params):
        raise PlanError(
            f"step '{step.stage}' was planned with the weights {step.weights}",
            f"this program has {cls.weights(params)}, which give other pictures",
            "delete plan.json to have it written anew",
        )
    return cls(params)


def changed(after: Plane, before: Plane) -> float:
    """Share of the samples of a plane that a filter changed, for the record of what it touched."""
    return 0.0 if after is before else float((np.abs(after - before) > _FELT).mean())


def bound(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    """ParameterError unless low ≤ value ≤ high."""
    if not low <= value <= high:
        raise ParameterError(name, value, f"choose {low:g}..{high:g}{' ' + unit if unit else ''}")
