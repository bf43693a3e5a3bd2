"""All schedules of a scenario: every fault at every write, and every loss of every event."""

import ctypes
import logging
import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

from disturbance import EVENT_FAULTS, WRITE_FAULTS, Disturbance, WriteFault, parse
from oracle import faults
from schedule import Outcome, play
from stories import SCENARIOS

PROCESSES = int(os.environ.get("JAXOP_FAULTS_PROCESSES", (os.cpu_count() or 1) + 1))
ALWAYS: tuple[WriteFault, ...] = ("crash", "lost-answer")
SHOWN = 5
"""Failed schedules that are shown in full."""


@dataclass
class Report:
    """What was run, by sort of disturbance, and what went wrong."""

    scenario: str
    undisturbed: Outcome
    run: Counter[str] = field(default_factory=Counter)
    failed: dict[str, tuple[Outcome, list[str]]] = field(default_factory=dict)
    played_again: list[Outcome] = field(default_factory=list)
    most_writes: int = 0
    most_requests: int = 0

    def __str__(self) -> str:
        lines = [
            f"{self.scenario}: {self.run.total()} schedules, "
            f"{self.run.total() - len(self.failed)} converged; undisturbed "
            f"{self.undisturbed.carried_out} writes, {sum(self.undisturbed.events.values())} events"
        ]
        lines.append("  " + ", ".join(f"{sort} {count}" for sort, count in self.run.items()))
        lines.append(
            f"  at most {self.most_writes - self.undisturbed.carried_out} writes more, and "
            f"{self.most_requests} requests in 10 s ({self.undisturbed.peak_requests} undisturbed)"
        )
        for outcome in self.played_again:
            lines += [f"  {outcome.schedule}, the operator's writes:"]
            lines += [f"    {write}" for write in outcome.writes]
        for name, (outcome, found) in list(self.failed.items())[:SHOWN]:
            lines += ["", f"{name} did not converge:", *(f"  - {fault}" for fault in found)]
            lines += ["  the operator's writes:", *(f"    {write}" for write in outcome.writes)]
            lines.append(f"  again: make faults SCHEDULE={name}")
        others = list(self.failed)[SHOWN:]
        if others:
            lines += ["", f"and {len(others)} more: {', '.join(others)}"]
        return "\n".join(lines)


def disturbances(
    undisturbed: Outcome, *, whole: bool, long: bool, every: int = 1
) -> list[Disturbance]:
    """All that there are for a run with so many writes and events; or, if not `whole`, at every
    write its crash, its lost answer and one of the others in turn, and one loss of every event. Of
    a `long` story one of the three at every write, and a loss of every second event; or, with
    `every`, only at every nth of them. It shares no factor with the numbers of sorts, so that
    all sorts have their turn."""
    writes = range(1, undisturbed.sent + 1)
    events = [
        (plural, number)
        for plural, count in sorted(undisturbed.events.items())
        for number in range(1, count + 1)
    ]
    if whole:
        at_writes = [Disturbance(sort, number) for sort in WRITE_FAULTS for number in writes]
        at_events = [Disturbance(sort, i, of) for sort in EVENT_FAULTS for of, i in events]
        return at_writes + at_events
    others = [sort for sort in WRITE_FAULTS if sort not in ALWAYS]
    turn = sum(map(ord, undisturbed.schedule))
    sorts = [(*ALWAYS, others[(turn + n) % len(others)]) for n in writes]
    lost = [
        Disturbance(EVENT_FAULTS[number % len(EVENT_FAULTS)], index, plural)
        for number, (plural, index) in enumerate(events, turn)
    ]
    if long:
        at_writes = [Disturbance(sorts[n - 1][(turn + n) % len(sorts[n - 1])], n) for n in writes]
        return at_writes[::every] + lost[:: 2 * every]
    at_writes = [Disturbance(each[i], n) for i in range(3) for n, each in enumerate(sorts, 1)]
    return at_writes + lost


def sweep(
    kubeconfig: str, scenario: str, *, whole: bool = False, only: Sequence[str] = ()
) -> Report:
    """`only` names disturbances, such as crash@7. Raises AssertionError if the undisturbed run is
    not the same each time."""
    with _processes() as pool:
        first, second = pool.map(_play, [(kubeconfig, scenario, "")] * 2)
        assert not first.problem, f"undisturbed: {first.problem}\n" + "\n".join(first.writes)
        found = [*faults(first, second), *faults(second, first)]
        assert not found, f"undisturbed, twice: {found}"
        report = Report(scenario, first)
        chosen = [parse(text) for text in only] or disturbances(
            first, whole=whole, long=SCENARIOS[scenario].long, every=SCENARIOS[scenario].every
        )
        for outcome in _all(pool, kubeconfig, scenario, chosen):
            if not outcome.fired and not outcome.problem:
                continue
            sort = outcome.schedule.partition("/")[2].partition("@")[0]
            report.run[sort] += 1
            report.most_writes = max(report.most_writes, outcome.carried_out)
            report.most_requests = max(report.most_requests, outcome.peak_requests)
            if found := faults(first, outcome):
                report.failed[outcome.schedule] = outcome, found
            elif only:
                report.played_again.append(outcome)
    return report


def _all(
    pool: ProcessPoolExecutor, kubeconfig: str, scenario: str, chosen: Iterable[Disturbance]
) -> Iterator[Outcome]:
    futures = [pool.submit(_play, (kubeconfig, scenario, str(each))) for each in chosen]
    for future in as_completed(futures):
        yield future.result()


def _play(what: tuple[str, str, str]) -> Outcome:
    kubeconfig, scenario, disturbance = what
    return play(kubeconfig, SCENARIOS[scenario], parse(disturbance) if disturbance else None)


@contextmanager
def _processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(
        PROCESSES, mp_context=get_context("spawn"), initializer=_die_with_parent
    ) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _die_with_parent() -> None:
    logging.disable(logging.CRITICAL)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
