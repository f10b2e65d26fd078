"""The names of tape defects. Every name has an entry in the dictionary (`report/dictionary.py`, `docs/defects.md`)."""

from __future__ import annotations

from enum import StrEnum


class Defect(StrEnum):
    """A defect of picture or sound; the value is its anchor in the dictionary."""

    NOISE = "noise"
    CHROMA_NOISE = "chroma-noise"
    DROPOUT = "dropout"
    LOST_FRAME = "lost-frame"
    LOST_FIELD = "lost-field"
    DUPLICATE_FRAME = "duplicate-frame"
    DAMAGED_FRAME = "damaged-frame"
    HEAD_SWITCHING = "head-switching"
    LINE_JITTER = "line-jitter"
    SKEW = "skew"
    VERTICAL_JUMP = "vertical-jump"
    BLANK_BORDERS = "blank-borders"
    SOFTNESS = "softness"
    CHROMA_DELAY = "chroma-delay"
    DOT_CRAWL = "dot-crawl"
    CROSS_COLOUR = "cross-colour"
    BLOCKING = "blocking"
    QUANTISATION = "quantisation"
    HALOS = "halos"
    CLIPPING = "clipping"
    CRUSHED = "crushed"
    SETUP = "setup"
    WRONG_RANGE = "wrong-range"
    CAST = "cast"
    WRONG_FIELD_ORDER = "wrong-field-order"
    COMBING = "combing"
    FLICKER = "flicker"
    SOUND_CLIPPING = "sound-clipping"
    SOUND_DROPOUT = "sound-dropout"
    SOUND_MISSING = "sound-missing"
    SOUND_DRIFT = "sound-drift"
    SOUND_HUM = "sound-hum"
    SOUND_BALANCE = "sound-balance"
    SOUND_PHASE = "sound-phase"
