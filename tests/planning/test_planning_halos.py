"""Sharpened tapes are planned to be equalised by the edges of all their shots, and no others."""

from dataclasses import replace

from footlights.analysis import halos
from footlights.planning.halos import SEEN, of_shots, rule
from footlights.tape.camera import Detail
from footlights.tape.presets import NEUTRAL
from made_tapes import settings
from tape_views import Simulated, simulated, stage_scene


def tape(gain: float) -> Simulated:
    return simulated(replace(NEUTRAL, detail=Detail(gain_x=gain, frequency=2.4, gain_y=0.0)), list(stage_scene(40)))


def test_a_sharpened_tape_is_planned_to_be_equalised_and_another_is_not() -> None:
    plain, sharp = (halos.report(one.columns("halos"), one.shot) for one in (tape(0.0), tape(0.8)))
    assert min(*plain.edges, *sharp.edges) > 5
    assert (plain.before + plain.behind) / 2 < SEEN / 2
    assert (sharp.before + sharp.behind) / 2 > SEEN
    many = replace(sharp, edges=(400, 400))
    wanted = {"halos.equalise": (many, many), "of this shot": (replace(plain, edges=(900, 900)), many)}
    for words, (other, own) in wanted.items():
        step = rule(of_shots([other, own]), own, settings(), net=True)
        assert words in f"{step.stage} {step.why}"
        assert step.params["taps"]  # type: ignore[union-attr]
    for words, halo, assignment in (
        ("too few", replace(sharp, edges=(20, 400)), ()),
        ("of their own", replace(plain, edges=(400, 400)), ()),
        ("strength = 0", many, ("restoration.halos.strength=0",)),
    ):
        assert words in rule(of_shots([halo]), halo, settings(*assignment), net=False).why
