"""What was measured; tables with ratios within the run, and whether the goals were met."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.serving.load import Latency, Load

PROMISE_P95_MILLISECONDS = 200.0
GOAL_RATIO = 2.0
PADDED_BY_HAND = "fastapi"
"""FastAPI by somebody who knows how JAX compiles: `fastapi-naive` is how people write it."""
GOAL_GOODPUT = 0.9
GOAL_REFUSAL_MILLISECONDS = 50.0

OURS = "jaxrun serve"


@dataclass(frozen=True)
class Level:
    """A run below capacity."""

    share: float
    """Of the server's capacity."""
    load: Load
    cpu_seconds: float
    """That the server used meanwhile."""

    @property
    def cpu_milliseconds_per_request(self) -> float:
        return 1000 * self.cpu_seconds / max(1, self.load.answered.count)


@dataclass(frozen=True)
class Served:
    """One server."""

    server: str
    ready_seconds: float
    """From its start until it answered."""
    first_milliseconds: float
    """The second request, as the first has found it ready."""
    capacity: float
    """Requests a second, at the promise."""
    levels: Sequence[Level]
    soak_seconds: float
    compilations: int
    """By XLA after the first answer, in all of the above."""
    overload: Load | None = None
    """At three times the capacity, each request with the promise as its deadline."""


@dataclass(frozen=True)
class Goal:
    what: str
    seen: str
    met: bool


def goals(measured: Sequence[Served]) -> list[Goal]:
    """Those that this run can tell of."""
    ours = next((served for served in measured if served.server == OURS), None)
    if ours is None:
        return []
    found = []
    peers = [served for served in measured if served is not ours]
    for whose, of_these in (
        ("the best batching or naive peer's", [p for p in peers if p.server != PADDED_BY_HAND]),
        ("FastAPI's, padded by hand,", [p for p in peers if p.server == PADDED_BY_HAND]),
    ):
        if of_these:
            best = max(of_these, key=lambda served: served.capacity)
            ratio = ours.capacity / best.capacity if best.capacity else float("inf")
            what = f"at least {GOAL_RATIO:g}x {whose} requests a second"
            found.append(Goal(what, f"{ratio:.2f}x {best.server}", ratio >= GOAL_RATIO))
    seen = f"{ours.compilations} in all, {ours.soak_seconds:.0f} s of them the soak"
    found.append(Goal("no compilation after ready", seen, ours.compilations == 0))
    if ours.overload is not None:
        found += _overload_goals(ours.overload, ours.capacity)
    return found


def _overload_goals(load: Load, capacity: float) -> list[Goal]:
    share = load.goodput / capacity if capacity else 0.0
    slowest = load.refused.longest
    refused_fast = slowest is not None and slowest < GOAL_REFUSAL_MILLISECONDS
    return [
        Goal(
            f"at 3x capacity, goodput of at least {GOAL_GOODPUT:.0%} of it",
            f"{share:.0%} in time, {load.late} late, {load.lost} lost",
            share >= GOAL_GOODPUT,
        ),
        Goal(
            f"every refusal in under {GOAL_REFUSAL_MILLISECONDS:.0f} ms",
            f"p50 {_ms(load.refused.p50)}, p99 {_ms(load.refused.p99)}, longest {_ms(slowest)} ms",
            refused_fast,
        ),
    ]


def report(measured: Sequence[Served]) -> str:
    told = [capacity_table(measured), latency_table(measured)]
    told += [
        f"{served.server} at 3x its capacity: {_overloaded(served.overload)}"
        for served in measured
        if served.overload is not None
    ]
    told.append(
        "\n".join(
            f"goal {'met' if goal.met else 'NOT met'}: {goal.what} ({goal.seen})"
            for goal in goals(measured)
        )
    )
    return "\n\n".join(told)


def capacity_table(measured: Sequence[Served]) -> str:
    """Markdown; the ratio is to the first server."""
    lines = [
        "| server | requests/s at p95 <= 200 ms | ratio | ready, s | first request, ms "
        "| compiled after ready |",
        f"|{'---|' * 6}",
    ]
    first = measured[0].capacity if measured else 0.0
    for served in measured:
        cells = [
            served.server,
            f"{served.capacity:.0f}",
            f"{served.capacity / first:.2f}" if first else "",
            f"{served.ready_seconds:.1f}",
            f"{served.first_milliseconds:.0f}",
            str(served.compilations),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def latency_table(measured: Sequence[Served]) -> str:
    """Markdown; milliseconds."""
    lines = [
        "| server | load | requests/s | p50, ms | p95, ms | p99, ms | CPU per request, ms "
        "| not answered |",
        f"|{'---|' * 8}",
    ]
    for served in measured:
        for level in served.levels:
            latency: Latency = level.load.answered
            cells = [
                served.server,
                f"{level.share:.0%}",
                f"{level.load.rate:.0f}",
                _ms(latency.p50),
                _ms(latency.p95),
                _ms(latency.p99),
                f"{level.cpu_milliseconds_per_request:.1f}",
                str(level.load.lost + level.load.refused.count),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _overloaded(load: Load) -> str:
    answered, refused = load.answered, load.refused
    return (
        f"{load.rate:.0f} requests/s sent, {load.goodput:.0f} answered in time a second "
        f"(p95 {_ms(answered.p95)} ms), {refused.count} refused "
        f"(p50 {_ms(refused.p50)}, p99 {_ms(refused.p99)}, longest {_ms(refused.longest)} ms), "
        f"{load.late} of those answered late, {load.lost} lost, "
        f"{load.expired} of them in the queue when their time ended"
    )


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"
