"""Film grain parameters put into a finished AV1 stream, whose pictures without grain stay what they are, bit by bit.

film_grain_params() is the last part of a frame header, so it is appended where the header ends, the tile data is copied
at the next byte, and sizes are written anew. Frames that repeat the table of a reference frame say so in 21 bits and
bring only a seed of their own: a seed that stayed would be a dirty window before the moving picture.

Reference: AV1 specification 5.5.1 (film_grain_params_present), 5.9.2, 5.9.30, 6.8.20, 7.20 (reference frame update).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from footlights.core.filmgrain import FilmGrain, Points
from footlights.errors import GrainFormError
from footlights.media.av1headers import ObuTrace, temporal_units, trace, write_units
from footlights.media.bitstreams import obus

_SEQUENCE, _FRAME_HEADER, _FRAME, _REDUNDANT, _TILE_LIST = 1, 3, 6, 7, 8
_INTER = 1
_KEY = 0
_SLOTS = 8
_FLAG = "film_grain_params_present"


@dataclass(frozen=True, slots=True)
class Injected:
    """What was written."""

    frames: int
    """Shown frames with grain."""
    bytes: int
    """Of all packets."""
    side_bytes: int
    """Of them, what the grain costs."""


def seed_of(frame: int, seed: int = 0) -> int:
    """grain_seed (1..65535) of an output frame: unlike its neighbours', and the same in every run."""
    mixed = (frame * 0x9E3779B1 + seed * 0x85EBCA6B + 0x27D4EB2F) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return (mixed * 0x2C1B3C6D >> 8) % 65535 + 1


def inject(source: Path, target: Path, tables: Sequence[FilmGrain | None], seeds: Sequence[int]) -> Injected:
    """Write `source` (one AV1 piece) with a grain table and seed for every shown frame as `target` (Matroska).

    `tables[i]` is None where frame i has no grain. Raises GrainFormError for a stream that cannot take any.
    """
    units, traced = temporal_units(source), trace(source)
    if len(units) != len(traced) or len(units) != len(tables) or len(seeds) != len(tables):
        raise GrainFormError(
            f"{source.name} has {len(units)} temporal units, {len(traced)} traced, for {len(tables)} frames",
            "each must show one frame",
            "encode the piece again",
        )
    writer = _Writer(source, tables, seeds, _display_order(traced, source))
    written = [
        b"".join(
            writer.obu(whole, header, (packet, number))
            for number, ((_, whole, _), header) in enumerate(zip(obus(unit), headers, strict=True))
        )
        for packet, (unit, headers) in enumerate(zip(units, traced, strict=True))
    ]
    write_units(target, written, source)
    if temporal_units(target) != written:
        raise _form(source, "the container does not give back what was written")
    size = sum(map(len, written))
    return Injected(sum(table is not None for table in tables), size, size - sum(map(len, units)))


def film_grain_bits(
    grain: FilmGrain | None, seed: int, *, inter: bool = False, reference: int | None = None, mono: bool = False
) -> str:
    """film_grain_params() as a string of 0 and 1, for 4:2:0 or monochrome pictures."""
    if grain is None or not grain.applies:
        return "0"
    bits = "1" + _bits(seed, 16)
    if inter:
        bits += "0" if reference is not None else "1"
        if reference is not None:
            return bits + _bits(reference, 3)
    bits += _points(grain.y)
    coloured = not mono and bool(grain.y)
    bits += "" if mono else "0"  # chroma_scaling_from_luma
    bits += _points(grain.cb) + _points(grain.cr) if coloured else ""
    bits += _bits(grain.scaling_shift - 8, 2) + _bits(grain.lag, 2)
    sets = ((grain.y, grain.taps_y), (grain.cb if coloured else (), grain.taps_cb))
    for points, taps in (*sets, (grain.cr if coloured else (), grain.taps_cr)):
        bits += "".join(_bits(tap + 128, 8) for tap in taps) if points else ""
    bits += _bits(grain.tap_shift - 6, 2) + _bits(grain.scale_shift, 2)
    for points in (grain.cb, grain.cr) if coloured else ():
        mult, luma_mult, offset = grain.chroma_mix
        bits += _bits(mult, 8) + _bits(luma_mult, 8) + _bits(offset, 9) if points else ""
    return bits + f"{grain.overlap:d}{grain.restricted:d}"


def _points(points: Points) -> str:
    return _bits(len(points), 4) + "".join(_bits(place, 8) + _bits(value, 8) for place, value in points)


def _bits(value: int, count: int) -> str:
    return f"{value:0{count}b}"


def _display_order(traced: Sequence[Sequence[ObuTrace]], source: Path) -> dict[tuple[int, int], int]:
    """Shown frame of every coded frame that is ever shown, by (packet, place in it)."""
    shown: dict[tuple[int, int], int] = {}
    slots: list[tuple[int, int] | None] = [None] * _SLOTS
    for packet, headers in enumerate(traced):
        count = 0
        for number, header in enumerate(headers):
            if not header.is_frame:
                continue
            here, told = (packet, number), header.elements
            if told.get("show_existing_frame"):
                slot = slots[told["frame_to_show_map_idx"]]
                if slot is not None:
                    shown.setdefault(slot, packet)
                count += 1
                continue
            if told.get("show_frame", 1):
                shown[here] = packet
                count += 1
            for slot_number in _refreshed(header):
                slots[slot_number] = here
        if count != 1:
            raise _form(source, f"temporal unit {packet} shows {count} frames")
    return shown


def _refreshed(header: ObuTrace) -> list[int]:
    """Slots that a frame is kept in."""
    told = header.elements
    whole = told.get("frame_type", _KEY) == _KEY and told.get("show_frame", 1)
    flags = 255 if whole else told.get("refresh_frame_flags", 255)
    return [slot for slot in range(_SLOTS) if flags >> slot & 1]


def _refuse(header: ObuTrace, source: Path) -> None:
    told = header.elements
    if header.kind in (_REDUNDANT, _TILE_LIST):
        raise _form(source, "it repeats frame headers or holds tile lists")
    if told.get("obu_extension_flag") or not told.get("obu_has_size_field", 1):
        raise _form(source, "its OBUs belong to layers or have no size")
    if header.kind == _SEQUENCE and (_FLAG not in told or told[_FLAG] or told.get("reduced_still_picture_header")):
        raise _form(source, "its sequence header has film grain already, or is that of a still picture")
    if header.kind == _SEQUENCE and "subsampling_x" in told and told["subsampling_x"] + told["subsampling_y"] != 2:
        raise _form(source, "its chroma is not 4:2:0")


def _form(source: Path, why: str) -> GrainFormError:
    return GrainFormError(f"{source.name} cannot take film grain parameters", why, "keep the grain in the pictures")


@dataclass(slots=True)
class _Writer:
    """Writes OBUs anew, in decoding order, and knows which table every reference frame carries."""

    source: Path
    tables: Sequence[FilmGrain | None]
    seeds: Sequence[int]
    shown: Mapping[tuple[int, int], int]
    slots: list[FilmGrain | None] = field(default_factory=lambda: [None] * _SLOTS)
    mono: bool = False

    def obu(self, whole: bytes, header: ObuTrace, place: tuple[int, int]) -> bytes:
        """One OBU with what grain adds."""
        _refuse(header, self.source)
        told = header.elements
        if header.kind == _SEQUENCE:
            self.mono = bool(told.get("mono_chrome"))
            at = header.places[_FLAG]
            changed = bytearray(whole)
            changed[at // 8] |= 128 >> at % 8
            return bytes(changed)
        if not header.is_frame or told.get("show_existing_frame"):
            return whole
        frame = self.shown.get(place)
        grain = self.tables[frame] if frame is not None else None
        references = (slot for slot in header.references if grain is not None and self.slots[slot] == grain)
        reference = next(references, None)
        for slot in _refreshed(header):
            self.slots[slot] = grain
        if not told.get("show_frame", 1) and not told.get("showable_frame", 0):
            return whole
        inter = told.get("frame_type", _KEY) == _INTER
        seed = self.seeds[frame] if frame is not None else 1
        return _spliced(whole, header, film_grain_bits(grain, seed, inter=inter, reference=reference, mono=self.mono))


def _spliced(whole: bytes, header: ObuTrace, bits: str) -> bytes:
    """The OBU with `bits` at the end of its frame header."""
    start = 1 + _size_width(whole)
    head = "".join(f"{byte:08b}" for byte in whole[start : -(-header.end // 8)])[: header.end - 8 * start] + bits
    if header.kind == _FRAME_HEADER:
        head += "1"
    head += "0" * (-len(head) % 8)
    tiles = whole[-(-header.end // 8) :] if header.kind == _FRAME else b""
    payload = int(head, 2).to_bytes(len(head) // 8, "big") + tiles
    return whole[:1] + leb128(len(payload)) + payload


def _size_width(whole: bytes) -> int:
    """Bytes of obu_size."""
    width = 1
    while whole[width] & 128:
        width += 1
    return width


def leb128(value: int) -> bytes:
    """Little-endian base 128 (AV1 4.10.5), as short as can be."""
    out = bytearray()
    while True:
        out.append(value & 127 | (128 if value > 127 else 0))
        value >>= 7
        if not value:
            return bytes(out)
