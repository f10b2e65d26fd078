"""The chain: streams a shot through its stages, block by block, each stage keeping just the context it needs.

Nothing is computed twice inside a run: a stage holds back the tail of its input until what follows arrives. At a cut
the context is made up as the stage's contract says; inside a shot it is always real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np

from footlights.core.clip import Clip, join
from footlights.core.time import FrameRange
from footlights.errors import InternalError, NetError, PlanError
from footlights.restoration.ahead import ahead
from footlights.restoration.base import Contract, Edge, Fields, Stage, Streaming

_MEND = "mend the plan, or delete plan.json to have it written anew"


@dataclass(frozen=True, slots=True)
class Reach:
    """Context a whole chain needs, in frames of its input."""

    before: int
    after: int


def reach(stages: Sequence[Stage]) -> Reach:
    """Sum of all contexts, brought to the input's timeline (rounded up)."""
    before = after = 0
    for stage in reversed(stages):
        contract, wanted = stage.contract, _wanted(stage.contract)
        before = -(-before // contract.rate) + wanted.before
        after = -(-after // contract.rate) + wanted.after
    return Reach(before, after)


def _wanted(contract: Contract) -> Reach:
    """Real frames that one stage wants around its own: what stands in for those beyond a cut may come from the other
    side, and has to be the same however a shot is parted."""
    more = contract.before + contract.after if contract.edge is Edge.CONTINUE else 0
    return Reach(max(contract.before, more), max(contract.after, more))


def rate_factor(stages: Iterable[Stage]) -> Fraction:
    """Output frames per input frame of a whole chain."""
    factor = Fraction(1)
    for stage in stages:
        factor *= stage.contract.rate
    return factor


def shown(stages: Iterable[Stage], frame: int) -> FrameRange:
    """Pictures behind these stages that show anything of picture `frame` before them."""
    frames = FrameRange(frame, frame + 1)
    for stage in stages:
        rate = stage.contract.rate
        if isinstance(rate, Fraction) and rate != 1:  # pictures between two are made from both
            frames = FrameRange(floor((frames.start - 1) * rate) + 1, ceil(frames.stop * rate))
        else:
            frames = FrameRange(int(frames.start * rate), int(frames.stop * rate))
    return frames


def check(stages: Sequence[Stage], factor: int, size: tuple[int, int], step: Fraction = Fraction(1)) -> None:
    """PlanError unless these stages, in this order, turn tape frames into `factor` pictures of instants each, of which
    every `step`-th is shown by the master, of `size`."""
    if rate_factor(stages) != factor / step:
        raise PlanError(
            f"the steps give {rate_factor(stages)} pictures a frame, the master needs {factor / step}",
            "a deinterlacer or the conversion of the rate is missing, or there is one too many",
            _MEND,
        )
    sizes = [stage.contract.size for stage in stages if stage.contract.size is not None]
    if sizes != [size]:
        raise PlanError(
            f"the steps make pictures of {' and '.join(f'{w}×{h}' for w, h in sizes) or 'the size of the tape'}",
            f"the master is {size[0]}×{size[1]}, made by one upscaling step",
            _MEND,
        )
    woven, tape_size, detail = factor > 1, True, False
    for stage in stages:
        contract = stage.contract
        if not woven and factor > 1 and contract.fields is Fields.WOVEN:
            raise PlanError(f"step '{stage.name}' comes too late", "it works on fields, before deinterlacing", _MEND)
        if woven and contract.fields is not Fields.WOVEN:
            raise PlanError(f"step '{stage.name}' comes too early", "it needs deinterlaced pictures", _MEND)
        if tape_size and contract.display:
            raise PlanError(f"step '{stage.name}' comes too early", "it works on the master's raster", _MEND)
        if not tape_size and not contract.display:
            raise PlanError(f"step '{stage.name}' comes too late", "it works on the tape's raster", _MEND)
        if contract.needs_detail and not detail:
            raise PlanError(f"step '{stage.name}' has no fine detail to add", "no net stands before it", _MEND)
        if contract.needs_lines and not detail:
            raise PlanError(f"step '{stage.name}' has no lines to compare with", "no net stands before it", _MEND)
        detail = detail or contract.finds_detail
        woven = woven and contract.rate == 1
        tape_size = tape_size and contract.size is None


def run(stages: Sequence[Stage], blocks: Iterable[Clip], wanted: FrameRange) -> Iterator[Clip]:
    """Stream `blocks` (consecutive, on the input timeline) through the stages and give the frames `wanted` of the
    output timeline.

    Where `blocks` begin and end is taken for a cut, and context is made up there. To restore a part of a shot, give
    blocks that reach further by `reach` on each side inside the shot: what the made-up context touches is dropped.
    """
    stream: Iterator[Clip] = iter(blocks)
    for stage, needed in zip(stages, _needed(stages, wanted), strict=True):
        if stage.contract.size is not None:
            stream = ahead(stream)  # the master's raster is half of the work
        stream = _within(_through(stage, stream), needed)
    yield from stream


def run_guarded(
    ways: Sequence[Sequence[Stage]],
    source: Callable[[Sequence[Stage], FrameRange], Iterable[Clip]],
    wanted: FrameRange,
    failed: Callable[[FrameRange, NetError], None],
) -> Iterator[Clip]:
    """As `run` through the first of the ways; where its net fails, what is still wanted comes through the next one.

    `source` gives the blocks that a way needs for some frames; `failed` hears which frames come otherwise, and why. The
    failure of the last way is raised.
    """
    first, *others = ways
    try:
        for clip in run(first, source(first, wanted), wanted):
            yield clip
            wanted = FrameRange(clip.frames.stop, wanted.stop)
    except NetError as error:
        if not others:
            raise
        failed(wanted, error)
        yield from run_guarded(others, source, wanted, failed)


def _needed(stages: Sequence[Stage], wanted: FrameRange) -> list[FrameRange]:
    """For every stage, which of its output frames the stages behind it need to give the frames `wanted`."""
    found = [wanted]
    for stage in reversed(stages[1:]):
        contract, after = stage.contract, found[-1]
        given = FrameRange(after.start // contract.rate, -(-after.stop // contract.rate))
        wanted_around = _wanted(contract)
        found.append(given.grow(wanted_around.before, wanted_around.after))
    return found[::-1]


def _within(stream: Iterator[Clip], frames: FrameRange) -> Iterator[Clip]:
    """What of a stream lies in `frames`: warming up is not carried through stages that need not see it."""
    for clip in stream:
        common = clip.frames.intersect(frames)
        if len(common):
            yield clip.take(common)


def _through(stage: Stage, blocks: Iterator[Clip]) -> Iterator[Clip]:
    """One stage over a stream of clips; the ends of the stream are treated as cuts."""
    contract = stage.contract
    if isinstance(stage, Streaming):
        yield from map(_finite(stage), stage.stream(blocks))
        return
    context = contract.before + contract.after
    if not context:
        # One picture at a time: a block of 4K pictures in float would not stay in any cache, nor its memory in use.
        for block in blocks:
            for part in block.frames.split(1):
                one = block.take(part)
                yield _checked(stage, one, stage.run(one))
        return
    held: Clip | None = None
    led_in, spare = False, 0
    for block in blocks:
        held = block if held is None else join([held, block])
        # What stands in comes from as many real frames: results must not depend on the size of the first block.
        if not led_in and len(held) > context:
            held, led_in = _reaching(held, contract, contract.before, 0), True
        if led_in and len(held) > context + 1 + spare:
            given = _without(held, spare)
            yield _checked(stage, given, stage.run(given))
            # One frame more than the context, for what stands in at the end of the stream.
            held, spare = held.take(FrameRange(held.frames.stop - context - 1, held.frames.stop)), 1
    if held is not None:
        tail = _without(_reaching(held, contract, 0 if led_in else contract.before, contract.after), spare)
        if len(tail) > context:
            yield _checked(stage, tail, stage.run(tail))


def _without(clip: Clip, spare: int) -> Clip:
    """The clip without its first frames, which are kept for the end alone."""
    return clip.take(FrameRange(clip.frames.start + spare, clip.frames.stop))


def _reaching(clip: Clip, contract: Contract, before: int, after: int) -> Clip:
    """The clip with made-up frames before and after it."""
    index = _stand_ins(np.arange(-before, len(clip) + after), len(clip), contract)
    return clip.picked(index, clip.frames.grow(before, after))


def _stand_ins(
    index: np.ndarray[tuple[int, ...], np.dtype[np.intp]], length: int, contract: Contract
) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Which of `length` real frames are shown at `index`, which reaches beyond them."""
    if contract.edge is Edge.HOLD or length == 1:
        return np.clip(index, 0, length - 1)
    if contract.edge is Edge.CONTINUE and length > contract.before + contract.after:
        index = np.where(index < 0, contract.after - index, index)
        return np.where(index >= length, 2 * (length - 1) - contract.before - index, index)
    period = 2 * (length - 1)
    folded = np.abs(index) % period
    return np.where(folded >= length, period - folded, folded)


def _checked(stage: Stage, given: Clip, made: Clip) -> Clip:
    """InternalError where a stage breaks its contract or gives values that are no numbers."""
    contract = stage.contract
    interior = given.frames.shrink(contract.before, contract.after)
    expected = FrameRange(int(interior.start * contract.rate), int(interior.stop * contract.rate))
    if made.frames != expected:
        raise InternalError(
            f"stage {stage.name} gave frames {made.frames} instead of {expected}",
            "it breaks its contract",
            "report this defect",
        )
    return _finite(stage)(made)


def _finite(stage: Stage) -> Callable[[Clip], Clip]:
    """Passes a stage's clips on; InternalError for values that are no numbers."""

    def look(made: Clip) -> Clip:
        if not (np.isfinite(made.luma[:, ::7, ::7]).all() and np.isfinite(made.chroma[:, :, ::7, ::7]).all()):
            raise InternalError(
                f"stage {stage.name} gave values that are no numbers in frames {made.frames}",
                "its arithmetic broke down",
                "report this defect with the plan of the shot",
            )
        return made

    return look
