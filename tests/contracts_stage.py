"""What every stage must keep: `assert_stage(stage)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from footlights.core import records
from footlights.core.clip import Clip, Fine, Lines
from footlights.core.plans import Step
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range, Signal
from footlights.core.time import FrameRange
from footlights.restoration import chain
from footlights.restoration.base import STAGES, Fields, Learned, Stage, build
from made_tapes import interlaced, panned, texture

RATE = Fraction(25)


def clip_of(
    frames: int = 18,
    *,
    start: int = 40,
    fields: Fields = Fields.PROGRESSIVE,
    noise: float = 2.0,
    half: bool = False,
    width: int = 96,
) -> Clip:
    """A noisy pan over a texture, 4:4:4 (or chroma at half size), `width`×64."""
    scene, colour = texture(31), texture(32)
    seen = interlaced(lambda f: panned(scene, f)[:64, :width], frames) if fields is Fields.WOVEN else None
    luma = np.stack(seen if seen is not None else [panned(scene, n)[:64, :width] for n in range(frames)])
    rng = np.random.default_rng(7)
    luma = (luma - 16 + rng.standard_normal(luma.shape) * noise) / 219
    chroma = (
        np.stack(
            [[panned(colour, n)[:64, :width] - 125, 125 - panned(colour, n)[64:128, :width]] for n in range(frames)]
        )
        / 224
    )
    if half:
        chroma = chroma[..., ::2, ::2]
    signal = Signal(Matrix.SMPTE170M, Primaries.SMPTE170M, range=Range.LIMITED, field_order=FieldOrder.TOP_FIRST)
    if fields is Fields.PROGRESSIVE:
        signal = replace(signal, field_order=FieldOrder.PROGRESSIVE)
    return Clip(luma.astype(np.float32), chroma.astype(np.float32), signal, FrameRange(start, start + frames), RATE)


def with_fine(clip: Clip) -> Clip:
    """The clip with fine detail of four times its size."""
    rng = np.random.default_rng(9)
    count, height, width = clip.luma.shape
    luma = rng.normal(0, 0.02, (count, 4 * height, 4 * width)).astype(np.float32)
    chroma = rng.normal(0, 0.01, (count, 2, 2 * height, 2 * width)).astype(np.float32)
    return replace(clip, fine=Fine(tuple(luma), tuple(chroma)))


def with_lines(clip: Clip) -> Clip:
    """The clip as a net gives it: beside each picture the field that it was made from, here a brighter one with noise;
    none for the second picture."""
    rng = np.random.default_rng(4)
    lines = list[Lines | None]()
    for number, picture in zip(clip.frames, clip.luma, strict=True):
        field = picture[number % 2 :: 2] + 0.05
        lines.append(Lines(field + rng.normal(0, 0.01, field.shape).astype(np.float32), number % 2, 2))
    lines[1] = None
    return replace(clip, lines=tuple(lines))


def weights_of(cls: type[Any], params: dict[str, Any]) -> str | None:
    """What a plan names for a stage that was trained."""
    return cls.weights(cls.Params(**params)) if issubclass(cls, Learned) else None


def through(stage: Stage, clip: Clip, block: int) -> Clip:
    """The clip streamed through one stage in blocks."""
    blocks = (clip.take(part) for part in clip.frames.split(block))
    wanted = FrameRange(clip.frames.start * stage.contract.rate, clip.frames.stop * stage.contract.rate)
    made = list(chain.run([stage], blocks, wanted))
    assert [one.frames.start for one in made[1:]] == [one.frames.stop for one in made[:-1]]
    return Clip(
        np.concatenate([one.luma for one in made]),
        np.concatenate([one.chroma for one in made]),
        made[0].signal,
        FrameRange(made[0].frames.start, made[-1].frames.stop),
        made[0].rate,
    )


def built(step: Step, prepare: Callable[[Stage], None]) -> Stage:
    """The stage of a step, ready to run."""
    stage = build(step)
    prepare(stage)
    return stage


def assert_stage(
    name: str,
    clip: Clip,
    *,
    identity: dict[str, Any] | None = None,
    prepare: Callable[[Stage], None] = lambda stage: None,
    **params: Any,
) -> Clip:
    """Contract, determinism, blocks equal the whole, honest output, identity at zero strength, parameters through JSON.

    `prepare` gives a stage what does not stand in its parameters. Returns the output for the whole clip.
    """
    cls = STAGES.get(name)
    step = Step(name, cls.version, params, "test", weights_of(cls, params))
    step = records.from_data(Step, records.to_data(step))
    stage = built(step, prepare)
    contract = stage.contract
    direct = stage.run(clip)
    interior = clip.frames.shrink(contract.before, contract.after)
    assert direct.frames == FrameRange(interior.start * contract.rate, interior.stop * contract.rate)
    assert direct.rate == clip.rate * contract.rate
    assert np.isfinite(direct.luma).all()
    assert np.isfinite(direct.chroma).all()
    whole = through(built(step, prepare), clip, len(clip))
    assert len(whole) == len(clip) * contract.rate, "a stage may not lose or invent frames at the ends of a shot"
    for block in (1, 3, 7):
        parts = through(built(step, prepare), clip, block)
        assert np.abs(parts.luma - whole.luma).max() <= contract.exact, f"blocks of {block} differ from the whole"
        assert np.abs(parts.chroma - whole.chroma).max() <= contract.exact
    inside = whole.take(direct.frames)
    assert np.abs(inside.luma - direct.luma).max() <= contract.exact
    if identity is not None:
        same = built(replace(step, params={**params, **identity}), prepare).run(clip)
        np.testing.assert_array_equal(same.luma, clip.take(interior).luma)
        np.testing.assert_array_equal(same.chroma, clip.take(interior).chroma)
    return whole
