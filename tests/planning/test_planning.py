"""Plans: pure, reasoned, right in geometry and time."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as timeless
from hypothesis import strategies as st

from footlights.config import resolve
from footlights.core import records, subcarrier
from footlights.core.faces import FacePath, ShotFaces, TrackedFace
from footlights.core.plans import RestorationPlan, ShotPlan
from footlights.core.reports import (
    BalanceReport,
    BorderReport,
    CadenceKind,
    CadenceReport,
    ChromaDelayReport,
    ComplexityReport,
    CompositeReport,
    DropoutReport,
    Entry,
    ExposureReport,
    FaceReport,
    NoiseReport,
    Remainder,
    SharpnessReport,
    Shot,
    ShotReport,
    Survey,
)
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range, Signal, Transfer
from footlights.core.source import Gap, GapKind, Ingest, Source
from footlights.core.tape_reports import (
    BlockingReport,
    Conversion,
    ConversionReport,
    FlickerReport,
    HaloReport,
    Jump,
    LevelsReport,
    QuantiserReport,
    TimeBaseReport,
)
from footlights.core.time import FrameRange, SpanKind
from footlights.errors import SourceError, UsageError
from footlights.models.fieldlift_run import reference
from footlights.planning import rules
from footlights.planning.geometry import lay_out
from footlights.planning.timeline import clock_times, cut_frames, output_range, pieces, time_map
from footlights.planning.wholetape import tape_order
from footlights.presets import PRESETS
from footlights.settings import GeometrySettings
from made_tapes import settings

NTSC = Fraction(30000, 1001)
SIGNAL = Signal(
    Matrix.SMPTE170M, Primaries.SMPTE170M, Transfer.SMPTE170M, Range.LIMITED, FieldOrder.TOP_FIRST, Fraction(10, 11)
)


def source(**changes: Any) -> Source:
    base = Source("t.mpg", "0" * 64, 1, "mpeg", "mpeg2video", "yuv420p", 720, 480, NTSC, SIGNAL, 8, "4:2:0")
    return replace(base, **changes)


def ingest(
    frames: int = 60, *, slots: tuple[int, ...] | None = None, of: Source | None = None, variable: bool = False
) -> Ingest:
    where = slots if slots is not None else tuple(range(frames))
    return Ingest(
        of or source(), frames, 1 / NTSC, tuple(range(frames)), where, variable, (True,) * frames, 0, (), (), "c" * 64
    )


def shot(
    index: int,
    start: int,
    stop: int,
    *,
    first_field: int = 0,
    kind: CadenceKind = CadenceKind.INTERLACED,
    **changes: Any,
) -> ShotReport:
    base = ShotReport(
        shot=Shot(index, FrameRange(start, stop), first_field, Entry.CUT, 0.9),
        noise=NoiseReport(2.5, 1.5, 1.2, (60.0, 140.0), (2.0, 3.0), 0.2, 0.5, 1.0, "test"),
        cadence=CadenceReport(kind, FieldOrder.TOP_FIRST, FieldOrder.TOP_FIRST, True, 0, 0.95, "test"),
        dropouts=DropoutReport(4, 0.1, 1e-5, (start + 1,), "test"),
        borders=BorderReport(8, 0, 8, 0, 0, 1.0, "test"),
        timebase=TimeBaseReport(0.0, 0.85, 1.0, 0.0, 8.0, 1.0, (), "test"),
        blocking=BlockingReport(0.0, 0, 0.0, "test"),
        conversion=ConversionReport(Conversion.NONE, 0.0, 0.0, 0.0, 0.0, "test"),
        quantiser=QuantiserReport(0.0, "flat", "frame", 0, 0, 0, 1, 0.0, "test"),
        halos=HaloReport(0.0, 0.0, (0, 0), (), (), 0.0, 0.0, (0, 0), "test"),
        levels=LevelsReport(16, 220, 0.0, 6, "test"),
        chroma_delay=ChromaDelayReport(0.1, 0.0, 0.8, 0.8, "test"),
        composite=CompositeReport(0.0, 0.0, 1.0, "test"),
        complexity=ComplexityReport(70, 20, 1.5, "test"),
        sharpness=SharpnessReport(0.6, 0.8, 320, "test"),
        exposure=ExposureReport(16, 80, 200, 0.1, 0.01, "white", 1, 1, 0, 0, 0, "test"),
        flicker=FlickerReport(0.1, 0.0, 0.3, 0.0, "test"),
        balance=BalanceReport(0, 0, 0, 0, 0, 0, 0, 0, 12, "test"),
        faces=FaceReport((), 1, "test"),
        gaps=(),
    )
    return replace(base, **changes)


def survey(*shots: ShotReport, gaps: tuple[Gap, ...] = ()) -> Survey:
    return Survey(shots, shots[-1].shot.frames.stop, gaps, (8, 0, 712, 480), FieldOrder.TOP_FIRST, "test")


def stages(plan: RestorationPlan, shot: int = 0) -> list[str]:
    return [step.stage for step in plan.shots[shot].steps]


class Counted(tuple[ShotReport, ...]):
    """Shots that count how often somebody walks through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[ShotReport]:
        type(self).walks += 1
        return super().__iter__()


def test_the_work_for_a_shot_does_not_grow_with_the_number_of_shots() -> None:
    """Ten thousand shots of one frame are planned in ten thousand steps, not in their square."""
    walks = []
    for count in (3, 30):
        Counted.walks = 0
        tape = survey(*(shot(n, n, n + 1) for n in range(count)))
        rules.plan(replace(tape, shots=Counted(tape.shots)), ingest(count), settings())
        walks.append(Counted.walks)
    assert walks[0] == walks[1]


CLASSICAL = "restoration.chain=classical"


def test_an_interlaced_tape_goes_through_the_net_with_reasons() -> None:
    plan = rules.plan(survey(shot(0, 0, 60)), ingest(), settings())
    assert stages(plan) == [
        "dropouts.conceal", "fieldlift.restore", "denoise.steady", "colour.convert",
        "upscale.fine", "detail.limited", "grain.synthesis",
    ]  # fmt: skip
    lift = plan.shots[0].steps[1]
    assert lift.weights == reference("S")
    assert lift.params["sigma"] == 2.5
    assert "noise.luma_sigma 2.50 codes" in lift.why
    skipped = {one.stage: one.why for one in plan.shots[0].skipped}
    assert "the net" in skipped["deinterlace.bwdif"]
    assert "the net" in plan.shots[0].steps[2].why


def test_presets_decide_how_far_a_plan_goes() -> None:
    plans = {
        name: rules.plan(survey(shot(0, 0, 60)), ingest(), resolve((), Path("/dev/null"), preset=name).settings)
        for name in PRESETS
    }
    steps = {name: {step.stage: step.params for step in made.shots[0].steps} for name, made in plans.items()}
    assert plans["balanced"] == rules.plan(survey(shot(0, 0, 60)), ingest(), settings())
    assert "detail.limited" not in steps["faithful"]
    assert "fieldlift.restore" in steps["faithful"]
    assert [made["upscale.fine"]["detail"] for made in steps.values()] == [0.0, 1.0, 1.25]
    assert [made["grain.synthesis"]["share"] for made in steps.values()] == [1.0, 0.7, 0.5]
    assert steps["bold"]["fieldlift.restore"]["sigma"] == pytest.approx(2.5 * 1.15)


def test_torn_lines_are_filled_and_a_plain_shot_follows_the_others() -> None:
    torn, plain = BorderReport(8, 0, 8, 0, 5, 0.9, "test"), BorderReport(8, 0, 8, 0, 0, 0.0, "test")
    plan = rules.plan(survey(shot(0, 0, 30, borders=torn), shot(1, 30, 60, borders=plain)), ingest(), settings())
    fills = [next(step for step in one.steps if step.stage == "switching.fill") for one in plan.shots]
    assert [one.params["lines"] for one in fills] == [6, 6]
    assert "too plain" in fills[1].why
    off = rules.plan(survey(shot(0, 0, 30, borders=torn)), ingest(), settings("restoration.switching.fill=false"))
    assert "switching.fill" not in stages(off)


def test_lines_are_moved_by_what_the_tape_as_a_whole_shows_and_fields_by_their_own_jumps() -> None:
    def strayed(jitter: float, skew: float, sure: float = 0.9, jumps: tuple[Jump, ...] = ()) -> TimeBaseReport:
        return TimeBaseReport(jitter, 0.85, sure, skew, 8.0, sure, jumps, "test")

    found = (strayed(0.4, 3.0), strayed(2.0, -9.0, 0.1), strayed(0.3, 4.0, jumps=(Jump(62, 1, 5),)))
    reports = [shot(n, 30 * n, 30 * n + 30, timebase=one) for n, one in enumerate(found)]
    slots = (*range(60), *range(61, 91))
    plan = rules.plan(survey(*reports), ingest(90, slots=slots), settings())
    steps = [next(step.params for step in one.steps if step.stage == "timebase.align") for one in plan.shots]
    assert [one["jitter"] for one in steps] == [0.3, 0.3, 0.3]
    assert [one["skew"] for one in steps] == [3.0, 3.0, 3.0]
    assert [(one["jumped"], one["jumps"]) for one in steps] == [((), ()), ((), ()), ((127,), (5,))]
    for calm in (strayed(0.1, 0.5), strayed(0.1, 1.3), strayed(0.3, 0.9, 0.2)):
        plan = rules.plan(survey(shot(0, 0, 30, timebase=calm)), ingest(), settings())
        assert "too little" in {one.stage: one.why for one in plan.shots[0].skipped}["timebase.align"]
    for bent in (strayed(0.3, 1.3), strayed(0.1, 2.5)):
        plan = rules.plan(survey(shot(0, 0, 30, timebase=bent)), ingest(), settings())
        assert next(one.params for one in plan.shots[0].steps if one.stage == "timebase.align")["skew"] == bent.skew
    off = rules.plan(survey(*reports), ingest(90), settings("restoration.timebase.align=false"))
    assert "timebase.align" not in stages(off)


def test_blocks_are_smoothed_where_noise_does_not_hide_them() -> None:
    coded = shot(0, 0, 60, blocking=BlockingReport(1.5, 3, 0.9, "test"))
    for chain in ((), (CLASSICAL,)):
        steps = {one.stage: one.params for one in rules.plan(survey(coded), ingest(), settings(*chain)).shots[0].steps}
        assert (steps["blocking.smooth"]["strength"], steps["blocking.smooth"]["phase"]) == (6.0, 3)
    noisy = replace(coded, noise=replace(coded.noise, luma_sigma=4.0))
    for report, assignments, why in (
        (noisy, (CLASSICAL,), "under noise"),
        (coded, (CLASSICAL, "restoration.blocking.strength=0"), "strength = 0"),
        (shot(0, 0, 60), (CLASSICAL,), "no grid"),
    ):
        skipped = rules.plan(survey(report), ingest(), settings(*assignments)).shots[0].skipped
        assert why in {one.stage: one.why for one in skipped}["blocking.smooth"]


def test_flicker_is_levelled_where_the_whole_picture_proves_it() -> None:
    film = shot(0, 0, 60, flicker=FlickerReport(3.2, 0.0, 0.8, 0.9, "test"))
    step = next(one for one in rules.plan(survey(film), ingest(), settings()).shots[0].steps if "flicker" in one.stage)
    assert (step.params["swing"], step.params["reach"], step.params["interlaced"]) == (0.032, 10, True)
    assert "3.20 % from picture to picture" in step.why
    slow = replace(film, flicker=FlickerReport(4.0, 22.5, 0.9, 1.0, "test"))
    assert rules.plan(survey(slow), ingest(), settings()).shots[0].steps[0].params["reach"] == 22
    frames = shot(0, 0, 60, kind=CadenceKind.PROGRESSIVE, flicker=film.flicker)
    assert rules.plan(survey(frames), ingest(), settings()).shots[0].steps[0].params["interlaced"] is False
    for report, assignments, why in (
        (shot(0, 0, 60), (), "none that counts"),
        (replace(film, flicker=replace(film.flicker, confidence=0.4)), (), "light of the scene"),
        (replace(slow, flicker=replace(slow.flicker, confidence=0.7)), (), "light of the scene"),
        (film, ("restoration.flicker.strength=0",), "strength = 0"),
    ):
        skipped = rules.plan(survey(report), ingest(), settings(*assignments)).shots[0].skipped
        assert why in {one.stage: one.why for one in skipped}["flicker.level"]


def test_colour_is_moved_by_the_delay_of_the_whole_tape() -> None:
    def delay(right: float, sure: float = 0.7) -> ChromaDelayReport:
        return ChromaDelayReport(right, 1.0, sure, 0.5, "test")

    reports = [
        shot(n, 30 * n, 30 * n + 30, chroma_delay=delay(*one)) for n, one in enumerate(((4.1,), (7.0, 0.6), (3.8,)))
    ]
    plan = rules.plan(survey(*reports), ingest(90), settings())
    moves = [next(step for step in one.steps if step.stage == "chroma.align") for one in plan.shots]
    assert [one.params["right"] for one in moves] == [2.05] * 3, "the net does the rest"
    assert moves[0].params["below"] == 1.0
    filtered = rules.plan(survey(*reports), ingest(90), settings(CLASSICAL)).shots[0].steps
    assert next(step for step in filtered if step.stage == "chroma.align").params["right"] == 4.1
    other = [*reports[:2], shot(2, 60, 90, chroma_delay=delay(0.0, 0.9))]
    assert "chroma.align" in stages(rules.plan(survey(*other), ingest(90), settings()), 0)
    faint = rules.plan(survey(shot(0, 0, 60)), ingest(), settings())
    assert "too little" in next(one.why for one in faint.shots[0].skipped if one.stage == "chroma.align")


def test_titles_without_colour_have_no_say_in_where_colour_lies() -> None:
    grey = BalanceReport(0, 0, 0, 0, 0, 0, 0, 0, 0.5, "test")
    wild = ChromaDelayReport(6.0, -2.0, 0.9, 0.9, "test")
    title, scene = shot(0, 0, 300, balance=grey, chroma_delay=wild), shot(1, 300, 360)
    plan = rules.plan(survey(title, scene), ingest(360), settings())
    assert all("chroma.align" not in stages(plan, number) for number in (0, 1))
    assert "chroma.align" not in stages(rules.plan(survey(title), ingest(300), settings()))


def test_dot_crawl_is_combed_where_no_net_takes_it_out() -> None:
    crawling = shot(0, 0, 60, composite=CompositeReport(0.8, 0.2, 1.0, "test"))
    netted = rules.plan(survey(crawling), ingest(), settings()).shots[0]
    assert "the net" in next(one.why for one in netted.skipped if one.stage == "composite.comb")
    filtered = rules.plan(survey(crawling), ingest(), settings(CLASSICAL)).shots[0]
    comb = next(step for step in filtered.steps if step.stage == "composite.comb")
    assert comb.params["system"] == "ntsc"
    assert "0.80" in comb.why
    other = ingest(of=source(width=640))
    assert "composite.comb" not in stages(rules.plan(survey(crawling), other, settings(CLASSICAL)))


@pytest.mark.parametrize(
    ("explained", "crawl", "dots", "left"),
    [(0.7, 0.2, 1, False), (0.3, 0.2, 1, True), (0.7, 0.5, 1, True), (0.7, 0.2, 0, True)],
)
def test_held_lines_keep_off_the_subcarrier_unless_their_dots_are_out(
    explained: float, crawl: float, dots: int, left: bool
) -> None:
    crawling = shot(0, 0, 60, composite=CompositeReport(crawl, 0.0, 1.0, "test", explained))
    chosen = settings("restoration.fieldlift.hold=0.2", f"restoration.chroma.dots={dots}")
    (hold,) = (
        one for one in rules.plan(survey(crawling), ingest(), chosen).shots[0].steps if one.stage == "fields.hold"
    )
    assert hold.params["subcarrier"] == (pytest.approx(subcarrier.NTSC.cycles, abs=1e-6) if left else 0)


@pytest.mark.parametrize("chain", ["fieldlift", "classical"])
def test_dots_go_first_wherever_a_tape_was_composite(chain: str) -> None:
    crawling = shot(0, 0, 60, composite=CompositeReport(0.2, 0.0, 1.0, "test", 0.7))
    chosen = f"restoration.chain={chain}"
    steps = rules.plan(survey(crawling), ingest(), settings(chosen)).shots[0].steps
    names = [step.stage for step in steps]
    assert names.index("composite.dots") < min(names.index(one) for one in names if one.startswith(("field", "deint")))
    assert steps[names.index("composite.dots")].params == {"system": "ntsc", "share": 1.0}
    off = rules.plan(survey(crawling), ingest(), settings(chosen, "restoration.chroma.dots=0")).shots[0]
    assert "dots = 0" in next(one.why for one in off.skipped if one.stage == "composite.dots")
    astray = shot(0, 0, 60, composite=CompositeReport(0.2, 0.0, 1.0, "test", 0.05))
    left = rules.plan(survey(astray), ingest(), settings(chosen)).shots[0]
    assert "phase strays" in next(one.why for one in left.skipped if one.stage == "composite.dots")
    plain = rules.plan(survey(shot(0, 0, 60)), ingest(), settings(chosen)).shots[0]
    assert "no trace" in next(one.why for one in plain.skipped if one.stage == "composite.dots")


def test_strength_and_detail_of_the_net_are_settings() -> None:
    chosen = settings("restoration.fieldlift.strength=0.5", "restoration.fieldlift.detail=0.25")
    plan = rules.plan(survey(shot(0, 0, 60)), ingest(), chosen)
    lift, large = (
        next(s for s in plan.shots[0].steps if s.stage == name) for name in ("fieldlift.restore", "upscale.fine")
    )
    assert lift.params["sigma"] == 1.25
    assert "0.5 times" in lift.why
    assert large.params["detail"] == 0.25


def test_pictures_of_the_net_are_steadied_by_more_neighbours_where_it_left_noise() -> None:
    shots = survey(*(shot(number, 20 * number, 20 * number + 20) for number in range(3)))
    seen = (Remainder(0, 1.9, 2.4, "test"), Remainder(1, 0.3, 0.5, "test"))
    plans = rules.plan(shots, ingest(), settings(), seen).shots
    names = [step.stage for step in plans[0].steps]
    assert names.index("denoise.steady") == names.index("fieldlift.restore") + 1
    noisy, quiet, unseen = (next(one for one in plan.steps if one.stage == "denoise.steady") for plan in plans)
    noise = shots.shots[0].noise
    assert (noisy.params["radius"], noisy.params["sigma"], noisy.params["chroma_sigma"]) == (2, 2.5, 4.8)
    assert "leaves 1.90 and 2.40" in noisy.why
    for step in (quiet, unseen):
        assert (step.params["radius"], step.params["sigma"]) == (1, min(noise.luma_sigma, 2.5))
    assert "leaves" not in unseen.why
    off = rules.plan(shots, ingest(), settings("restoration.denoise.strength=0"), seen).shots[0]
    assert "denoise.steady" not in [one.stage for one in off.steps]
    assert "denoise.steady" in [one.stage for one in off.skipped]


@pytest.mark.parametrize(
    ("crawl", "keep", "carrier"), [(0.0, 0.5, 0.0), (0.2, 0.5, subcarrier.NTSC.cycles), (0.8, 0.0, 0.0)]
)
def test_shots_without_dot_crawl_keep_detail_of_their_own(crawl: float, keep: float, carrier: float) -> None:
    base = shot(0, 0, 60)
    crawling = replace(base, composite=replace(base.composite, dot_crawl=crawl))
    step = next(s for s in rules.plan(survey(crawling), ingest(), settings()).shots[0].steps if "lift" in s.stage)
    assert step.params["keep"] == keep
    assert step.params["subcarrier"] == pytest.approx(carrier, abs=1e-6)
    assert ("subcarrier" in step.why) == bool(carrier)
    assert ("own detail" in step.why) == bool(keep)


def test_the_net_looks_past_frames_that_were_rebuilt() -> None:
    gap = Gap(20, 20, GapKind.LOST, FrameRange(20, 21), "hole")
    plan = rules.plan(survey(shot(0, 0, 60, gaps=(gap,))), ingest(), settings())
    assert stages(plan)[0] == "gaps.rebuild"
    lift = next(step for step in plan.shots[0].steps if step.stage == "fieldlift.restore")
    assert (lift.params["lost"], lift.params["fields"]) == ((20,), (3,))


@pytest.mark.parametrize("strength", [1.0, 0.0])
def test_streaks_beside_gaps_are_filled_where_streaks_are(strength: float) -> None:
    gap = Gap(20, 20, GapKind.LOST, FrameRange(20, 21), "hole")
    plan = rules.plan(
        survey(shot(0, 0, 60, gaps=(gap,))), ingest(), settings(f"restoration.dropouts.strength={strength}")
    )
    assert plan.shots[0].steps[0].params["streaks"] == ("dropouts.conceal" in stages(plan)) == bool(strength)


def test_what_the_net_was_not_made_for_goes_the_classical_way() -> None:
    plan = rules.plan(survey(shot(0, 0, 60)), ingest(of=source(width=1440, height=1080)), settings())
    assert "fieldlift.restore" not in stages(plan)
    assert "upscale.lanczos" in stages(plan)
    why = next(one.why for one in plan.shots[0].skipped if one.stage == "fieldlift.restore")
    assert "more than the SD raster" in why


def test_film_is_put_back_together_and_then_goes_through_the_net() -> None:
    plan = rules.plan(survey(shot(0, 0, 30), shot(1, 30, 60, kind=CadenceKind.TELECINE)), ingest(), settings())
    steps = {step.stage: step for step in plan.shots[1].steps}
    names = list(steps)
    assert names.index("deinterlace.match") + 1 == names.index("fieldlift.restore")
    assert (steps["fieldlift.restore"].params["instants"], steps["fieldlift.restore"].params["film"]) == (1, True)
    assert plan.rate == 2 * NTSC


@pytest.mark.parametrize(("chroma", "stripes", "share"), [(1.0, 0.0, 0.3), (3.0, 0.0, 0.0), (1.0, 0.4, 0.0)])
def test_colour_of_fields_is_kept_where_it_is_clean(chroma: float, stripes: float, share: float) -> None:
    found = shot(0, 0, 60)
    found = replace(
        found,
        noise=replace(found.noise, cb_sigma=chroma, cr_sigma=chroma / 2),
        composite=replace(found.composite, cross_colour=stripes),
    )
    plan = rules.plan(survey(found), ingest(), settings())
    lift = next(step for step in plan.shots[0].steps if step.stage == "fieldlift.restore")
    assert (lift.params["keep_colour"], lift.params["chroma_sigma"]) == (share, chroma)


def test_progressive_pictures_go_through_the_net_one_a_frame() -> None:
    plan = rules.plan(survey(shot(0, 0, 60, kind=CadenceKind.PROGRESSIVE)), ingest(), settings())
    lift = next(step for step in plan.shots[0].steps if step.stage == "fieldlift.restore")
    assert (lift.params["instants"], lift.params["film"]) == (1, False)
    assert not {"deinterlace.match", "deinterlace.bwdif"} & set(stages(plan))
    assert plan.rate == NTSC


def test_filters_stand_by_for_a_net_that_fails_only_where_that_was_allowed() -> None:
    found = survey(shot(0, 0, 60))
    assert rules.plan(found, ingest(), settings()).shots[0].instead == ()
    allowed = rules.plan(found, ingest(), settings("restoration.fieldlift.on_failure=classical")).shots[0]
    classical = rules.plan(found, ingest(), settings("restoration.chain=classical")).shots[0]
    assert allowed.instead == classical.steps
    assert allowed.steps != classical.steps


def test_a_net_of_ones_own_that_is_not_there_is_told_before_any_work() -> None:
    with pytest.raises(UsageError, match="no such file"):
        rules.plan(survey(shot(0, 0, 60)), ingest(), settings("restoration.sr_model=/nowhere/net.safetensors"))


def test_an_interlaced_noisy_tape_gets_the_whole_classical_chain_with_reasons() -> None:
    plan = rules.plan(survey(shot(0, 0, 60)), ingest(), settings(CLASSICAL))
    assert stages(plan) == [
        "dropouts.conceal", "deinterlace.bwdif", "denoise.motion", "colour.convert", "upscale.lanczos",
        "detail.limited", "grain.synthesis",
    ]  # fmt: skip
    assert (plan.width, plan.height, plan.rate) == (2880, 2160, 2 * NTSC)
    denoise = plan.shots[0].steps[2]
    assert denoise.why.startswith("noise.luma_sigma 2.50 codes")
    assert denoise.params["sigmas"] == (2.0, 3.0)
    assert all(step.why for step in plan.shots[0].steps)


def test_planning_is_pure_and_plans_survive_a_file() -> None:
    arguments = (survey(shot(0, 0, 30), shot(1, 30, 60)), ingest(), settings())
    first, second = rules.plan(*arguments), rules.plan(*arguments)
    assert first == second
    assert records.from_data(RestorationPlan, records.to_data(first)) == first


def test_what_is_not_needed_is_left_out_and_said() -> None:
    clean = shot(
        0, 0, 60,
        noise=NoiseReport(0.2, 0.1, 0.1, (), (), 0, 0, 1.0, "test"), dropouts=DropoutReport(0, 0, 0, (), "test"),
        kind=CadenceKind.PROGRESSIVE,
    )  # fmt: skip
    hd = replace(SIGNAL, matrix=Matrix.BT709, primaries=Primaries.BT709)
    plan = rules.plan(survey(clean), ingest(of=source(signal=hd)), settings(CLASSICAL))
    assert stages(plan) == ["upscale.lanczos", "detail.limited"]
    assert plan.rate == NTSC
    skipped = {one.stage: one.why for one in plan.shots[0].skipped}
    assert "noise.luma_sigma 0.20 < 0.45" in skipped["denoise.motion"]
    assert skipped["dropouts.conceal"] == "no dropout found"
    assert "grain.synthesis" in skipped


@pytest.mark.parametrize(
    ("assignment", "gone"),
    [
        ("enhancement.grain.share=0", "grain.synthesis"),
        ("enhancement.detail.strength=0", "detail.limited"),
        ("restoration.denoise.strength=0", "denoise.motion"),
        ("restoration.dropouts.strength=0", "dropouts.conceal"),
    ],
)
def test_a_setting_switches_a_stage_off_and_is_named_as_the_reason(assignment: str, gone: str) -> None:
    plan = rules.plan(survey(shot(0, 0, 60)), ingest(), settings(CLASSICAL, assignment))
    assert gone not in stages(plan)
    assert assignment.split("=")[0] in next(one.why for one in plan.shots[0].skipped if one.stage == gone)


def test_film_is_matched_and_a_wrong_tag_is_overruled() -> None:
    film = shot(0, 0, 30, kind=CadenceKind.TELECINE)
    wrong = CadenceReport(CadenceKind.INTERLACED, FieldOrder.BOTTOM_FIRST, FieldOrder.TOP_FIRST, False, 0, 0.9, "test")
    plan = rules.plan(survey(film, shot(1, 30, 60, cadence=wrong)), ingest(), settings(CLASSICAL))
    assert "deinterlace.match" in stages(plan, 0)
    step = next(step for step in plan.shots[1].steps if step.stage == "deinterlace.bwdif")
    assert step.params["top_first"] is False
    assert "the file claims top-first" in step.why


def test_gaps_are_rebuilt_where_neighbours_are_and_held_at_cuts() -> None:
    def gap(start: int, stop: int, slots: FrameRange, kind: GapKind) -> Gap:
        return Gap(start, stop, kind, slots, "measured")

    where = (*range(10), *range(12, 62))
    found = (
        gap(10, 10, FrameRange(10, 12), GapKind.LOST),
        replace(gap(20, 21, FrameRange(22, 23), GapKind.DUPLICATE), fields=2),
        gap(25, 26, FrameRange(27, 28), GapKind.DAMAGED),
    )
    taken = ingest(60, slots=where)
    plan = rules.plan(survey(shot(0, 0, 60, gaps=found), gaps=found), taken, settings())
    step = plan.shots[0].steps[0]
    assert (step.params["lost"], step.params["fields"], step.params["damaged"]) == ((10, 11, 22), (3, 3, 2), (27,))
    kinds = [(span.slots.start, span.slots.stop, span.kind) for span in plan.time_map.spans]
    assert kinds == [
        (0, 10, SpanKind.ORIGINAL), (10, 12, SpanKind.INTERPOLATED), (12, 22, SpanKind.ORIGINAL),
        (22, 23, SpanKind.INTERPOLATED), (23, 62, SpanKind.ORIGINAL),
    ]  # fmt: skip
    assert plan.time_map.frames == 124
    at_cut = (gap(10, 10, FrameRange(10, 12), GapKind.LOST),)
    plan = rules.plan(survey(shot(0, 0, 10, gaps=at_cut), shot(1, 10, 60), gaps=at_cut), taken, settings())
    assert plan.time_map.spans[1].kind is SpanKind.REPEATED


@pytest.mark.parametrize(
    ("width", "height", "aspect", "expected", "crop"),
    [
        (720, 480, Fraction(10, 11), (2880, 2160), (8, 0, 8, 0)),
        (720, 576, Fraction(12, 11), (2880, 2160), (8, 0, 8, 0)),
        (720, 486, Fraction(10, 11), (2880, 2160), (8, 4, 8, 2)),
        (720, 512, Fraction(10, 11), (2880, 2160), (8, 32, 8, 0)),
        (720, 608, Fraction(12, 11), (2880, 2160), (8, 32, 8, 0)),
        (704, 480, Fraction(10, 11), (2880, 2160), (0, 0, 0, 0)),
        (720, 480, Fraction(40, 33), (3840, 2160), (8, 0, 8, 0)),
        (720, 576, Fraction(16, 11), (3840, 2160), (8, 0, 8, 0)),
        (640, 480, Fraction(1), (2880, 2160), (0, 0, 0, 0)),
        (1280, 720, Fraction(1), (3840, 2160), (0, 0, 0, 0)),
        (1920, 800, Fraction(1), (3840, 1600), (0, 0, 0, 0)),
        (540, 960, Fraction(1), (1216, 2160), (0, 0, 0, 0)),
        (353, 289, Fraction(1), (2648, 2160), (0, 0, 0, 0)),
    ],
)
def test_geometry(width: int, height: int, aspect: Fraction, expected: tuple[int, int], crop: tuple[int, ...]) -> None:
    found = lay_out(
        source(width=width, height=height, signal=replace(SIGNAL, sample_aspect=aspect)), GeometrySettings()
    )
    assert (found.width, found.height) == expected
    assert found.crop == crop


def test_a_circle_stays_a_circle_and_720_wide_would_not() -> None:
    found = lay_out(source(), GeometrySettings())
    horizontal = found.width / (720 - sum(found.crop[0::2]))
    vertical = found.height / 480
    assert horizontal / vertical == pytest.approx(float(Fraction(10, 11)))


def test_pillars_fill_a_wide_canvas() -> None:
    found = lay_out(source(), GeometrySettings(canvas="16:9"))
    assert found.width + 2 * found.pillar == 3840


def plans(*edges: tuple[int, int, int]) -> tuple[ShotPlan, ...]:
    return tuple(ShotPlan(n, FrameRange(a, b), field, ()) for n, (a, b, field) in enumerate(edges))


def test_a_field_before_a_late_cut_belongs_to_the_shot_before() -> None:
    shots = plans((0, 10, 0), (10, 20, 1), (20, 30, 0))
    assert [output_range(shots, n, 2) for n in range(3)] == [FrameRange(0, 21), FrameRange(21, 40), FrameRange(40, 60)]
    assert cut_frames(shots, 2) == (0, 21, 40)
    assert cut_frames(shots, 1) == (0, 10, 20)


@timeless(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 1)), min_size=1, max_size=8),
    st.integers(1, 60),
    st.sampled_from([1, 2]),
)
def test_pieces_hold_every_output_frame_once_with_its_source(
    lengths: list[tuple[int, int]], part: int, factor: int
) -> None:
    edges, start = [], 0
    for length, field in lengths:
        edges.append((start, start + length, field if start and factor == 2 else 0))
        start += length
    shots = plans(*edges)
    whole = FrameRange(0, start * factor)
    made = pieces(shots, factor, tuple(whole.split(part)))
    frames = [frame for piece in made for one in piece.parts for frame in one.frames]
    assert frames == list(whole)
    for piece in made:
        for one in piece.parts:
            assert output_range(shots, one.shot, factor).covers(one.frames)
            assert FrameRange(one.slots.start * factor, one.slots.stop * factor).covers(one.frames)


def test_times_are_exact_and_variable_tapes_keep_theirs() -> None:
    plan = rules.plan(survey(shot(0, 0, 60)), ingest(), settings())
    times, end = clock_times(ingest(), plan)
    assert times[3] == 3 / (2 * NTSC)
    assert end == 120 / (2 * NTSC)
    free = replace(ingest(4, variable=True), time_base=Fraction(1, 1000), pts=(0, 40, 47, 130))
    one = shot(0, 0, 4, kind=CadenceKind.PROGRESSIVE)
    plan = rules.plan(survey(one), free, settings())
    assert clock_times(free, plan)[0] == (0, Fraction(1, 25), Fraction(47, 1000), Fraction(13, 100))


def test_interlaced_frames_of_variable_times_give_two_pictures_each() -> None:
    uneven = replace(ingest(4, variable=True), pts=(0, 2, 3, 7))
    restoration = rules.plan(survey(shot(0, 0, 4)), uneven, settings())
    times, end = clock_times(uneven, restoration)
    tick = 1 / NTSC
    assert times == tuple(Fraction(n) * tick for n in (0, 1, 2, Fraction(5, 2), 3, 5, 7, Fraction(15, 2)))
    assert end == 8 * tick


def test_a_field_order_set_by_hand_wins_over_the_measurement() -> None:
    found = survey(shot(0, 0, 60))
    progressive = rules.plan(found, ingest(), settings("ingest.field_order=progressive"))
    assert progressive.rate == NTSC
    assert not [step for step in progressive.shots[0].steps if step.stage.startswith("deinterlace")]
    assert any("ingest.field_order" in skipped.why for skipped in progressive.shots[0].skipped)
    bottom = settings("ingest.field_order=bottom-first")
    assert rules.plan(found, ingest(), bottom).shots[0].steps[1].params["top_first"] is False
    assert tape_order(found, bottom) is FieldOrder.BOTTOM_FIRST


@pytest.mark.parametrize(
    ("transfer", "words"), [(Transfer.PQ, "HDR"), (Transfer.HLG, "HDR"), (Transfer.LOG100, "log curve")]
)
def test_hdr_and_log_are_refused(transfer: Transfer, words: str) -> None:
    hdr = source(signal=replace(SIGNAL, transfer=transfer))
    with pytest.raises(SourceError, match=words):
        rules.plan(survey(shot(0, 0, 60)), ingest(of=hdr), settings())


def test_without_rebuilding_a_lost_instant_is_no_interpolation() -> None:
    gap = Gap(20, 21, GapKind.DUPLICATE, FrameRange(20, 21), "held")
    report = shot(0, 0, 60, gaps=(gap,))
    restoration = rules.plan(survey(report, gaps=(gap,)), ingest(), settings())
    assert restoration.time_map.count(SpanKind.INTERPOLATED) == 2
    (planned,) = restoration.shots
    bare = replace(planned, steps=tuple(step for step in planned.steps if step.stage != "gaps.rebuild"))
    edited = time_map((report,), (bare,), ingest(), 2)
    assert edited.count(SpanKind.INTERPOLATED) == 0
    assert edited.count(SpanKind.REPEATED) == 2


def test_faces_are_restored_where_they_are_followed() -> None:
    ones = np.ones(40)
    path = FacePath(0, np.array([[90.0, 0, 100, 100]] * 40), ones, np.zeros((40, 3)), ones, 0 * ones)
    face = TrackedFace(path, (), np.zeros((0, 256, 256, 3), np.uint8))
    followed = {0: ShotFaces(0, 40, 655, 480, (face,))}

    def said(tracked: dict[int, ShotFaces], *assignments: str) -> str:
        made = rules.plan(survey(shot(0, 0, 40)), ingest(), settings(*assignments), tracked=tracked)
        return next(one.why for one in (*made.shots[0].steps, *made.shots[0].skipped) if one.stage == "faces.restore")

    assert said(followed, "restoration.faces.restore=false") == "restoration.faces.restore = false"
    assert said(followed, "restoration.faces.enabled=false") == "restoration.faces.enabled = false"
    assert said({}) == "no face was followed through the shot"
    small = {0: replace(followed[0], faces=(replace(face, path=replace(path, crop=path.crop / 2)),))}
    assert "too small" in said(small)
    assert "chain = classical" in said(followed, "restoration.chain=classical")
    assert said(followed) == "1 of 1 followed faces can be restored; heights in lines: 61"
    made = rules.plan(survey(shot(0, 0, 40)), ingest(), settings(), tracked=followed)
    names = stages(made)
    assert names.index("faces.restore") == names.index("upscale.fine") + 1
