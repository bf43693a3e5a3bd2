"""How long before the device is free the next batch is decided on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxrun.serve.batching.lead import LEAST_SECONDS, MOST_SECONDS, Lead


def late(lead: Lead, seconds: float) -> None:
    """The device was without a batch for so long although somebody waited."""
    lead.observe(waited_since=1.0, free_at=2.0, came_at=2.0 + seconds)


def test_a_part_of_what_executes_and_more_of_it_with_a_full_batch_waiting() -> None:
    lead = Lead()
    assert lead.seconds(0.001, full=False) == LEAST_SECONDS
    assert lead.seconds(0.1, full=False) == pytest.approx(0.01)
    assert lead.seconds(0.1, full=True) == pytest.approx(0.05)


def test_longer_where_batches_come_late() -> None:
    lead = Lead()
    late(lead, 0.004)
    assert lead.seconds(0.01, full=False) == pytest.approx(LEAST_SECONDS + 0.004)


def test_forgotten_where_they_come_in_time() -> None:
    lead = Lead()
    late(lead, 0.004)
    for _ in range(200):
        late(lead, -0.001)
    assert lead.seconds(0.01, full=False) == LEAST_SECONDS


def test_nobody_is_late_for_who_came_last() -> None:
    lead = Lead()
    lead.observe(waited_since=1.999, free_at=2.0, came_at=2.1)
    assert lead.seconds(0.01, full=False) == LEAST_SECONDS


@given(st.lists(st.floats(-1.0, 10.0), max_size=50))
def test_within_its_bounds(latenesses: list[float]) -> None:
    lead = Lead()
    for seconds in latenesses:
        late(lead, seconds)
    assert LEAST_SECONDS <= lead.seconds(0.0, full=False) <= MOST_SECONDS


@given(takes=st.floats(0.001, 0.015))
def test_settles_at_what_the_host_takes(takes: float) -> None:
    """A batch is at the device `takes` after it was decided on."""
    lead, idle = Lead(), 0.0
    for number in range(400):
        lateness = takes - lead.seconds(0.0, full=False)
        late(lead, lateness)
        if number >= 100:
            idle += max(lateness, 0.0)
    assert idle / 300 <= 0.03 * takes
