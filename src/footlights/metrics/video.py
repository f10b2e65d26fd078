"""Metrics of a video against its reference, through libvmaf and the filters of the ffmpeg binary.

Traps kept out here: both inputs get the same `-r` (Matroska's 1 ms clock pairs neighbouring frames otherwise and VMAF
reads 80 for 94); the shorter input is not prolonged by its last frame; libvmaf takes [distorted][reference], xpsnr
[reference][distorted]; xpsnr reads 10-bit lines as if no padding stood between them and then gives nonsense (equal
pictures of 720 samples a line score below 0 dB; github.com/fraunhoferhhi/xpsnr/issues/5), so it gets 8 bits; and the
number of frames compared is checked, because exit code 0 says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from footlights.errors import ToolError
from footlights.media import ffmpeg
from footlights.metrics import coarse, sampled

MODEL = "vmaf_v0.6.1neg"
"""No enhancement gain: sharpening does not score."""
MODEL_4K = "vmaf_4k_v0.6.1neg"
_4K_LINES = 1440


_SAME = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv,format=yuv420p10le"
"""Both files hold the same kind of codes, whatever their tags say: FFmpeg 9 converts colours between a tagged input and
an untagged one before a filter of two inputs sees them, and VMAF reads 62 for 89."""
_SMALLEST = 216
"""Samples of the longer side from which on CAMBI can be measured."""


_BANDED = 4
"""Frames of a shot whose bands are looked at beside its VMAF: CAMBI takes as long as VMAF does, and changes slowly."""
_ALONE = {
    "param_dict": {"C": 4.0, "nu": 0.9, "gamma": 0.05, "norm_type": "clip_0to1", "score_clip": [0.0, 100.0]},
    "model_dict": {
        "model_type": "LIBSVMNUSVR",
        "feature_names": ["Cambi_feature_cambi_score"],
        "feature_opts_dicts": [{"full_ref": True}],
        "norm_type": "linear_rescale",
        "slopes": [1.0, 1.0],
        "intercepts": [0.0, 0.0],
        "score_clip": [0.0, 100.0],
        "model": "svm_type nu_svr\nkernel_type rbf\ngamma 0.05\nnr_class 2\ntotal_sv 1\nrho 0\nSV\n1 1:0.5 \n",
    },
}
"""libvmaf measures nothing without a model, and then what that model needs: this one needs CAMBI alone, and what it
makes of it is not looked at."""


_COLOURS = coarse.graph("", "{other}", "[colours]")


@dataclass(frozen=True, slots=True)
class Scores:
    """Per frame."""

    vmaf: NDArray[np.float64]
    bands: NDArray[np.float64]
    """CAMBI beyond that of the reference, 0 to 24, 5 begins to annoy (Tandon et al. 2021), of fewer frames than `vmaf`;
    empty where not measured."""
    scatter: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    """By how much a frame that was not measured may be off, each as likely as the others."""
    every: int = 1
    """VMAF measured every so many frames; the others were told from them and from their own PSNR."""
    also: tuple[int, ...] = ()
    """Frames that were measured as well."""
    lasting: int = 0
    """Frames that are shown in one second; 0 where all are taken for one."""
    colour: float = 0.0
    """CIEDE2000 that one block in a thousand of 64×64 samples exceeds (`coarse`), as if the pictures were of BT.709."""

    @property
    def mean(self) -> float:
        return float(self.vmaf.mean())

    @property
    def low(self) -> float:
        """5th percentile."""
        return sampled.low(self.vmaf, self.every, self.scatter, self.also)

    @property
    def score(self) -> float:
        """As that of a probe."""
        return min(self.mean, self.low + 3)

    @property
    def second(self) -> float:
        """The lowest mean over one second, wherever it begins."""
        return sampled.second(self.vmaf, self.lasting)

    @property
    def worst(self) -> float:
        """Of the measured frames."""
        return float(min(self.vmaf[:: self.every].min(), *self.vmaf[list(self.also)], 100.0))

    @property
    def banding(self) -> float:
        """Mean of what was added; 0 where it was not measured."""
        return float(self.bands.mean()) if len(self.bands) else 0.0


@dataclass(frozen=True, slots=True)
class Need:
    """How well an encode has to be known."""

    every: int
    """Every how many frames are looked at first."""
    enough: Callable[[Scores], bool] = lambda found: False
    """Whether it is known well enough for what it is for, however restless it is."""

    def more(self, found: Scores) -> bool:
        return found.every > 1 and sampled.restless(found.scatter, found.every) and not self.enough(found)


_AROUND = 3
"""Frames that the VMAF of one depends on: it, the one before and the one after."""
_IN_ORDER = "settb=AVTB,setpts=1000*N"
"""Frames are paired by their number: times of thinned pictures are rounded otherwise in every container."""
KEPT = 2
"""Frames at each place that `thinning` leaves."""


def thinning(every: int) -> str:
    """A filter that leaves every `every`-th frame and the one after it, which tells how fast things move there."""
    return f"select=lt(mod(n\\,{every})\\,{KEPT}),setpts=N/FRAME_RATE/TB"


def seen_at(
    test: Path, reference: Path, rate: Fraction, *, width: int, height: int, frames: int, every: int = 1
) -> float:
    """Mean VMAF-NEG of every `every`-th of the first `frames` of `test`, without film grain and scaled up as a player
    would, against a reference of that size which is as thin (`thinning`)."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "vmaf.json"
        graph = (
            f"[0:v]{thinning(every)},{_IN_ORDER},scale={width}:{height}:flags=bicubic,{_SAME}[test];"
            f"[1:v]{_IN_ORDER},{_SAME}[reference];"
            f"[test][reference]libvmaf=model=version={model_for(height)}:n_threads=2:"
            f"n_subsample={KEPT if every > 1 else 1}:{_logged(log)}"
        )
        plain = ["-export_side_data", "film_grain", *ffmpeg.input_arguments(test, rate)]
        ffmpeg.run(
            [*plain, *ffmpeg.input_arguments(reference, rate), "-lavfi", graph, "-f", "null", "-"],
            doing="measuring a rendition at the largest size",
        )
        measured = [frame["metrics"]["vmaf"] for frame in json.loads(log.read_text("utf-8"))["frames"]]
    if len(measured) != -(-frames // every):
        raise ToolError(
            f"VMAF compared {len(measured)} frames instead of {-(-frames // every)}",
            "the two files do not hold the same frames",
            "run the same command again",
        )
    return float(np.mean(measured))


def large(height: int) -> bool:
    """Whether pictures of this many lines are judged as on a 4K screen, from nearer."""
    return height >= _4K_LINES


def model_for(height: int) -> str:
    """The VMAF model for pictures of this many lines."""
    return MODEL_4K if large(height) else MODEL


def vmaf(
    test: Path,
    reference: Path,
    rate: Fraction,
    *,
    height: int,
    frames: int,
    every: int = 1,
    width: int = 0,
    starts: Sequence[int] = (0,),
) -> Scores:
    """VMAF-NEG of `test` against `reference`, both of the same size, by the model for pictures of `height` lines; every
    `every`-th frame is measured, and the PSNR of all, from which the others are told (`sampled`). Shots begin at
    `starts`.

    With a `width` that is large enough banding is looked at in the same pass, on about four frames spread over the
    shot; the colour of blocks (`coarse`) always is. Raises ToolError unless all `frames` of both were compared.
    """
    with TemporaryDirectory() as folder:
        log, bands, errors, means = (
            Path(folder) / name for name in ("vmaf.json", "bands.json", "psnr.log", "means.nut")
        )
        uses = [_vmaf_filter(height, log, every)]
        if every > 1:
            uses.append(f"psnr=stats_file={errors}:shortest=1")
        banded = width and max(width, height) >= _SMALLEST
        step, first = _spread(frames)
        if banded:
            few = f"select=eq(mod(n\\,{step})\\,{first})"
            uses.append(_of_some(few, "few", _cambi_filter(Path(folder), bands)))
        uses.append(_COLOURS)
        more = ["-map", "[colours]", "-fps_mode", "passthrough", "-c:v", "rawvideo", ffmpeg.file_url(means)]
        _run(test, reference, rate, _beside(uses), *more, doing="measuring VMAF")
        found = _read(log, "vmaf", -(-frames // every))
        seen = _read(bands, "cambi_full_reference", len(range(first, frames, step))) if banded else np.empty(0)
        colour = coarse.read(means, frames)
        if every == 1:
            return Scores(found, seen, lasting=round(rate), colour=colour)
        told = sampled.whole(found, every, _errors(errors, frames), starts)
        return Scores(told[0], seen, told[1], every, lasting=round(rate), colour=colour)


def judge(
    test: Path,
    reference: Path,
    rate: Fraction,
    *,
    height: int,
    frames: int,
    need: Need,
    width: int = 0,
    starts: Sequence[int] = (0,),
) -> Scores:
    """As `vmaf`, but of more frames where the shot is too restless for those seen first to tell the others, and more is
    needed: of every third, and at last of the lowest ones too."""
    seen = partial(vmaf, test, reference, rate, height=height, frames=frames, starts=starts)
    found = seen(every=need.every, width=width)
    if need.more(found) and found.every > sampled.CLOSER:
        found = replace(seen(every=sampled.CLOSER), bands=found.bands, colour=found.colour)
    if not need.more(found):
        return found
    numbers = sampled.lowest(found.vmaf, found.every)
    values = found.vmaf.copy()
    values[numbers] = _single(test, reference, rate, height, numbers)
    return replace(found, vmaf=values, also=tuple(numbers.tolist()))


def _single(
    test: Path, reference: Path, rate: Fraction, height: int, numbers: NDArray[np.int64]
) -> NDArray[np.float64]:
    """VMAF of single frames, each with the one before and the one after it, which tell how fast things move. Those a
    third of the way apart from each other go through one instance of libvmaf, in which every third frame is measured;
    two frames before the first put it at such a place. The first few are measured with all beside them."""
    early, late = numbers[numbers < _AROUND], numbers[numbers >= _AROUND]
    parts = [part for rest in range(_AROUND) if len(part := late[late % _AROUND == rest])]
    found, what = dict[int, float](), f"libvmaf=model=version={model_for(height)}"
    with TemporaryDirectory() as folder:
        logs = [Path(folder) / f"{place}.json" for place in range(len(parts))]
        uses = []
        for place, (part, log) in enumerate(zip(parts, logs, strict=True)):
            wanted = [f"between(n\\,{one - 1}\\,{one + 1})" for one in part]
            wanted[0] = f"between(n\\,{part[0] - _AROUND}\\,{part[0] + 1})"
            model = f"{what}:n_subsample={_AROUND}:{_logged(log)}"
            uses.append(_of_some(f"select={'+'.join(wanted)}", f"one{place}", model))
        if len(early):
            uses.append(
                _of_some(f"select=lte(n\\,{_AROUND})", "early", f"{what}:{_logged(Path(folder) / 'early.json')}")
            )
        _run(test, reference, rate, _beside(uses), doing="measuring VMAF")
        for part, log in zip(parts, logs, strict=True):
            found |= zip(part.tolist(), _read(log, "vmaf", len(part) + 1)[1:].tolist(), strict=True)
        if len(early):
            found |= enumerate(_read(Path(folder) / "early.json", "vmaf", _AROUND + 1).tolist())
    return np.array([found[one] for one in numbers.tolist()])


def cambi(
    test: Path,
    reference: Path,
    rate: Fraction,
    *,
    width: int,
    height: int,
    frames: int,
    every: int = 1,
) -> NDArray[np.float64]:
    """CAMBI of `test` beyond that of `reference` on every `every`-th of their first `frames`; empty where the pictures
    are too small."""
    if max(width, height) < _SMALLEST:
        return np.empty(0)
    with TemporaryDirectory() as folder:
        log = Path(folder) / "bands.json"
        graph = (
            f"[0:v]trim=end_frame={frames},{_SAME}[test];[1:v]trim=end_frame={frames},{_SAME}[reference];"
            f"[test][reference]{_cambi_filter(Path(folder), log)}:n_subsample={every}"
        )
        _run(test, reference, rate, graph, doing="measuring bands")
        return _read(log, "cambi_full_reference", -(-frames // every))


def _spread(frames: int) -> tuple[int, int]:
    """Every how many frames, and from which on, bands are looked at; odd, as `sampled.EVERY`, and not at the ends."""
    step = max(1, frames // _BANDED) // 2 * 2 + 1
    return step, min(step // 2, frames - 1)


def _vmaf_filter(height: int, log: Path, every: int) -> str:
    """VMAF of every `every`-th frame. It is shown no others than those and the ones before and after them: how fast
    things move is measured on all that it is shown, and takes a third of the time where every seventh counts."""
    shown, what = min(every, _AROUND), f"libvmaf=model=version={model_for(height)}"
    measure = f"{what}:n_subsample={shown}:{_logged(log)}"
    if shown == every:
        return measure
    return _of_some(f"select=lt(mod(n+1\\,{every})\\,{_AROUND})", "seldom", measure)


def _of_some(select: str, name: str, measure: str) -> str:
    """A filter of two inputs that sees only what `select` leaves, for `_beside`."""
    return f"{select}[{name}];{{other}}{select}[{name}same];[{name}][{name}same]{measure}"


def _beside(uses: Sequence[str]) -> str:
    """One graph that shows both inputs to all filters of `uses`; `{other}` is the second where it comes later."""
    count = len(uses)
    graph = [
        f"[{number}:v]{_SAME},split={count}" + "".join(f"[{name}{use}]" for use in range(count))
        for number, name in enumerate("tr")
    ]
    for use, measure in enumerate(uses):
        late = "{other}" in measure
        graph.append(f"[t{use}]" + ("" if late else f"[r{use}]") + measure.replace("{other}", f"[r{use}]"))
    return ";".join(graph)


def _errors(log: Path, expected: int) -> NDArray[np.float64]:
    """PSNR of luma, from the log of FFmpeg's filter."""
    found = re.findall(r"psnr_y:(\S+)", log.read_text("utf-8"))
    if len(found) != expected:
        raise ToolError(
            f"PSNR compared {len(found)} frames instead of {expected}",
            "the two files do not hold the same frames",
            "run `footlights verify` on the job",
        )
    return np.array([float(value) for value in found], np.float64)


def _logged(log: Path) -> str:
    return f"shortest=1:log_fmt=json:log_path={log}"


def _cambi_filter(folder: Path, log: Path) -> str:
    model = folder / "cambi.json"
    model.write_text(json.dumps(_ALONE), "utf-8")
    return f"libvmaf=model=path={model}:{_logged(log)}"


def _run(test: Path, reference: Path, rate: Fraction, graph: str, *more: str, doing: str) -> None:
    """In one thread: that takes a sixth less processor time, and other chunks are encoded and measured beside it.
    `more` tells of a second output."""
    inputs = [word for one in (test, reference) for word in ("-threads", "1", *ffmpeg.input_arguments(one, rate))]
    ffmpeg.run(
        ["-filter_complex_threads", "1", *inputs, "-lavfi", graph, "-f", "null", "-", *more],
        doing=doing,
    )


def _read(log: Path, name: str, expected: int) -> NDArray[np.float64]:
    measured = json.loads(log.read_text("utf-8"))["frames"]
    if len(measured) != expected:
        raise ToolError(
            f"VMAF compared {len(measured)} frames instead of {expected}",
            "the two files do not hold the same frames",
            "run `footlights verify` on the job",
        )
    return np.array([frame["metrics"][name] for frame in measured], np.float64)
