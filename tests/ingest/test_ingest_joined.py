"""Tapes joined end to end in one file: another system begins half way, and the clocks go back."""

from pathlib import Path

from made_tapes import take_in
from tape_files import make


def test_pal_and_ntsc_in_one_file_are_taken_in_and_told(tmp_path: Path) -> None:
    pal = make(tmp_path / "pal.mpg", 6)
    ntsc = make(tmp_path / "ntsc.mpg", 6, size="352x240", rate="60000/1001")
    both = tmp_path / "both.mpg"
    both.write_bytes(pal.read_bytes() + ntsc.read_bytes())
    alone, joined = (take_in(path, tmp_path / f"{path.stem}.d").ingest for path in (pal, both))
    assert joined.frames >= alone.frames - 1
    assert (joined.source.width, joined.source.height) == (352, 288)
    assert joined.faults, "what could not be kept is said"
    assert any("goes back" in note and "it follows on" in note for note in joined.source.notes)
    assert joined.source.audio[0].packets > alone.source.audio[0].packets
