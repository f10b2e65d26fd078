"""Encoders: each a small class that knows its arguments, its range of q, and what makes its pieces join.

Everything that must agree between pieces is pinned: colour tags, chroma siting, threads (x264 and x265 give other bits
with other thread counts; SVT-AV1 does not), key frames only where asked, closed groups.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

from footlights.errors import ParameterError

_BT709 = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
"""Tags go onto the pictures: FFmpeg 9 takes `-color_primaries` after a raw input for granted and writes nothing."""
_TAGS = ("-vf", _BT709, "-chroma_sample_location", "left")
_EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1")
THREADS = 2
_RAW_LEAST = 2**30
"""Bytes of raw pictures that any machine's memory is taken to hold."""
_RAW_SHARE = 4
"""Raw pictures of all processors together may take so small a part of the memory."""


@dataclass(frozen=True, slots=True)
class QRange:
    """Constant-quality values of an encoder: larger is smaller and worse."""

    low: float
    high: float
    step: float
    """Finest step that changes anything."""


class Encoder(Protocol):
    """Arguments after the input of an ffmpeg command."""

    @property
    def name(self) -> str: ...

    @property
    def pixel_format(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    @property
    def q(self) -> QRange: ...

    def arguments(self, q: float, keyframes: Sequence[int], rate: Fraction) -> list[str]:
        """For one piece; `keyframes` are frame numbers inside it, the first is 0."""
        ...


def tags(hdr: str = "") -> tuple[str, ...]:
    """Colour tags, which go onto the pictures: BT.709, or BT.2100 with a transfer characteristic as FFmpeg calls it,
    `smpte2084` (PQ) or `arib-std-b67` (HLG)."""
    return ("-vf", _set(hdr), "-chroma_sample_location", "left") if hdr else _TAGS


def _set(hdr: str) -> str:
    return f"setparams=color_primaries=bt2020:color_trc={hdr}:colorspace=bt2020nc:range=tv" if hdr else _BT709


@dataclass(frozen=True, slots=True)
class SvtAv1:
    """SVT-AV1, 10 bit; quarter steps of CRF; SDR of BT.709, or HDR of BT.2100."""

    preset: int = 10
    hdr: str = ""
    """As in `tags`."""
    threads: int = 1
    """1 or 2; the bytes are the same. With decisions on ten bits 1: SVT-AV1 4.2 crashes from 3 on."""
    flat: bool = False
    """Every picture is told from the one before and is as fine as it, so that colour does not drift from key frame to
    key frame and flashes leave no squares (docs/decisions/20261122-master-codec.md)."""
    quick: bool = False
    """Decisions on eight of ten bits, and colour left out wherever luma has nothing left to code, which stands as
    squares where light turns (docs/decisions/20261130-squares-of-colour.md). `flat` pictures have none of that."""
    name: str = "av1"
    pixel_format: str = "yuv420p10le"
    suffix: str = ".mkv"
    q: QRange = QRange(1, 63, 0.25)

    def __post_init__(self) -> None:
        if self._ten_bits and self.threads != 1:
            raise ParameterError("SvtAv1.threads", self.threads, "take 1 where decisions are made on ten bits")

    @property
    def _ten_bits(self) -> bool:
        return not (self.flat or self.quick)

    def arguments(self, q: float, keyframes: Sequence[int], rate: Fraction) -> list[str]:
        # A level that depended on the piece would change the sequence header and break joining.
        params = f"crf={q:g}:keyint=-1:scd=0:tune=0:lp={self.threads}:film-grain=0"
        params += ":aq-mode=0:pred-struct=1:hierarchical-levels=0" if self.flat else ""
        params += ":hbd-mds=1" if self._ten_bits else ""
        # A build that does not know one of these would only say so in its log, and code without it.
        return [
            "-c:v", "libsvtav1", "-preset", str(self.preset), "-svtav1-params", params, "-err_detect", "explode",
            "-pix_fmt", self.pixel_format, *_forced(keyframes, rate), *tags(self.hdr), *_EXACT,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class X264:
    """x264, 8 bit High profile for old players, or 10 bit for masters."""

    preset: str = "fast"
    bits: int = 8
    name: str = "h264"
    suffix: str = ".mkv"
    q: QRange = QRange(8, 45, 0.5)

    @property
    def pixel_format(self) -> str:
        return "yuv420p" if self.bits == 8 else "yuv420p10le"

    def arguments(self, q: float, keyframes: Sequence[int], rate: Fraction) -> list[str]:
        # stitchable: parameter sets do not depend on CRF, so that pieces join. sync-lookahead: a lookahead in a thread
        # of its own changes pictures before a forced key frame in one encode of a hundred on a busy machine, measured.
        params = (
            f"keyint=infinite:scenecut=0:open-gop=0:stitchable=1:threads={THREADS}:lookahead-threads=1:sync-lookahead=0"
        )
        return [
            "-c:v", "libx264", "-preset", self.preset, "-crf", f"{q:g}", "-x264-params", params,
            "-profile:v", "high" if self.bits == 8 else "high10",
            "-pix_fmt", self.pixel_format, *_forced(keyframes, rate), *_TAGS, *_EXACT,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class X265:
    """x265, 10 bit; SDR of BT.709, or HDR of BT.2100."""

    preset: str = "superfast"
    hdr: str = ""
    """As in `tags`."""
    name: str = "hevc"
    pixel_format: str = "yuv420p10le"
    suffix: str = ".mkv"
    q: QRange = QRange(4, 45, 0.5)

    def arguments(self, q: float, keyframes: Sequence[int], rate: Fraction) -> list[str]:
        params = (
            f"keyint=-1:scenecut=0:open-gop=0:info=0:pools={THREADS}:frame-threads=2:log-level=error:repeat-headers=0"
        )
        return [
            "-c:v", "libx265", "-preset", self.preset, "-crf", f"{q:g}", "-x265-params", params,
            "-pix_fmt", self.pixel_format, *_forced(keyframes, rate), *tags(self.hdr), *_EXACT,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ffv1:
    """FFV1 level 3, every frame a key frame, slice checksums: lossless."""

    name: str = "ffv1"
    pixel_format: str = "yuv420p10le"
    suffix: str = ".mkv"
    q: QRange = QRange(0, 0, 1)

    def arguments(self, q: float, keyframes: Sequence[int], rate: Fraction) -> list[str]:
        del q, keyframes, rate
        return [
            "-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "16", "-slicecrc", "1",
            "-threads", str(THREADS), "-pix_fmt", self.pixel_format, *_TAGS, *_EXACT,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProRes:
    """ProRes 422 HQ by prores_aw (five times as fast as prores_ks at the same quality, measured)."""

    name: str = "prores"
    pixel_format: str = "yuv422p10le"
    suffix: str = ".mov"
    q: QRange = QRange(0, 0, 1)

    def arguments(self, q: float, keyframes: Sequence[int], rate: Fraction) -> list[str]:
        del q, keyframes, rate
        return [
            "-c:v", "prores_aw", "-profile:v", "3", "-vendor", "apl0", "-threads", str(THREADS),
            "-pix_fmt", self.pixel_format, *_TAGS, *_EXACT,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class MasterCodec:
    """An encoder for the master, with the q that is visually lossless."""

    encoder: Encoder
    q: float
    group: float
    """Seconds between key frames, for quick seeking; 0: every frame is one."""


MASTERS: dict[str, MasterCodec] = {
    "av1": MasterCodec(SvtAv1(preset=10, flat=True), 11, 1.0),
    "h264": MasterCodec(X264(preset="veryfast", bits=10), 12, 1.0),
    "hevc": MasterCodec(X265(), 10, 1.0),
    "ffv1": MasterCodec(Ffv1(), 0, 0.0),
    "prores": MasterCodec(ProRes(), 0, 0.0),
}


def rung_encoder(codec: str, preset: str, hdr: str = "", threads: int = 1) -> Encoder:
    """The encoder of a ladder rung; `hdr` as in `tags`, `threads` as in `SvtAv1`."""
    if codec == "av1":
        return SvtAv1(preset=int(preset), hdr=hdr, threads=threads)
    if codec == "h264":
        return X264(preset=preset)
    raise ParameterError("rung.codec", codec, "choose av1 or h264")


def rung_threads(codec: str) -> int:
    """Processor threads for each chunk of a rendition. SVT-AV1 takes a tenth less processor time with one than with two
    and gives the same bytes, and two encodes side by side take as long as one after the other with two; a single chunk
    has none beside it and takes a fifth to two fifths longer, but more threads are not safe (`SvtAv1.threads`)."""
    return 1 if codec == "av1" else THREADS


def lossless_intermediate(scale: str | None = None, hdr: str = "") -> list[str]:
    """Arguments for a temporary lossless copy, 10 bit, written fast and read fast; `scale` is a filter put before."""
    graph = f"{scale},{_set(hdr)}" if scale else _set(hdr)
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-threads", str(THREADS)]
    return ["-vf", graph, "-pix_fmt", "yuv420p10le", "-chroma_sample_location", "left", *codec, *_EXACT]


def intermediate_suffix(samples: int) -> str:
    """Of the file for a temporary copy of so many luma samples: `.nut` for raw pictures, `.mkv` for packed ones.

    Raw pictures take three bytes a sample, two to four times as many as packed ones, and no time to read: a chunk's
    trials, which read them twice each, take a sixth to a quarter less (SVT-AV1 preset 10, 960×540, measured). Beyond
    a size that memory is likely to hold, the disk would be what takes the time. What comes of them is the same.
    """
    return ".nut" if 3 * samples <= _raw_most() else ".mkv"


@lru_cache
def _raw_most() -> int:
    """Bytes; more on machines with much memory for each processor."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(_RAW_LEAST, memory // (_RAW_SHARE * (os.cpu_count() or 1)))


def intermediate(suffix: str, scale: str | None = None, hdr: str = "") -> list[str]:
    """Arguments for a temporary lossless copy of 10 bit into a file with a suffix of `intermediate_suffix`; `scale` is
    a filter put before."""
    if suffix != ".nut":
        return lossless_intermediate(scale, hdr)
    graph = f"{scale},{_set(hdr)}" if scale else _set(hdr)
    return ["-vf", graph, "-pix_fmt", "yuv420p10le", "-c:v", "rawvideo", *_EXACT]


def _forced(keyframes: Sequence[int], rate: Fraction) -> list[str]:
    """Key frames at given frames: at the first picture from a quarter frame before each."""
    moments = [max(Fraction(0), (frame - Fraction(1, 4)) / rate) for frame in keyframes]
    return ["-force_key_frames", ",".join(f"{float(moment):.6f}" for moment in moments)] if moments else []
