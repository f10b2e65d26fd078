"""Where the headers of an AV1 stream begin and end, bit by bit, as FFmpeg's own parser reads them.

The bitstream filter `trace_headers` prints every header element with its bit offset from the start of its OBU. That
spares a parser of the whole header syntax, whose length depends on the reference frames.

Reference: AV1 specification 5.3 (OBU), 5.5 (sequence header), 5.9 (frame header).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from footlights.errors import ToolError
from footlights.media import ffmpeg
from footlights.media.pieces import open_piece

_LINE = re.compile(r"^\[trace_headers @ [^\]]*\] (.*)$")
_ELEMENT = re.compile(r"^(\d+) +(\S+) +([01]*) = (-?\d+)$")
_FRAME_TYPES = (3, 6)
"""OBU_FRAME_HEADER and OBU_FRAME."""


@dataclass(slots=True)
class ObuTrace:
    """One OBU: what its headers hold."""

    kind: int
    elements: dict[str, int] = field(default_factory=dict)
    """Value of each element by name; the last where a name comes twice."""
    places: dict[str, int] = field(default_factory=dict)
    """Bit offset from the start of the OBU."""
    end: int = 0
    """Bit after the last element of the header, alignment and trailing bits not counted."""

    @property
    def is_frame(self) -> bool:
        return self.kind in _FRAME_TYPES

    @property
    def references(self) -> tuple[int, ...]:
        """ref_frame_idx[0..6]; empty for intra frames."""
        found = (self.elements.get(f"ref_frame_idx[{number}]") for number in range(7))
        return tuple(value for value in found if value is not None)


def trace(path: Path) -> list[list[ObuTrace]]:
    """The OBUs of every packet of an AV1 file of our own making."""
    arguments = [*ffmpeg.input_arguments(path), "-map", "0:v:0", "-c", "copy", "-bsf:v", "trace_headers"]
    text = ffmpeg.run([*arguments, "-f", "null", "-", "-loglevel", "verbose"], doing=f"reading headers of {path.name}")
    packets: list[list[ObuTrace]] = []
    closed = False
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        told = match[1].strip()
        if told.startswith("Packet:"):
            packets.append([])
        elif packets and told == "Tile Group":
            closed = True
        elif packets and (element := _ELEMENT.match(told)):
            place, name, bits, value = int(element[1]), element[2], element[3], int(element[4])
            if name == "obu_type":
                packets[-1].append(ObuTrace(value))
                closed = False
            elif name in ("zero_bit", "trailing_one_bit"):
                closed = True
            elif packets[-1] and not closed:
                one = packets[-1][-1]
                one.elements[name], one.places[name] = value, place
                one.end = place + len(bits)
    return packets


def temporal_units(path: Path) -> list[bytes]:
    """The packets of an AV1 file, in decoding order, as they stand."""
    with open_piece(path) as container:
        units = [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]
    if not units:
        raise ToolError(f"{path.name} holds no pictures", "it has no packets", "encode it again")
    return units


def write_units(path: Path, units: list[bytes], like: Path) -> None:
    """Write temporal units as Matroska with the times `like` has; its codec record is made from the units."""
    with open_piece(like) as container:
        stream = container.streams.video[0]
        rate, context = stream.average_rate, stream.codec_context
        size = (context.width, context.height)
    draft = path.with_name(f"{path.stem}.ivf")
    try:
        draft.write_bytes(_ivf(units, size, (rate.numerator, rate.denominator)))
        copied = [*ffmpeg.input_arguments(draft), "-c", "copy", "-fflags", "+bitexact", "-map_metadata", "-1"]
        ffmpeg.run([*copied, ffmpeg.file_url(path)], doing=f"writing {path.name}")
    finally:
        draft.unlink(missing_ok=True)


def _ivf(units: list[bytes], size: tuple[int, int], rate: tuple[int, int]) -> bytes:
    """The IVF container: a header of 32 bytes, then size and time before every unit."""
    width, height = (value.to_bytes(2, "little") for value in size)
    counts = b"".join(value.to_bytes(4, "little") for value in (*rate, len(units), 0))
    header = b"DKIF" + b"\x00\x00" + (32).to_bytes(2, "little") + b"AV01" + width + height + counts
    bodies = (
        len(unit).to_bytes(4, "little") + number.to_bytes(8, "little") + unit for number, unit in enumerate(units)
    )
    return header + b"".join(bodies)
