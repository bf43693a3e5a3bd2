"""The harness sees what it is there for: each broken operator is fine until something goes wrong,
and then is found out."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from disturbance import Disturbance
from jaxjob_scenarios import LIFE
from oracle import faults
from sabotage import SABOTAGES, sabotaged
from scenario import Scenario
from schedule import Outcome, play

Places = Callable[[Outcome, Outcome], list[Disturbance]]
"""Of the sound operator's undisturbed run and the broken one's."""


def near(number: int) -> list[int]:
    """What is written at the same moment may be written in another order."""
    return [number, number - 1, number + 1, number + 2]


def at_write(sort: str, pattern: str) -> Places:
    """The first write that matches."""

    def places(_: Outcome, broken: Outcome) -> list[Disturbance]:
        number = min(int(w.split()[0]) for w in broken.writes if re.search(pattern, w))
        return [Disturbance(sort, n) for n in near(number)]

    return places


def between_two_statuses(sound: Outcome, broken: Outcome) -> list[Disturbance]:
    """Where the broken one writes two at a moment when the sound one writes fewer."""

    def statuses(outcome: Outcome) -> list[list[str]]:
        return [w.split()[:2] for w in outcome.writes if "/status" in w]

    usual = Counter(at for _, at in statuses(sound))
    unusual = Counter(at for _, at in statuses(broken)) - usual
    pairs = [one for one, two in pairwise(statuses(broken)) if one[1] == two[1] and unusual[one[1]]]
    return [Disturbance("crash", number) for number in near(int(pairs[0][0]))]


def at_event(sort: str, plural: str, number: int) -> Places:
    return lambda _, __: [Disturbance(sort, number, plural)]


FOUND_OUT: dict[str, tuple[Scenario, Places, str]] = {
    "deletes the evidence before the verdict": (
        LIFE,
        at_write("crash", "DELETE .*-a0-s1"),
        "cause",
    ),
    "counts a restart, then restarts": (LIFE, between_two_statuses, "restarts"),
    "forgets what it missed": (LIFE, at_event("gap", "pods", 3), "is not reached"),
}


@pytest.mark.parametrize("sabotage", list(SABOTAGES))
def test_a_broken_operator_is_found_out(kubeconfig: str, sabotage: str) -> None:
    scenario, where, symptom = FOUND_OUT[sabotage]
    sound = play(kubeconfig, scenario, None)
    assert not sound.problem
    with sabotaged(sabotage):
        undisturbed = play(kubeconfig, scenario, None)
        assert not faults(sound, undisturbed), "broken in a way that shows at once"
        found: dict[str, list[str]] = {}
        for place in where(sound, undisturbed):
            found[str(place)] = faults(sound, play(kubeconfig, scenario, place))
            if any(symptom in fault for fault in found[str(place)]):
                break
        else:
            pytest.fail(f"not found out: {found}")
    assert not faults(sound, play(kubeconfig, scenario, place)), "the sound one bears it"
