"""The last minute's numbers: exact enough, bounded, and forgotten in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.tally import STEP, WINDOW_SECONDS, Tally, Window

BUCKET = Bucket(8, ())


@given(st.lists(st.floats(0.0002, 100.0), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_quantiles_are_exact_to_a_step(latencies: list[float], part: float) -> None:
    window = Window()
    for latency in latencies:
        window.answered(latency, 100.0)
    ordered = sorted(latencies)
    rank = next(i for i in range(len(ordered)) if i + 1 >= part * len(ordered))
    (quantile,) = window.quantiles([part], 100.0)
    assert quantile == pytest.approx(ordered[rank], rel=STEP - 1)


def test_what_is_older_than_the_window_does_not_count_and_takes_no_memory() -> None:
    window = Window()
    for second in range(1000):
        window.answered(0.01, float(second))
    assert window.answers(999.0) == WINDOW_SECONDS
    assert window.answers(999.0 + WINDOW_SECONDS) == 0
    assert window.quantiles([0.5], 2000.0) == [None]
    assert len(window._ring) == WINDOW_SECONDS


def test_padding_is_the_part_of_executed_rows() -> None:
    tally = Tally()
    tally.executed(BUCKET, 6, 0.1, 5.0)
    tally.executed(BUCKET, 8, 0.1, 5.5)
    assert tally.window.padding(6.0) == pytest.approx(2 / 16)
    assert tally.padding_rows[BUCKET] == 2
    assert tally.window.busy_seconds(6.0) == pytest.approx(0.2)
