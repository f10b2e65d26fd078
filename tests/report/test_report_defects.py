"""Defects from measurements: names, severities, the map, the verdict; pages and tables stay small on any tape."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from footlights.core.defects import Defect
from footlights.core.products import JobResult
from footlights.core.reports import CadenceKind, ShotReport, StageReport, Survey
from footlights.core.signal import FieldOrder
from footlights.core.sound_reports import SoundReport
from footlights.core.source import Gap, GapKind, Ingest
from footlights.core.tape_reports import Conversion, ConversionReport
from footlights.core.time import FrameRange
from footlights.planning import rules
from footlights.report import brief, defectmap, page, summary, tables
from footlights.report.dictionary import DICTIONARY
from footlights.report.findings import Found, Severity, find
from footlights.report.shown import MOST_SHOTS
from footlights.report.story import Pictures, Story
from footlights.report.verdict import mended, suffering, unmended
from footlights.restoration.base import STAGES
from made_tapes import interlaced, measured, noisy, panned, settings, surveyed, texture

PAL = Fraction(25)
Tape = tuple[Ingest, Survey, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    frames = noisy(interlaced(lambda instant: panned(texture(1), instant), 6), 3.0)
    taken, survey = surveyed(frames, tmp_path_factory.mktemp("tape"))
    return taken.ingest, survey, measured(taken)


def with_shots(survey: Survey, count: int, length: int = 1) -> Survey:
    """The survey of a tape with many shots like its first."""
    first = survey.shots[0]
    shots = tuple(
        replace(first, shot=replace(first.shot, index=n, frames=FrameRange(n * length, (n + 1) * length)))
        for n in range(count)
    )
    stage = StageReport((0,) * count, (0,) * count, (0.0,) * count, (), "test")
    return replace(survey, shots=shots, frames=count * length, stage=stage)


def worn(report: ShotReport) -> ShotReport:
    return replace(
        report,
        noise=replace(report.noise, luma_sigma=6.0, cb_sigma=3.0),
        dropouts=replace(report.dropouts, count=40, rate=2.0),
        borders=replace(report.borders, switch_lines=4),
        exposure=replace(report.exposure, clipped_share=0.02, flicker=2.0),
    )


def test_every_name_has_an_entry_and_every_stage_named_there_exists() -> None:
    assert set(DICTIONARY) == set(Defect)
    assert {stage for entry in DICTIONARY.values() for stage in entry.stages} <= set(STAGES.names())
    assert all(entry.looks and entry.cause and entry.measured and entry.treated for entry in DICTIONARY.values())


def test_measurements_become_names_and_severities(tape: Tape) -> None:
    ingest, survey, _ = tape
    survey = replace(survey, shots=(worn(survey.shots[0]),))
    found = {one.defect: one.severity for one in find(JobResult(ingest, survey))}
    assert found[Defect.NOISE] is Severity.HEAVY
    assert found[Defect.FLICKER] is Severity.MARKED
    assert found[Defect.CHROMA_NOISE] is Severity.MARKED
    assert found[Defect.DROPOUT] is Severity.HEAVY
    assert found[Defect.HEAD_SWITCHING] is Severity.MARKED
    assert found[Defect.CLIPPING] is Severity.SLIGHT


@pytest.mark.parametrize(
    ("codec", "own", "words"),
    [
        ("ffv1", (), "compressed before it was stored as ffv1"),
        ("mpeg2video", (4.0, 4.0), "an earlier generation: mpeg2video of this file has 4.0"),
        ("mpeg2video", (12.0, 0.0), "mpeg2video of this file"),
    ],
)
def test_a_quantiser_in_the_pictures_is_held_against_the_files_own(
    tape: Tape, codec: str, own: tuple[float, ...], words: str
) -> None:
    ingest, survey, _ = tape
    ingest = replace(ingest, source=replace(ingest.source, codec=codec), quantisers=own)
    shot = survey.shots[0]
    coarse = replace(shot, quantiser=replace(shot.quantiser, step=12.0, matrix="mpeg", frames=2, confidence=0.9))
    (found,) = (
        one for one in find(JobResult(ingest, replace(survey, shots=(coarse,)))) if one.defect is Defect.QUANTISATION
    )
    assert found.severity is Severity.MARKED
    assert found.value.endswith(words)
    unsure = replace(shot, quantiser=replace(coarse.quantiser, confidence=0.2))
    named = {one.defect for one in find(JobResult(ingest, replace(survey, shots=(unsure,))))}
    assert Defect.QUANTISATION not in named


def test_a_conversion_by_blending_is_named_and_said_to_stay(tape: Tape) -> None:
    ingest, survey, _ = tape
    shot = survey.shots[0]
    for confidence, named in ((0.8, True), (0.2, False)):
        mixed = ConversionReport(Conversion.PAL_TO_NTSC, 6.03, 0.2, 0.5, confidence, "test")
        found = find(JobResult(ingest, replace(survey, shots=(replace(shot, conversion=mixed),))))
        told = [one for one in found if one.defect is Defect.BLENDED_FIELDS]
        assert [one.severity for one in told] == [Severity.MARKED] * named
        assert ("Mixtures stay" in unmended(found)) is named


def test_outlines_above_and_below_edges_are_named_with_those_beside_them(tape: Tape) -> None:
    ingest, survey, _ = tape
    shot = survey.shots[0]
    for above, edges, severity in ((0.12, 50, Severity.MARKED), (0.12, 10, None), (0.04, 50, None)):
        across = replace(shot.halos, above=above, below=above, across=(edges, edges), edges=(0, 0))
        found = find(JobResult(ingest, replace(survey, shots=(replace(shot, halos=across),))))
        told = [one for one in found if one.defect is Defect.HALOS]
        assert [one.severity for one in told] == ([severity] if severity else [])
        assert all("above and" in one.value for one in told)


def test_gaps_are_named_after_what_is_missing(tape: Tape) -> None:
    ingest, survey, _ = tape
    gaps = (
        Gap(3, 3, GapKind.LOST, FrameRange(3, 5), "hole"),
        Gap(4, 5, GapKind.DUPLICATE, FrameRange(4, 5), "equal"),
        Gap(5, 6, GapKind.DUPLICATE, FrameRange(5, 6), "equal", fields=1),
        Gap(6, 6, GapKind.DAMAGED, FrameRange(6, 7), "torn"),
    )
    found = {one.defect: one.severity for one in find(JobResult(ingest, replace(survey, gaps=gaps)))}
    assert found[Defect.LOST_FRAME] is Severity.HEAVY, "two in a row"
    assert found[Defect.DUPLICATE_FRAME] is Severity.MARKED
    assert {Defect.LOST_FIELD, Defect.DAMAGED_FRAME} <= set(found)


def test_the_verdict_says_what_is_done_and_what_stays(tape: Tape) -> None:
    ingest, survey, _ = tape
    survey = replace(survey, shots=(worn(survey.shots[0]),))
    scanned = JobResult(ingest, survey)
    found = find(scanned)
    worst = suffering(scanned, found)
    assert worst[0].worst is Severity.HEAVY
    assert "throughout" in worst[0].how
    assert mended(scanned, found) == "", "a scan plans nothing"
    planned = replace(scanned, plan=rules.plan(survey, ingest, settings()))
    assert "neighbouring fields along the motion" in mended(planned, found)
    assert "nothing invents it" in unmended(found)
    assert unmended(()) == ""


def test_the_verdict_says_what_could_not_be_measured_instead_of_nothing(tape: Tape) -> None:
    """Of very short shots neither noise nor cadence is known: no zero is reported, and no few shots speak for all."""
    ingest, survey, _ = tape
    many = with_shots(survey, 200)
    first = many.shots[0]
    mute = replace(first, noise=replace(first.noise, luma_sigma=0.0, confidence=0.0))
    mute = replace(mute, cadence=replace(mute.cadence, confidence=0.0))
    film = replace(first.cadence, kind=CadenceKind.PROGRESSIVE, confidence=1.0)
    shots = [replace(mute, shot=one.shot) for one in many.shots]
    unknown = summary.verdict(JobResult(ingest, replace(many, shots=tuple(shots))))
    assert "interlaced video (top-first)" in unknown
    assert "Its noise could not be measured." in unknown
    shots[7] = replace(first, shot=shots[7].shot, cadence=film)
    few = summary.verdict(JobResult(ingest, replace(many, shots=tuple(shots))))
    assert "interlaced video (top-first)" in few
    assert "in the 1 shot that show" not in few
    assert f"in 1 of 200 shots (sigma {first.noise.luma_sigma:.1f} codes)" in few


@pytest.mark.parametrize("sigma", [0.2, 0.7, 1.6, 2.4, 3.0, 4.5, 7.0])
def test_the_verdict_and_the_list_of_defects_call_noise_the_same(tape: Tape, sigma: float) -> None:
    ingest, survey, _ = tape
    one = survey.shots[0]
    noisy_survey = replace(survey, shots=(replace(one, noise=replace(one.noise, luma_sigma=sigma)),))
    result = JobResult(ingest, noisy_survey)
    listed = next((found.severity.name.title() for found in find(result) if found.defect is Defect.NOISE), None)
    words = ("Clean", "Little noise") if listed is None else (f"{listed} noise",)
    assert any(f"{word} (sigma {sigma:.1f} codes)" in summary.verdict(result) for word in words)


@pytest.mark.parametrize(
    ("kind", "size", "listed"),
    [
        (CadenceKind.PROGRESSIVE, (848, 480), False),
        (CadenceKind.PROGRESSIVE, (720, 576), True),
        (CadenceKind.INTERLACED, (848, 480), True),
    ],
)
def test_what_only_heads_do_is_not_said_of_a_file_that_no_deck_made(
    tape: Tape, kind: CadenceKind, size: tuple[int, int], *, listed: bool
) -> None:
    ingest, survey, _ = tape
    ingest = replace(ingest, source=replace(ingest.source, width=size[0], height=size[1]))
    one = worn(survey.shots[0])
    result = JobResult(ingest, replace(survey, shots=(replace(one, cadence=replace(one.cadence, kind=kind)),)))
    found = {each.defect for each in find(result)}
    assert {Defect.DROPOUT in found, Defect.HEAD_SWITCHING in found, "40 dropouts" in summary.verdict(result)} == {
        listed
    }
    assert Defect.NOISE in found


def test_one_of_a_kind_is_told_in_the_singular(tape: Tape) -> None:
    ingest, survey, _ = tape
    one = survey.shots[0]
    lit = replace(one, exposure=replace(one.exposure, flashes=1))
    lines = "\n".join(brief.lines(JobResult(ingest, replace(survey, shots=(lit,)))))
    assert "; 1 flash\n" in lines


def test_a_defect_of_the_whole_tape_is_not_said_to_be_in_the_sound(tape: Tape) -> None:
    ingest, survey, _ = tape
    levels = Found(Defect.SETUP, None, FrameRange(0, 6), Severity.MARKED, "codes 34 to 120")
    hum = replace(levels, defect=Defect.SOUND_HUM)
    setup, heard = suffering(JobResult(ingest, survey), (levels, hum))
    assert (setup.how, heard.how) == ("marked, told by the tape as a whole", "marked, in the sound")


def test_the_map_shows_dropouts_where_they_are(tape: Tape) -> None:
    ingest, survey, _ = tape
    survey = replace(survey, shots=(worn(survey.shots[0]),))
    counts = np.zeros(6, np.float32)
    counts[4] = 3
    row = defectmap.rows(survey, find(JobResult(ingest, survey)), counts)[Defect.DROPOUT]
    assert list(np.flatnonzero(row)) == [4]


@pytest.mark.parametrize("frames", [0, 1, 10, 25 * 3600 * 30])
def test_a_map_of_any_length_has_few_marks(frames: int) -> None:
    survey = Survey((), frames, (), (0, 0, 720, 576), FieldOrder.UNKNOWN, "test")
    drawing = ElementTree.fromstring(defectmap.draw(survey, PAL, {}))
    times = [text.text for text in drawing.iter("text")][1:]
    assert times[0] == "0.0 s"
    assert len(times) <= 20


def test_ten_thousand_shots_of_one_frame_are_a_bounded_page(tape: Tape) -> None:
    ingest, survey, _ = tape
    count = 10_000
    survey = with_shots(replace(survey, shots=(worn(survey.shots[0]),)), count)
    ingest = replace(ingest, frames=count, slots=tuple(range(count)))
    series = {"exposure.mean": np.ones(count, np.float32), "dropouts.count": np.ones(count, np.float32)}
    text = page.render(Story(JobResult(ingest, survey), series, Pictures()))
    assert len(text) < 2_000_000
    assert text.count('class="shot"') == MOST_SHOTS
    assert f"{count - MOST_SHOTS} more are in report.json" in text


def test_tables_hold_every_shot_and_frame(tape: Tape) -> None:
    ingest, survey, series = tape
    result = JobResult(ingest, replace(survey, shots=(worn(survey.shots[0]),)))
    (row,) = csv.DictReader(io.StringIO(tables.shots_csv(result, find(result))))
    assert (row["start"], row["stop"], row["noise.luma_sigma"]) == ("0", "6", "6.0")
    assert "noise (heavy)" in row["defects"]
    frames = list(csv.DictReader(io.StringIO("".join(tables.frames_csv(result, series)))))
    assert [int(one["frame"]) for one in frames] == list(range(6))
    assert float(frames[2]["exposure.mean"]) == pytest.approx(series["exposure.mean"][2], rel=1e-5)
    assert frames[0]["noise.luma"] == "" or np.isfinite(float(frames[0]["noise.luma"]))


def test_a_tape_without_shots_makes_empty_tables(tape: Tape, tmp_path: Path) -> None:
    ingest, survey, _ = tape
    result = JobResult(replace(ingest, frames=0, slots=()), replace(survey, shots=(), frames=0))
    assert tables.shots_csv(result, ()) == "shot\r\n"
    assert list(tables.frames_csv(result, {})) == ["frame,slot\r\n"]


def heard(**facts: object) -> SoundReport:
    clean = SoundReport(1, 2, False, -23, 5, -3, 0, 0, 0, -120, 0, (), 0, 0, 0.5, 0, 0, "test")
    return replace(clean, **facts)


def test_defects_of_the_sound_have_their_own_names(tape: Tape) -> None:
    ingest, survey, _ = tape
    bad = heard(clipped=20, hum_frequency=60, hum_level=-50, balance=-8, correlation=-0.9, missing=0.2, drift=1e6)
    sound = (bad, heard(dropouts=2, dropout_seconds=(0.05, 0.1)))
    found = [one for one in find(JobResult(ingest, survey, sound)) if one.shot is None]
    severities = {one.defect: one.severity for one in found}
    assert severities[Defect.SOUND_PHASE] is Severity.HEAVY
    assert {one for one in Defect if one.startswith("sound-")} == set(severities)
    assert [one.frames.start for one in found if one.defect is Defect.SOUND_DROPOUT] == [1, 2]
    assert not [one for one in find(JobResult(ingest, survey, (heard(), heard(silent=True)))) if one.shot is None]


def test_a_terminal_gets_at_most_twenty_lines(tape: Tape) -> None:
    ingest, survey, _ = tape
    bad = heard(clipped=20, hum_frequency=60, hum_level=-50, balance=-8, correlation=-0.9, missing=0.2, drift=1e6)
    survey = replace(survey, shots=(worn(survey.shots[0]),))
    result = JobResult(ingest, survey, (bad,) * 8, rules.plan(survey, ingest, settings()), warnings=("x",) * 50)
    told = brief.lines(result)
    assert len(told) <= brief.LINES
    assert any("Sound 1: -23.0 LUFS" in line for line in told)
    assert "Sound: none" in brief.lines(JobResult(ingest, survey))


def test_the_page_tells_of_the_sound_or_that_there_is_none(tape: Tape) -> None:
    ingest, survey, series = tape
    series = {**series, "sound.loudness.1": np.full(6, -23, np.float32)}
    text = page.render(Story(JobResult(ingest, survey, (heard(), heard(silent=True))), series, Pictures()))
    assert "-23.0 LUFS, range 5.0 LU" in text
    assert "silent: nothing above -70 LUFS" in text
    assert "Loudness of track 1" in text
    assert "The tape has no sound." in page.render(Story(JobResult(ingest, survey), {}, Pictures()))
