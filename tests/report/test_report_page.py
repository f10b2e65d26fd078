"""The report: self-contained, safe against what files call themselves, and with everything a script may ask for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from footlights.core.plans import RestorationPlan
from footlights.core.products import Check, JobResult, MasterFacts
from footlights.core.source import AudioStream, GapKind
from footlights.planning import rules
from footlights.report import page, summary
from footlights.report.pictures import jpeg
from footlights.report.story import Pictures, Series, Story
from made_tapes import TakenIn, interlaced, measured, noisy, panned, settings, surveyed, texture

FRAMES, CUT, HELD = 24, 12, 18
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}&amp;"


@dataclass(frozen=True, slots=True)
class Known:
    """A small tape with a cut and a repeated frame, and all that a job knows of it before it is restored."""

    result: JobResult
    series: Series


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    scenes = texture(1), texture(7)
    frames = interlaced(lambda instant: panned(scenes[instant >= 2 * CUT], instant), FRAMES)
    frames = noisy(frames, 2.0)
    frames[HELD] = frames[HELD - 1]
    taken, survey = surveyed(frames, tmp_path_factory.mktemp("tape"))
    plan = rules.plan(survey, taken.ingest, settings())
    return Known(JobResult(taken.ingest, survey, plan=plan), _series(taken))


def _series(taken: TakenIn) -> Series:
    return measured(taken, settings("analysis.faces.enabled=false"))


class Read(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((name, value or "") for name, value in attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, *names: str) -> list[str]:
        return [value for name, value in self.attributes if name in names]


def rendered(known: Known, result: JobResult | None = None) -> Read:
    picture = jpeg(np.full((48, 64, 3), 90, np.uint8))
    shots = {report.shot.index: picture for report in known.result.survey.shots}
    pictures = Pictures(shots, pairs=(("before and after", picture),))
    return Read(page.render(Story(result or known.result, known.series, pictures)))


def test_the_page_loads_nothing_from_anywhere(known: Known) -> None:
    read = rendered(known)
    sources, targets = read.of("src", "srcset", "data", "poster"), read.of("href", "xlink:href", "action")
    assert len(sources) == 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert {"#shot-0", "#shot-1", "#defect-noise", "#defect-duplicate-frame"} <= set(targets)
    assert set(targets) <= {f"#{name}" for name in read.of("id")}, "every name leads to its entry"
    assert not {"link", "iframe", "object", "embed", "base", "form"} & set(read.tags)
    assert not re.search(r"url\(|@import|expression\(", "".join([*read.words, *read.of("style")]))


def test_the_policy_allows_no_script_but_the_cursor(known: Known) -> None:
    text = page.render(Story(known.result, known.series, Pictures()))
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    assert policy in Read(text).of("content")
    assert not re.search(r"fetch|XMLHttpRequest|import\(|innerHTML|eval", script)


def test_every_picture_and_plot_has_words_for_those_who_cannot_see_it(known: Known) -> None:
    read = rendered(known)
    assert len(read.of("alt")) == read.tags.count("img")
    assert all(read.of("alt"))
    assert len(read.of("aria-label")) == read.tags.count("svg") >= 9
    assert ("lang", "en") in read.attributes


def test_hostile_names_are_text_and_nothing_else(known: Known) -> None:
    ingest, survey = known.result.ingest, known.result.survey
    audio = (AudioStream(1, HOSTILE, 48000, 2, None, None, HOSTILE),)
    source = replace(
        ingest.source, name=HOSTILE, codec=HOSTILE, container=HOSTILE, timecode=HOSTILE, notes=(HOSTILE,), audio=audio
    )
    shot = survey.shots[0]
    shot = replace(shot, exposure=replace(shot.exposure, light=HOSTILE))
    gap = replace(survey.gaps[0], evidence=HOSTILE, timecode=HOSTILE)
    plan = known.result.plan
    assert plan is not None
    step = replace(plan.shots[0].steps[0], why=HOSTILE, stage=HOSTILE)
    plan = replace(plan, notes=(HOSTILE,), shots=(replace(plan.shots[0], steps=(step,)), *plan.shots[1:]))
    result = replace(
        known.result,
        ingest=replace(ingest, source=source),
        survey=replace(survey, shots=(shot, *survey.shots[1:]), gaps=(gap,)),
        plan=plan,
        warnings=(HOSTILE,),
        settings={HOSTILE: HOSTILE},
        checks=(Check(HOSTILE, False, HOSTILE, HOSTILE),),
        timings={HOSTILE: 1.0},
    )
    plain, read = rendered(known), rendered(known, result)
    assert read.tags.count("script") == 1
    assert read.tags.count("img") == plain.tags.count("img")
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert "".join(read.words).count(HOSTILE) >= 16
    assert "49" not in {word.strip() for word in read.words}, "a template inside a name is not run"


def test_report_json_holds_what_is_promised(known: Known) -> None:
    data = strict(summary.as_json(known.result))
    plan = known.result.plan
    assert plan is not None
    assert (data["frames_in"], data["frames_out"]) == (FRAMES, 2 * FRAMES)
    assert (data["rate_in"], data["rate_out"]) == ("25", "50")
    assert [(shot["start"], shot["stop"]) for shot in data["shots"]] == [(0, CUT), (CUT, FRAMES)]
    steps = [step for shot in data["shots"] for step in shot["steps"]]
    assert {"fieldlift.restore", "upscale.fine"} <= {step["stage"] for step in steps}
    assert all(step["why"] and step["version"] for step in steps)
    assert all(skipped["why"] for shot in data["shots"] for skipped in shot["skipped"])
    assert all(shot["measured"]["noise"]["luma_sigma"] > 1 for shot in data["shots"])
    (gap,) = data["gaps"]
    assert (gap["kind"], gap["start"], gap["stop"]) == (GapKind.DUPLICATE, HELD, HELD + 1)
    assert data["master"] is None
    assert data["renditions"] == []


def test_report_json_is_written_with_every_shot_on_a_line_of_its_own(known: Known) -> None:
    data = summary.as_json(known.result)
    text = summary.as_text(data)
    assert json.loads(text) == json.loads(json.dumps(data))
    lines = text.splitlines()
    first = lines.index(' "shots": [') + 1
    shots = [json.loads(line.rstrip(",")) for line in lines[first : first + len(data["shots"])]]
    assert [shot["start"] for shot in shots] == [0, CUT]
    assert len(text) < len(json.dumps(data, indent=1))


def test_report_json_of_a_scan_promises_no_output(known: Known) -> None:
    data = strict(summary.as_json(replace(known.result, plan=None)))
    assert (data["frames_in"], data["frames_out"], data["rate_out"], data["plan"]) == (FRAMES, None, None, None)
    assert all(shot["steps"] == [] for shot in data["shots"])


def test_the_verdict_says_planned_until_there_is_a_master(known: Known) -> None:
    facts = MasterFacts("master.mkv", 1, 320, 240, 2 * FRAMES, known.result.ingest.source.rate * 2, "av1", "0" * 64)
    planned, made = summary.verdict(known.result), summary.verdict(replace(known.result, master=facts))
    assert "Planned: " in planned
    assert "Done: " in made
    assert "interlaced video (top-first) at 25.00 frames a second in 2 shots" in planned
    assert "1 frame repeated" in planned


@pytest.mark.parametrize("level", [16, 128, 235])
def test_a_tape_that_shows_nothing_still_makes_json_and_a_page(tmp_path: Path, level: int) -> None:
    """Flat pictures have no noise to correlate and no edge to measure; what cannot be measured must not be NaN."""
    taken, survey = surveyed([np.full((288, 352), level, np.float32)] * 4, tmp_path / "flat", order="prog")
    plan: RestorationPlan = rules.plan(survey, taken.ingest, settings())
    result = JobResult(taken.ingest, survey, plan=plan)
    strict(summary.as_json(result))
    text = page.render(Story(result, _series(taken), Pictures()))
    assert "nan" not in "".join(Read(text).words).lower().split()


def strict(data: dict[str, Any]) -> dict[str, Any]:
    """The data as a strict reader gets it."""
    loaded: dict[str, Any] = json.loads(json.dumps(data), parse_constant=_no_constant)
    return loaded


def _no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is no JSON")
