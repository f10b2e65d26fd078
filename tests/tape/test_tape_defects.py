"""Local damage lies where the truth says and looks as it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tape_pictures import SMALL, flat, grey, preset, textured

from footlights.core.fields import TOP
from footlights.tape import defects
from footlights.tape.defects import Defects
from footlights.tape.light import StageLight
from footlights.tape.presets import VHS
from footlights.tape.raster import NTSC, Component, Moment
from footlights.tape.simulate import Simulator

_RAMP = np.repeat(np.linspace(0.2, 0.8, 480, dtype=np.float32)[:, None, None], 704, axis=1).repeat(3, axis=2)


def _both(tape_defects: Defects, count: int = 6):
    """The same pictures with and without the damage, as fields in time order, and the truth."""
    damaged = Simulator(preset(defects=tape_defects), seed=3).run([_RAMP] * count)
    worn = [frame.y for frame in damaged]
    clean = [frame.y for frame in Simulator(preset(), seed=3).run([_RAMP] * count)]
    fields = [[frame[parity::2].astype(int) for frame in frames for parity in (0, 1)] for frames in (worn, clean)]
    return fields[0], fields[1], damaged.truth()


def test_dropouts_lie_where_the_truth_says_and_nowhere_else():
    worn, clean, truth = _both(Defects(dropout_rate=6, compensated=0.0))
    assert len(truth.dropouts) > 15
    told = np.zeros((len(worn), 240, 720), dtype=bool)
    for dropout in truth.dropouts:
        lines = slice(dropout.line, dropout.line + dropout.lines)
        told[dropout.field, lines, dropout.start : dropout.start + dropout.length] = True
        assert NTSC.active.start <= dropout.start
        assert dropout.start + dropout.length <= NTSC.active.stop
    changed = np.array(worn) != np.array(clean)
    assert not np.any(changed & ~told)
    assert changed.sum() > 0.6 * told.sum()


def test_an_uncompensated_dropout_starts_at_once_and_decays():
    worn, clean, truth = _both(Defects(dropout_rate=6, compensated=0.0, white=1.0, dropout_shortest=40))
    long = next(d for d in truth.dropouts if d.length >= 40 and d.lines == 1)
    streak = (worn[long.field] - clean[long.field])[long.line]
    assert streak[long.start - 1] == 0
    assert streak[long.start] > 40
    assert streak[long.start : long.start + 8].mean() > 3 * abs(streak[long.start + long.length - 8 :][:8]).mean()


def test_dark_streaks_are_dark():
    worn, clean, truth = _both(Defects(dropout_rate=6, compensated=0.0, white=0.0))
    first = truth.dropouts[0]
    assert worn[first.field][first.line, first.start] < clean[first.field][first.line, first.start] - 30


def test_a_compensated_dropout_repeats_the_line_before():
    worn, clean, truth = _both(Defects(dropout_rate=4, compensated=1.0))
    for dropout in truth.dropouts:
        span = slice(dropout.start, dropout.start + dropout.length)
        overlapping = [d for d in truth.dropouts if d.field == dropout.field and d is not dropout]
        if any(abs(d.line - dropout.line) < 4 for d in overlapping):
            continue
        for line in range(dropout.line, dropout.line + dropout.lines):
            assert np.array_equal(worn[dropout.field][line, span], clean[dropout.field][dropout.line - 1, span])


def test_dropout_rate_and_lengths_are_those_asked_for():
    settings = Defects(dropout_rate=2.5, dropout_shortest=5, dropout_longest=60)
    found = [d for n in range(400) for d in defects.dropouts(settings, Moment(1, n, TOP, NTSC))]
    assert len(found) / 400 == pytest.approx(2.5, rel=0.1)
    assert max(d.length for d in found) <= 60
    inner = [d.length for d in found if d.start < 600]
    assert np.median(inner) == pytest.approx((5 * 60) ** 0.5, rel=0.2)


def test_head_switching_touches_the_lines_the_truth_says():
    worn, clean, truth = _both(Defects(switch_lines=5, switch_shift=30))
    assert len(truth.switch_lines) == len(worn)
    assert {4, 5, 6} >= set(truth.switch_lines)
    for lines, field, whole in zip(truth.switch_lines, worn, clean, strict=True):
        assert np.array_equal(field[: 240 - lines], whole[: 240 - lines])
        assert np.abs(field[240 - lines + 1 :] - whole[240 - lines + 1 :]).mean() > 3


def test_head_switching_bends_further_with_every_line():
    bar = np.zeros((240, 720), dtype=np.float32)
    bar[:, 300:340] = 1
    field = Component(bar, grey().chroma)
    settings = Defects(switch_lines=8, switch_shift=40, switch_noise=0)
    bent = defects.damage(field, settings, Moment(3, 2, TOP, NTSC)).luma
    band = defects.switch_band(settings, Moment(3, 2, TOP, NTSC))
    assert band is not None
    places = [
        (line[250:420] * np.arange(250, 420)).sum() / line[250:420].sum() - 319.5 for line in bent[band.line + 1 :]
    ]
    assert np.all(np.diff(places) > 0)
    assert places[-1] == pytest.approx(40, abs=5)


def test_tracking_band_passes_through_some_fields_only():
    settings = Defects(tracking_rate=1.0)
    simulator = Simulator(preset(defects=settings), seed=1)
    bands = [defects.tracking_band(settings, simulator.moment(n)) for n in range(128)]
    present = [band for band in bands if band is not None]
    assert 6 <= len(present) <= 90
    band = present[len(present) // 2]
    clean = grey()
    torn = defects.damage(clean, settings, simulator.moment(band.field))
    inside = slice(band.line, band.line + band.lines)
    noise = torn.luma - clean.luma
    assert noise[inside].std() > 0.02
    noise[inside] = 0
    assert not noise.any()


def test_snow_is_as_dense_as_asked_for():
    field = defects.damage(grey(), Defects(snow=1e-3), Moment(2, 5, TOP, NTSC))
    bright = field.luma - 0.5 > 0.05
    starts = bright[:, 1:] & ~bright[:, :-1]
    assert starts.sum() == pytest.approx(1e-3 * 240 * 704, rel=0.25)


def test_damage_leaves_the_field_it_was_given_alone():
    field = grey()
    defects.damage(field, Defects(dropout_rate=20, switch_lines=6, snow=1e-3), Moment(2, 5, TOP, NTSC))
    assert np.all(field.luma == 0.5)
    assert not field.chroma.any()


def test_strobes_change_the_light_and_are_told():
    tape = preset(light=StageLight(strobe_rate=0.15))
    recording = Simulator(tape, seed=2, raster=SMALL).run([flat(0.4, SMALL)] * 60)
    fields = [frame.y[parity::2].mean() for frame in recording for parity in (0, 1)]
    flashes = {flash.field: flash.gain for flash in recording.truth().flashes}
    assert len(flashes) >= 5
    for number, level in enumerate(fields):
        light = min((level - 16) / 219, 1.0) ** 2.4
        expected = 0.4**2.4 * flashes.get(number, 1.0)
        assert light == pytest.approx(expected, rel=0.05)


def test_stage_light_moves_within_a_shot_and_changes_with_the_cut():
    light = StageLight(beams=3, ambient=0.2, sway=0.05)
    simulator = Simulator(preset(light=light), seed=4, raster=SMALL)
    fields = [simulator.degrade_field(flat(0.4, SMALL), n).luma for n in (0, 1, 40)]
    other = simulator.degrade_field(flat(0.4, SMALL), 40, shot=40).luma
    near, far, cut = (
        np.abs(a - b).mean() for a, b in ((fields[0], fields[1]), (fields[0], fields[2]), (fields[2], other))
    )
    assert 0 < near < far
    assert cut > 4 * near


def test_the_clean_truth_carries_the_same_light():
    light = StageLight(beams=2, ambient=0.3, brightness=0.8, haze=0.02)
    simulator = Simulator(preset(light=light), seed=4, raster=SMALL)
    picture = textured(1)[0]
    through = simulator.degrade_field(picture, 6)
    beside = Simulator(preset(), seed=4, raster=SMALL).degrade_field(np.clip(simulator.lit(picture, 6), 0, None), 6)
    np.testing.assert_allclose(through.luma, beside.luma, atol=2e-3)


def test_vhs_shows_all_its_damage_at_once():
    tape = replace(VHS, defects=replace(VHS.defects, dropout_rate=3.0))
    recording = Simulator(tape, seed=1).run([_RAMP] * 6)
    frames = list(recording)
    truth = recording.truth()
    assert len(frames) == 3
    assert truth.dropouts
    assert truth.switch_lines
    assert truth.jitter_rms == pytest.approx(0.45, rel=0.25)
    assert truth.chroma_delay == 4.0
    assert truth.noise.luma_sigma > 2
