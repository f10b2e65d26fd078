"""Which instant a field shows: interlace, cadence, losses, blends, shutter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tape_pictures import SMALL, moving_bar, preset, textured

from footlights.core.fields import BOTTOM, TOP
from footlights.core.reports import CadenceKind
from footlights.core.signal import FieldOrder
from footlights.core.time import FILM_NTSC_RATE, NTSC_FIELD_RATE, FrameRange
from footlights.errors import ParameterError
from footlights.tape.noise import TapeNoise
from footlights.tape.presets import HEAVY, NEUTRAL
from footlights.tape.raster import parity_of
from footlights.tape.schedule import LONGEST_LOSS, REACH, Losses, Schedule
from footlights.tape.simulate import Recording, Simulator


def _places(simulator: Simulator, pictures, cuts=()) -> list[float]:
    """Place of the bar in every field, in time order, in pictures."""
    places = []
    for frame in simulator.run(pictures, cuts):
        for number in (2 * frame.number, 2 * frame.number + 1):
            field = frame.y[parity_of(number, simulator.field_order) :: 2].astype(float) - 16
            centre = (field * np.arange(field.shape[1])).sum() / field.sum()
            places.append((centre - 5.5) / 8)
    return places


@pytest.mark.parametrize("order", [FieldOrder.TOP_FIRST, FieldOrder.BOTTOM_FIRST])
def test_the_two_fields_of_an_interlaced_frame_show_two_instants(order: FieldOrder):
    places = _places(Simulator(NEUTRAL, raster=SMALL, field_order=order), moving_bar(8))
    np.testing.assert_allclose(places, range(8), atol=0.02)


def test_the_first_field_fills_the_lines_its_order_says():
    assert parity_of(0, FieldOrder.TOP_FIRST) == TOP
    assert parity_of(0, FieldOrder.BOTTOM_FIRST) == BOTTOM
    first = next(Simulator(NEUTRAL, raster=SMALL, field_order=FieldOrder.BOTTOM_FIRST).run(moving_bar(2)))
    assert first.y[1, 5] == 235
    assert first.y[0, 5] == 16


def test_progressive_scan_shows_one_instant_in_both_fields():
    places = _places(Simulator(NEUTRAL, raster=SMALL, scan=CadenceKind.PROGRESSIVE), moving_bar(8))
    np.testing.assert_allclose(places, [0, 0, 2, 2, 4, 4, 6, 6], atol=0.02)


def test_telecine_lays_film_into_fields_two_to_three():
    simulator = Simulator(NEUTRAL, raster=SMALL, scan=CadenceKind.TELECINE)
    assert simulator.picture_rate == FILM_NTSC_RATE
    recording = simulator.run(moving_bar(8))
    places = _places(simulator, moving_bar(8))
    expected = [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 7]
    np.testing.assert_allclose(places, expected, atol=0.02)
    assert len(list(recording)) == 10
    truth = recording.truth()
    assert truth.cadence is CadenceKind.TELECINE
    assert expected[truth.telecine_phase : truth.telecine_phase + 3] == [1, 1, 1]


def test_interlaced_pictures_come_at_field_rate_and_a_lone_last_one_makes_no_frame():
    simulator = Simulator(NEUTRAL, raster=SMALL)
    assert simulator.picture_rate == NTSC_FIELD_RATE
    assert [frame.number for frame in simulator.run(moving_bar(7))] == [0, 1, 2]


def test_swapped_shots_show_their_fields_in_the_wrong_order():
    tape = preset(losses=Losses(swap_rate=1.0))
    recording = Simulator(tape, raster=SMALL).run(moving_bar(8), cuts=[3])
    list(recording)
    assert recording.truth().swapped_shots == (0, 3)
    places = _places(Simulator(tape, raster=SMALL), moving_bar(8), cuts=[3])
    # Fields 2 and 3 belong to different shots and keep their places.
    np.testing.assert_allclose(places, [1, 0, 2, 3, 5, 4, 7, 6], atol=0.02)


def test_shutter_averages_the_neighbours_by_an_eighth_each():
    tape = preset(optics=replace(NEUTRAL.optics, exposure=1.0))
    pictures = textured(8)
    open_shutter = [frame.y.astype(float) for frame in Simulator(tape, raster=SMALL).run(pictures)]
    linear = [picture.astype(np.float64) ** 2.4 for picture in pictures]
    mixed = [
        (0.125 * linear[max(0, i - 1)] + 0.75 * linear[i] + 0.125 * linear[min(7, i + 1)]) ** (1 / 2.4)
        for i in range(8)
    ]
    expected = [
        frame.y.astype(float)
        for frame in Simulator(NEUTRAL, raster=SMALL).run([picture.astype(np.float32) for picture in mixed])
    ]
    for found, wanted in zip(open_shutter, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1)


def test_shutter_does_not_reach_across_a_cut():
    tape = preset(optics=replace(NEUTRAL.optics, exposure=2.0))
    black, white = np.zeros((96, 128, 3), np.float32), np.ones((96, 128, 3), np.float32)
    frames = list(Simulator(tape, raster=SMALL).run([black] * 3 + [white] * 3, cuts=[3]))
    assert frames[1].y[0::2].max() == 16
    assert frames[1].y[1::2].min() == 235


_LOSSY = Losses(
    lost_frame_rate=0.1, lost_field_rate=0.1, duplicate_rate=0.1, blend_rate=0.2, swap_rate=0.3, blend_share=0.4
)


@given(
    seed=st.integers(0, 2**20),
    number=st.integers(0, 10**6),
    scan=st.sampled_from(CadenceKind),
    cuts=st.sets(st.integers(1, 60), max_size=4),
)
def test_schedule_looks_back_a_bounded_way_and_never_across_a_cut(seed, number, scan, cuts):
    near = tuple(sorted(max(1, number - 30) + cut for cut in cuts))
    schedule = Schedule(seed, _LOSSY, scan, 0.8, near)
    slot = schedule.slot(number)
    assert number - REACH <= slot.recorded <= slot.played <= number
    assert (number - slot.recorded) % 2 == 0
    assert sum(weight for _, weight in slot.sources) == pytest.approx(1)
    shot = schedule.shot_start(number)
    assert schedule.shot_start(slot.recorded) == shot
    assert all(schedule.shot_start(schedule.field_of(picture)) == shot for picture, _ in slot.sources) or (
        # A film frame or progressive picture may have begun before a cut that falls between its fields.
        scan is not CadenceKind.INTERLACED
    )
    first = schedule.picture_of(max(0, number - REACH)) - 1
    assert all(first <= picture <= schedule.picture_of(number + 1) + 1 for picture, _ in slot.sources)


def _lossy(**rates: float) -> Recording:
    tape = preset(losses=Losses(**rates))
    return Simulator(tape, seed=5, raster=SMALL).run(textured(120))


def test_a_lost_field_shows_the_field_of_its_parity_before_it():
    recording = _lossy(lost_field_rate=0.08)
    whole = np.stack([frame.y for frame in recording])
    clean = np.stack([frame.y for frame in Simulator(NEUTRAL, raster=SMALL).run(textured(120))])
    lost = recording.truth().lost_fields
    assert len(lost) >= 3
    for number in range(120):
        shown = whole[number // 2, number % 2 :: 2]
        source = number - 2 if number in lost else number
        assert np.array_equal(shown, clean[source // 2, source % 2 :: 2])


def test_lost_frames_hold_the_frame_before_in_runs_and_duplicates_hold_every_code():
    recording = _lossy(lost_frame_rate=0.08, duplicate_rate=0.1)
    whole = [frame.y for frame in recording]
    truth = recording.truth()
    assert len(truth.lost_frames) >= 3
    assert len(truth.duplicated_frames) >= 2
    for number in truth.lost_frames + truth.duplicated_frames:
        assert np.array_equal(whole[number], whole[number - 1])
    repeats = {n for n in range(1, 60) if np.array_equal(whole[n], whole[n - 1])}
    assert repeats == set(truth.lost_frames) | set(truth.duplicated_frames)
    runs = np.split(np.array(truth.lost_frames), np.where(np.diff(truth.lost_frames) > 1)[0] + 1)
    assert max(len(run) for run in runs) <= LONGEST_LOSS


def test_held_frames_have_their_own_tape_noise_and_duplicates_do_not():
    tape = preset(losses=Losses(lost_frame_rate=0.08, duplicate_rate=0.05), noise=TapeNoise(luma_sigma=2))
    recording = Simulator(tape, seed=5, raster=SMALL).run(textured(120))
    whole = [frame.y.astype(float) for frame in recording]
    truth = recording.truth()
    for number in truth.duplicated_frames:
        assert np.array_equal(whole[number], whole[number - 1])
    for number in truth.lost_frames:
        assert (whole[number] - whole[number - 1]).std() == pytest.approx(2 * 2**0.5, rel=0.1)


def test_blended_fields_mix_two_instants():
    recording = _lossy(blend_rate=0.1, blend_share=0.5)
    list(recording)
    blended = recording.truth().blended_fields
    assert len(blended) >= 5
    bars = list(moving_bar(14))
    simulator = Simulator(preset(losses=Losses(blend_rate=0.5)), seed=1, raster=SMALL)
    recording = simulator.run(bars)
    frames = list(recording)
    number = recording.truth().blended_fields[0]
    line = frames[number // 2].y[number % 2]
    for instant in (number - 1, number):
        assert 100 < line[8 * instant + 5] < 220


def test_any_range_equals_the_same_frames_of_the_whole():
    """Worn tape with every loss: a part, begun where the simulator says, holds the codes of the whole."""
    tape = replace(HEAVY, losses=_LOSSY, optics=replace(HEAVY.optics, exposure=0.8))
    pictures = textured(60)
    simulator = Simulator(tape, seed=9, raster=SMALL)
    whole = list(simulator.run(pictures, cuts=[17, 40]))
    for start, stop in ((0, 4), (9, 14), (21, 26)):
        part = simulator.run(pictures[simulator.first_picture(start) :], cuts=[17, 40], frames=FrameRange(start, stop))
        frames = list(part)
        assert [frame.number for frame in frames] == list(range(start, stop))
        for frame in frames:
            assert np.array_equal(frame.y, whole[frame.number].y)
            assert np.array_equal(frame.cb, whole[frame.number].cb)


def test_telecine_ranges_equal_the_whole():
    simulator = Simulator(preset(), raster=SMALL, scan=CadenceKind.TELECINE)
    pictures = textured(24)
    whole = list(simulator.run(pictures))
    part = list(simulator.run(pictures[simulator.first_picture(20) :], frames=FrameRange(20, 23)))
    assert all(np.array_equal(frame.y, whole[frame.number].y) for frame in part)


def test_cuts_before_the_tape_are_refused():
    with pytest.raises(ParameterError, match=r"tape\.cuts"):
        Simulator(NEUTRAL, raster=SMALL).run([], cuts=[-3])


def test_a_run_reads_no_further_than_it_must_and_holds_few_pictures():
    given_out = 0

    def endless():
        nonlocal given_out
        while True:
            given_out += 1
            yield np.zeros((96, 128, 3), np.float32)

    recording = Simulator(preset(losses=_LOSSY), raster=SMALL).run(endless())
    for _ in range(100):
        next(recording)
        assert recording.held <= REACH + 4
    assert given_out <= 202
