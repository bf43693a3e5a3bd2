"""The scheduler under open-loop load in virtual time, beside batchers with a fixed delay."""

import pytest
from serving_simulation import (
    MIX,
    FixedDelay,
    Ours,
    Outcome,
    accelerator_costs,
    capacity,
    cpu_costs,
    simulate,
    throughput_within,
)

from jaxrun.serve.buckets import Bucket

Costs = dict[Bucket, float]
TIMEOUT_SECONDS = 0.2
# Virtual seconds: as many as make some ten thousand requests.
TABLES = {"cpu": (cpu_costs(), 8.0), "accelerator": (accelerator_costs(), 1.5)}
tables = pytest.mark.parametrize(("costs", "seconds"), TABLES.values(), ids=TABLES)


def overloaded(costs: Costs, seconds: float, times: float, noise: float = 0.1) -> Outcome:
    return simulate(
        Ours(costs),
        costs,
        times * capacity(costs, MIX),
        seconds=seconds,
        timeout_seconds=TIMEOUT_SECONDS,
        noise=noise,
    )


@tables
def test_three_times_the_capacity_leaves_nine_tenths_of_it_as_goodput(
    costs: Costs, seconds: float
) -> None:
    outcome = overloaded(costs, seconds, 3.0)
    assert outcome.goodput >= 0.9 * capacity(costs, MIX)
    assert outcome.quantile(0.95) <= TIMEOUT_SECONDS


@tables
@pytest.mark.parametrize(("noise", "tolerated"), [(0.0, 0.0), (0.1, 0.001), (0.3, 0.01)])
def test_under_overload_promises_hold_about_as_well_as_costs(
    costs: Costs, seconds: float, noise: float, tolerated: float
) -> None:
    outcome = overloaded(costs, seconds, 3.0, noise)
    late = sum(each > TIMEOUT_SECONDS for each in outcome.latencies)
    unserved = sum(each > 0 for each in outcome.refusal_seconds)
    assert late + unserved <= tolerated * outcome.in_time
    assert outcome.goodput >= 0.9 * capacity(costs, MIX)


@tables
def test_overload_refuses_long_requests_no_more_than_short_ones(
    costs: Costs, seconds: float
) -> None:
    outcome = overloaded(costs, seconds, 3.0)
    shares = [outcome.in_time_by_length[each] / outcome.offered_by_length[each] for each in MIX]
    assert max(shares) <= 1.35 * min(shares)


@tables
def test_below_capacity_next_to_nothing_is_refused(costs: Costs, seconds: float) -> None:
    outcome = overloaded(costs, seconds, 0.85)
    assert outcome.in_time >= 0.99 * outcome.offered


@tables
def test_more_throughput_within_200_ms_than_with_a_fixed_delay(
    costs: Costs, seconds: float
) -> None:
    rates = [
        throughput_within(
            make, costs, TIMEOUT_SECONDS, highest=2 * capacity(costs, MIX), seconds=seconds, steps=5
        )
        for make in (
            lambda: Ours(costs),
            lambda: FixedDelay(),
            lambda: FixedDelay(one_queue=True),
        )
    ]
    ours, fixed, one_queue = rates
    assert ours >= fixed
    assert ours >= 2 * one_queue


@tables
def test_shorter_waits_at_part_load_than_with_a_fixed_delay(costs: Costs, seconds: float) -> None:
    rate = 0.3 * capacity(costs, MIX)
    ours, fixed = (
        simulate(make, costs, rate, seconds=seconds) for make in (Ours(costs), FixedDelay())
    )
    assert ours.quantile(0.5) < 0.8 * fixed.quantile(0.5)


def test_a_burst_is_followed_by_calm_within_its_own_length() -> None:
    costs = cpu_costs()
    usual = 0.5 * capacity(costs, MIX)
    outcome = simulate(
        Ours(costs),
        costs,
        usual,
        seconds=10.0,
        timeout_seconds=TIMEOUT_SECONDS,
        rate_at=lambda now: 6 * usual if 4.0 <= now < 5.0 else usual,
    )
    assert outcome.quantile(0.95) <= TIMEOUT_SECONDS
    served = outcome.in_time / outcome.seconds
    assert served >= 0.95 * (usual * 7 + 0.9 * 2 * usual) / outcome.seconds
