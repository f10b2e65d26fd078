"""Grain in the ladder: measured and taken out before a chunk is encoded, drawn again by the decoder or baked in after.

The trials of a search never see grain, so that quality is judged on clean pictures alone; grain is judged by its own
statistics. Everything that was decided is recorded in a `GrainEncode`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from footlights.core.encodes import GrainEncode, GrainTable
from footlights.core.filmgrain import FilmGrain
from footlights.core.time import FrameRange
from footlights.encoding.encoders import intermediate, intermediate_suffix
from footlights.encoding.grain.calibrate import Calibrated, calibrate
from footlights.encoding.grain.fit import fit
from footlights.encoding.grain.inject import inject, seed_of
from footlights.encoding.grain.measure import GrainStatistics, Planes
from footlights.encoding.grain.remove import GrainRemover
from footlights.encoding.grain.seeds import steady_seeds
from footlights.encoding.grain.steadiness import Steadiness
from footlights.encoding.grain.synthesis import apply
from footlights.errors import GrainFormError, VerificationError
from footlights.media import ffmpeg
from footlights.media.pixels import Samples
from footlights.media.playback import base_digest, with_grain
from footlights.media.reader import VideoReader, index_video
from footlights.pipeline.grainwatch import Watch
from footlights.pipeline.grainwindows import LARGE, glance, left_in, measure, spread_parts, survived_in

LEAST_DRAWN = 0.5
"""8-bit codes: weaker grain stays in the pictures that AV1 encodes, and is mostly lost there. From here on it is drawn:
at the same target that takes about as many bytes, and all of it is seen, where kept in the pictures a fifth is left."""
LEAST_BAKED, LEAST_BAKED_LARGE = 0.8, 0.5
"""The same of pictures whose decoders draw none. Weaker grain that is left to x264 survives better, for 3 % more bytes,
than the half of it that would be baked; large are pictures of more than `LARGE` samples (1080 lines and more), where it
is coarser and so costs more."""
SEEN_SIGMA = 0.5
"""8-bit codes: what is weaker is hardly seen, and much of it is rounding (0.3 codes where pictures had 8 bits)."""
MOST_CORRELATION = 0.5
"""Between neighbouring pictures: what stays is dirt or texture, which no decoder can draw."""
FEWEST_BLOCKS = 24
"""Flat blocks that a measurement needs."""
BAKED_SHARE = 0.5
"""Of the grain that pictures for decoders without synthesis keep."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is encoded instead of a chunk's pictures."""

    pictures: Path
    """The file that trials encode and are judged against."""
    grainy: Path
    """The pictures with their own grain, at least the first of them."""
    runs: tuple[FrameRange, ...] = ()
    """Shots of the chunk, as far as key frames tell."""
    grain: tuple[GrainStatistics, ...] = ()
    """One for each run; none where the pictures keep their grain."""
    why: str = ""
    sigma: float = 0.0
    """8-bit codes of the grain that pictures keep; 0 where there is none to speak of or it cannot be measured."""

    @property
    def removed(self) -> bool:
        return bool(self.grain)

    @property
    def kept(self) -> GrainEncode:
        return GrainEncode("kept", self.why)


def prepare(reference: Path, keyframes: Sequence[int], rate: Fraction, folder: Path, codec: str) -> Treatment:
    """Measure the grain of `reference` (10-bit 4:2:0) and leave a file without it in `folder`, where there is any to be
    taken out for `codec`."""
    runs = _runs(keyframes, index_video(reference).frames)
    whole = measure(reference, None, runs)
    why = _unfit(whole, least_sigma(reference, codec))
    if why:
        return Treatment(reference, reference, runs, why=why, sigma=_seen(whole))
    target = folder / f"clean{_suffix(reference)}"
    _write(target, _cleaned(reference, runs, whole), reference, rate)
    return _treatment(target, reference, runs, measure(reference, target, runs))


def as_it_is(reference: Path, keyframes: Sequence[int]) -> Treatment:
    """Pictures whose grain is not to be touched, with what there is of it."""
    runs = _runs(keyframes, index_video(reference).frames)
    return Treatment(reference, reference, runs, why="as set", sigma=_seen(glance(reference, runs)))


def prepare_clean(grainy: Path, clean: Path, keyframes: Sequence[int], codec: str) -> Treatment | None:
    """The same where `clean` holds the pictures before grain was given back, `grainy` with it, or the first of them in
    a chunk that is one run. None where clean pictures have grain of their own left."""
    runs, seen = (_runs(keyframes, index_video(path).frames) for path in (clean, grainy))
    whole, least = measure(grainy, clean, seen), least_sigma(grainy, codec)
    why = _unfit(whole, least)
    if why:
        return Treatment(grainy, grainy, runs, why=why, sigma=_seen(whole))
    if measure(clean, None, seen, places=1).mean / 4 >= least:
        return None
    return replace(_treatment(clean, grainy, seen, whole), runs=runs)


def with_left(record: GrainEncode, treated: Treatment, made: Path) -> GrainEncode:
    """The record of pictures that keep their grain, with what is left of it in what was made of them."""
    there, left = left_in(made, treated.pictures, treated.runs) if treated.sigma else (0.0, 0.0)
    if not there:
        return record
    error = round(abs(left / there - 1), 4)
    return replace(record, sigma=round(there / 4, 4), drawn=round(left / 4, 4), error=error)


def _treatment(clean: Path, grainy: Path, runs: tuple[FrameRange, ...], overall: GrainStatistics) -> Treatment:
    measured = tuple(measure(grainy, clean, (run,)) for run in runs) if len(runs) > 1 else (overall,)
    fitting = tuple(one if one.blocks >= FEWEST_BLOCKS else overall for one in measured)
    return Treatment(clean, grainy, runs, fitting, why=f"grain of sigma {overall.mean / 4:.2f} codes")


def baked(treated: Treatment, rate: Fraction, folder: Path) -> Path:
    """The chunk's pictures with a share of their own grain, for decoders that draw none."""
    target = folder / f"baked{_suffix(treated.grainy)}"
    _write(target, _mixed(treated), treated.grainy, rate)
    return target


def bake_figures(treated: Treatment, made: Path) -> GrainEncode:
    """What is left of the grain in pictures it was baked into and that were then encoded as `made`."""
    wanted = BAKED_SHARE * float(np.average([one.mean for one in treated.grain], weights=_lengths(treated))) / 4
    drawn = measure(made, treated.pictures, treated.runs).mean / 4
    why = f"{treated.why}; this codec draws none, {BAKED_SHARE:g} of it stays in the pictures"
    error = abs(drawn / wanted - 1) if wanted else 0.0
    return GrainEncode("baked", why, round(wanted, 4), round(drawn, 4), round(error, 4))


def code(treated: Treatment, base: Path, target: Path, first: int) -> GrainEncode:
    """Write `base`, a finished AV1 chunk, with the grain of its pictures as `target`; both are decoded and compared.

    `first` is the output frame the chunk begins with. Without grain, the table says so: all chunks of a rendition must
    share one sequence header.
    """
    count = index_video(base).frames
    seeds = [seed_of(first + number) for number in range(count)]
    for grain, run in zip(treated.grain, treated.runs, strict=False):
        shown = FrameRange(first + run.start, first + run.stop)
        seeds[run.start : run.stop] = steady_seeds(fit(grain), shown)
    calibrated = [
        _calibrated(grain, run, treated, base, seeds) for grain, run in zip(treated.grain, treated.runs, strict=False)
    ]
    tables: list[FilmGrain | None] = [None] * count
    for run, one in zip(treated.runs, calibrated, strict=False):
        tables[run.start : run.stop] = [one.grain if one.grain.applies else None] * len(run)
    written = inject(base, target, tables, seeds)
    watch = Watch(treated.pictures, treated.runs, tables, seeds)
    digest = verify_injected(base, target, tables, seeds, watch.see)
    record = _figures(calibrated, treated, watch.found()) if calibrated else treated.kept
    return replace(record, drawn_frames=written.frames, base=digest, side_bytes=written.side_bytes)


def mark(treated: Treatment, base: Path, target: Path, first: int) -> GrainEncode:
    """As `code` for pictures that keep their grain; a stream that cannot even be marked stays as it is, and says so."""
    try:
        return code(replace(treated, grain=()), base, target, first)
    except GrainFormError as error:
        base.replace(target)
        return replace(treated.kept, why=f"{treated.kept.why}; {error.what}: {error.why}")


def _figures(calibrated: Sequence[Calibrated], treated: Treatment, steady: Steadiness) -> GrainEncode:
    lengths = _lengths(treated)

    def mean(values: Sequence[float]) -> float:
        return round(float(np.average(values, weights=lengths)), 4)

    return GrainEncode(
        outcome="coded",
        why=treated.why,
        sigma=round(mean([one.wanted for one in calibrated]) / 4, 4),
        drawn=round(mean([one.sigma for one in calibrated]) / 4, 4),
        error=mean([one.error for one in calibrated]),
        worst_bin=round(max(one.worst_bin for one in calibrated), 4),
        shape_error=mean([one.shape_error for one in calibrated]),
        correlation=mean([grain.correlation for grain in treated.grain]),
        tables=tuple(GrainTable(run.start, one.grain) for run, one in zip(treated.runs, calibrated, strict=True)),
        pumping=round(steady.step, 4),
        drawn_correlation=round(steady.correlation, 4),
    )


def _lengths(treated: Treatment) -> list[int]:
    return [len(run) for run in treated.runs]


def _calibrated(
    grain: GrainStatistics, run: FrameRange, treated: Treatment, base: Path, seeds: Sequence[int]
) -> Calibrated:
    """One shot's parameters, by pictures of the decode."""
    parts = spread_parts(base, run)
    survived = survived_in(base, treated.pictures, run, grain)
    return calibrate(grain, [planes for _, planes in parts], [seeds[frame] for frame, _ in parts], survived)


def least_sigma(pictures: Path, codec: str) -> float:
    """The weakest grain that leaves pictures of this size, 8-bit codes."""
    if codec == "av1":
        return LEAST_DRAWN
    index = index_video(pictures)
    return LEAST_BAKED_LARGE if index.width * index.height > LARGE else LEAST_BAKED


def _unfit(grain: GrainStatistics, least: float) -> str:
    """Why this grain is better kept; empty where it is not."""
    sigma = grain.mean / 4
    if grain.blocks < FEWEST_BLOCKS:
        return f"too few flat and resting places to measure grain ({grain.blocks} blocks)"
    if sigma < least:
        return f"no grain to speak of (sigma {sigma:.2f} of {least} codes)"
    if grain.correlation > MOST_CORRELATION:
        return f"what looks like grain stays from picture to picture (correlation {grain.correlation:.2f})"
    return ""


def _seen(grain: GrainStatistics) -> float:
    """Sigma in 8-bit codes of grain that is told from rounding, light and dirt; else 0."""
    sigma = grain.mean / 4
    doubtful = grain.blocks < FEWEST_BLOCKS or grain.correlation > MOST_CORRELATION
    return 0.0 if doubtful or sigma < SEEN_SIGMA else sigma


def _runs(keyframes: Sequence[int], count: int) -> tuple[FrameRange, ...]:
    starts = sorted({0, *(key for key in keyframes if 0 < key < count)})
    return tuple(FrameRange(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True))


def _cleaned(reference: Path, runs: Sequence[FrameRange], grain: GrainStatistics) -> Iterator[Planes]:
    with VideoReader(reference) as reader:
        for run in runs:
            yield from GrainRemover(grain).run(picture.planes for picture in reader.read(run))


def _mixed(treated: Treatment) -> Iterator[Planes]:
    share = np.float32(BAKED_SHARE)
    with VideoReader(treated.pictures) as clean, VideoReader(treated.grainy) as grainy:
        whole = FrameRange(0, clean.index.frames)
        for plain, full in zip(clean.read(whole), grainy.read(whole), strict=True):
            yield tuple(
                np.rint(a + share * (b.astype(np.float32) - a)).astype(np.uint16)
                for a, b in zip(plain.planes, full.planes, strict=True)
            )


def _suffix(like: Path) -> str:
    index = index_video(like)
    return intermediate_suffix(index.frames * index.width * index.height)


def _write(target: Path, pictures: Iterator[Planes], like: Path, rate: Fraction) -> None:
    index = index_video(like)
    raw = ffmpeg.RawFormat(index.width, index.height, "yuv420p10le", str(rate))
    tail = [*intermediate(target.suffix), ffmpeg.file_url(target)]
    with ffmpeg.EncoderPipe(raw, tail, doing="writing pictures without grain") as pipe:
        for planes in pictures:
            for plane in planes:
                pipe.write(plane)


def verify_injected(
    base: Path,
    coded: Path,
    tables: Sequence[FilmGrain | None],
    seeds: Sequence[int],
    see: Callable[[int, tuple[Samples, ...]], None] | None = None,
) -> str:
    """Decoded without grain nothing changed; decoded with it, the grain is the table's. Returns the base's digest, and
    shows its pictures to `see`."""
    digest = base_digest(base, see)
    if base_digest(coded) != digest:
        raise VerificationError(
            f"{coded.name} decodes differently without grain",
            "injecting grain changed its pictures",
            "report this defect",
        )
    first = next((number for number, table in enumerate(tables) if table is not None), None)
    if first is None:
        return digest
    plain, drawn = with_grain(coded, first)
    table = tables[first]
    assert table is not None
    ours = apply(plain, table, seeds[first])
    if not all(np.array_equal(a, b) for a, b in zip(ours, drawn, strict=True)):
        raise VerificationError(
            f"the decoder draws other grain into {coded.name} than its table says", "", "report this defect"
        )
    return digest
