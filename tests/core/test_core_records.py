"""Records: exact round trips, durable writing, readable complaints."""

from fractions import Fraction
from pathlib import Path

import pytest

from footlights.core import records
from footlights.core.plans import Step
from footlights.core.signal import FieldOrder, Matrix, Signal
from footlights.core.time import FrameRange, Span, SpanKind, TimeMap
from footlights.errors import UsageError

SIGNAL = Signal(
    matrix=Matrix.SMPTE170M, field_order=FieldOrder.TOP_FIRST, sample_aspect=Fraction(10, 11), assumed=frozenset("zab")
)


def test_a_signal_comes_back_equal_and_sets_are_written_sorted() -> None:
    data = records.to_data(SIGNAL)
    assert data["assumed"] == ["a", "b", "z"]
    assert data["sample_aspect"] == "10/11"
    assert records.from_data(Signal, data) == SIGNAL


def test_time_map_round_trips_through_a_file(tmp_path: Path) -> None:
    value = TimeMap(
        Fraction(30000, 1001), Fraction(60000, 1001), (Span(FrameRange(0, 4), FrameRange(0, 2), SpanKind.ORIGINAL),)
    )
    path = tmp_path / "map.json"
    records.write(path, records.dumps(value))
    assert records.read(TimeMap, path) == value


def test_step_parameters_keep_their_kinds() -> None:
    step = Step(
        "a.b", 1, {"on": True, "count": 3, "gain": 0.5, "name": "x", "levels": (1.5, 2.5), "crop": (1, 2)}, "why"
    )
    back = records.from_data(Step, records.to_data(step))
    assert back == step
    assert [type(value) for value in back.params.values()] == [bool, int, float, str, tuple, tuple]


def test_equal_records_have_equal_bytes_and_digests() -> None:
    again = Signal(
        matrix=Matrix.SMPTE170M,
        field_order=FieldOrder.TOP_FIRST,
        sample_aspect=Fraction(10, 11),
        assumed=frozenset("baz"),
    )
    assert records.dumps(SIGNAL) == records.dumps(again)
    assert records.digest(records.to_data(SIGNAL)) == records.digest(records.to_data(again))


def test_reading_names_every_problem_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"source_rate": "x", "out_rate": "1/1", "spans": [{"out": 3}]}')
    with pytest.raises(UsageError) as caught:
        records.read(TimeMap, path)
    assert "source_rate" in str(caught.value)
    assert "spans.0.out" in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    records.write(path, "old")

    def fail(_: int) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="input/output"):
        records.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
