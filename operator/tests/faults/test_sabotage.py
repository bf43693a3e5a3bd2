"""The harness sees what it is there for: each broken operator is fine until something goes wrong,
and then is found out."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from disturbance import Disturbance
from jaxjob_scenarios import LIFE, NAMESAKES
from oracle import faults
from sabotage import SABOTAGES, sabotaged
from scenario import Scenario
from schedule import Outcome, play

Places = Callable[[Outcome], list[Disturbance]]


def at_write(sort: str, pattern: str) -> Places:
    """The first write that matches."""

    def places(outcome: Outcome) -> list[Disturbance]:
        numbers = [int(w.split()[0]) for w in outcome.writes if re.search(pattern, w)]
        return [Disturbance(sort, min(numbers))]

    return places


def between_two_statuses(outcome: Outcome) -> list[Disturbance]:
    """Where two are written at the same moment."""
    statuses = [w.split()[:2] for w in outcome.writes if "/status" in w]
    pairs = [one for one, two in pairwise(statuses) if one[1] == two[1]]
    return [Disturbance("crash", int(pairs[0][0]))]


def at_event(sort: str, plural: str, number: int) -> Places:
    return lambda _: [Disturbance(sort, number, plural)]


FOUND_OUT: dict[str, tuple[Scenario, Places, str]] = {
    "deletes the evidence before the verdict": (
        LIFE,
        at_write("crash", "DELETE .*-a0-s1"),
        "cause",
    ),
    "deletes by name": (NAMESAKES, at_write("late", "DELETE .*-a0-s0"), "PeerLost"),
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
        (place,) = where(undisturbed)
        found = faults(sound, play(kubeconfig, scenario, place))
    assert any(symptom in fault for fault in found), f"{place}: {found}"
    assert not faults(sound, play(kubeconfig, scenario, place)), "the sound one bears it"
