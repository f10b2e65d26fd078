"""Determinism, the truth as a record, and parameters that refuse what they cannot do."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tape_pictures import SMALL, textured

from footlights.core import records
from footlights.core.reports import CadenceKind
from footlights.core.signal import FieldOrder
from footlights.errors import ParameterError, UsageError
from footlights.tape.composite import Composite
from footlights.tape.parameters import Bounded, bounds_of
from footlights.tape.presets import HEAVY, PRESETS, VHS, Preset, preset, quiet
from footlights.tape.raster import PAL, Raster
from footlights.tape.record import Log
from footlights.tape.simulate import Simulator
from footlights.tape.truth import Truth

_GROUPS = sorted(
    {type(getattr(VHS, entry.name)) for entry in fields(VHS) if is_dataclass(getattr(VHS, entry.name))},
    key=lambda kind: kind.__name__,
)
_FIELDS = [(kind, name) for kind in _GROUPS for name in bounds_of(kind)]


def _codes(seed: int, name: str = "heavy", raster: Raster = SMALL) -> list[np.ndarray]:
    return [frame.y for frame in Simulator(preset(name), seed, raster).run(textured(8, raster))]


def test_the_same_seed_gives_the_same_tape_and_another_seed_another():
    first, again, other = _codes(1), _codes(1), _codes(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_fields_do_not_depend_on_what_was_simulated_before():
    pictures = textured(6)
    simulator = Simulator(HEAVY, 7, SMALL)
    forward = [simulator.degrade_field(pictures[n], n).luma for n in range(6)]
    backward = [simulator.degrade_field(pictures[n], n).luma for n in reversed(range(6))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forward, backward, strict=True))


def test_two_runs_may_be_read_in_turn():
    simulator = Simulator(VHS, 3, SMALL)
    left, right = simulator.run(textured(6)), simulator.run(textured(6))
    for _ in range(3):
        assert np.array_equal(next(left).y, next(right).y)


@pytest.mark.parametrize("name", sorted(PRESETS))
@pytest.mark.parametrize("raster", [Raster(), PAL])
def test_every_preset_runs_in_both_standards(name: str, raster: Raster):
    recording = Simulator(preset(name), 1, raster).run(textured(2, raster))
    frame = next(recording)
    assert frame.y.shape == (raster.height, 720)
    assert 30 < frame.y[:, 30:690].mean() < 220
    assert recording.truth().rate == raster.standard.frame_rate


def test_presets_grow_worse_in_their_order():
    sigmas = []
    for name in ("light", "medium", "heavy"):
        recording = Simulator(preset(name), 1).run(textured(4, Raster()))
        list(recording)
        sigmas.append(recording.truth().noise.luma_sigma)
    assert sigmas[0] < sigmas[1] < sigmas[2]


def test_an_unknown_preset_is_refused_with_a_suggestion():
    with pytest.raises(UsageError, match="heavy"):
        preset("heavyy")


def test_truth_survives_json():
    tape = replace(HEAVY, defects=replace(HEAVY.defects, dropout_rate=4.0, tracking_rate=1.0))
    recording = Simulator(tape, 5, SMALL, FieldOrder.BOTTOM_FIRST, CadenceKind.INTERLACED, 10).run(
        textured(12), cuts=[4, 7, 90]
    )
    list(recording)
    truth = recording.truth()
    assert records.from_data(Truth, records.to_data(truth)) == truth
    assert [(cut.field, cut.frame, cut.first_field) for cut in truth.cuts] == [(4, 2, 0), (7, 3, 1)]
    assert truth.frames == 6
    assert truth.parameters == tape
    assert records.dumps(truth) == records.dumps(recording.truth())


def test_truth_of_composite_parameters_survives_json():
    assert records.from_data(Preset, records.to_data(VHS)) == VHS


def test_truth_may_be_asked_for_at_any_time():
    recording = Simulator(VHS, 5, SMALL).run(textured(12))
    assert recording.truth().frames == 0
    next(recording)
    assert recording.truth().frames == 1


def test_noise_samples_stay_few_and_spread():
    log, simulator = Log(0), Simulator(PRESETS["light"], 1, SMALL)
    schedule, lines = simulator.schedule(()), np.zeros((48, 128, 3), np.float32)
    for number in range(2000):
        log.add(schedule.slot(number), lines, simulator.preset, simulator.moment(number))
        assert len(log.samples) <= 12
    numbers = [sample.played for sample in log.samples]
    assert len(numbers) >= 6
    assert numbers[-1] - numbers[0] > 1200
    assert len({number % 2 for number in numbers}) == 2


def test_quiet_takes_the_noise_and_nothing_else():
    silent = quiet(VHS)
    assert silent.sensor.luma_sigma == silent.noise.luma_sigma == silent.noise.chroma_sigma == 0
    assert (silent.timebase, silent.defects, silent.tape) == (VHS.timebase, VHS.defects, VHS.tape)


def test_every_group_of_a_preset_is_bounded():
    assert len(_GROUPS) == 11
    for kind in _GROUPS:
        assert issubclass(kind, Bounded)
        assert kind.group
        numbers = {entry.name for entry in fields(kind) if entry.type in ("float", "int")}
        assert numbers == set(bounds_of(kind))


@given(st.sampled_from(_FIELDS), st.data())
def test_values_within_bounds_are_taken_and_others_refused(entry, data):
    kind, name = entry
    bounds = bounds_of(kind)[name]
    numbers = st.integers if bounds.whole else st.floats
    inside = data.draw(
        numbers(int(bounds.low) if bounds.whole else bounds.low, int(bounds.high) if bounds.whole else bounds.high)
    )
    assert getattr(kind(**{name: inside}), name) == inside
    outside = data.draw(
        st.one_of(
            st.floats(max_value=bounds.low, exclude_max=True),
            st.floats(min_value=bounds.high, exclude_min=True),
            st.just(float("nan")),
            st.just("3"),
            st.just(None),
        )
    )
    with pytest.raises(ParameterError, match=rf"tape\.{kind.group}\.{name}"):
        kind(**{name: outside})


def test_a_fraction_of_a_generation_is_refused():
    with pytest.raises(ParameterError, match="whole number"):
        replace(VHS.tape, generations=1.5)
    with pytest.raises(ParameterError):
        replace(Composite(), hue=True)
