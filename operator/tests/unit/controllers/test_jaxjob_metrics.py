"""What the JaxJob controller counts, from statuses as they change; and that its page says so."""

import re
from pathlib import Path
from typing import Any, get_args

import jaxop.controllers.compilecache.metrics
import jaxop.controllers.jaxservice.metrics
import jaxop.kube.metrics  # noqa: F401 - registers the core's
import pytest
from jaxop.api.v1alpha1.jaxjob_status import Goodput, JaxJobStatus
from jaxop.app.metrics import collectors
from jaxop.controllers.jaxjob import metrics
from jaxop.domain.jaxjob.telling.goodput import PARTS
from jaxop.domain.jaxjob.telling.recoveries import How, recoveries
from jaxop.kube.resources import COMPILECACHES, JAXJOBS, JAXSERVICES
from jaxop.kube.store import ObjectStore
from prometheus_client import REGISTRY
from prometheus_client.core import Metric

PAGE = Path(__file__).parents[4] / "docs" / "metrics.md"


def entry(state: str, clock: str, attempt: int = 0, **fields: Any) -> dict[str, Any]:
    reason = "ProgramError" if state == "Restarting" else "x"
    time = f"2026-11-21T12:{clock}.000000Z"
    return {"state": state, "reason": reason, "attempt": attempt, "time": time, **fields}


def a_status(*timeline: dict[str, Any], **fields: Any) -> JaxJobStatus:
    return JaxJobStatus.model_validate({"timeline": timeline, **fields})


RUNS = entry("Running", "00:10")
FAILS = entry("Restarting", "05:00", epoch=1, lostSteps=7)
RUNS_AGAIN = entry("Running", "05:03", epoch=2)
FAILS_AS_A_WHOLE = entry("Restarting", "06:00", attempt=1, lostSteps=2)
RUNS_IN_NEW_PODS = entry("Running", "06:40", attempt=1)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Growth:
    """By how much a sample has grown."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._before = value(name, **labels)

    @property
    def by(self) -> float:
        return round(value(self._name, **self._labels) - self._before, 6)


class TestRecoveries:
    def test_in_place_and_with_new_pods(self) -> None:
        timeline = a_status(RUNS, FAILS, RUNS_AGAIN, FAILS_AS_A_WHOLE, RUNS_IN_NEW_PODS).timeline
        assert [(r.how, r.seconds) for r in recoveries(timeline)] == [
            ("InPlace", 3.0),
            ("Recreate", 40.0),
        ]

    def test_one_that_never_ran_again(self) -> None:
        timeline = a_status(RUNS, FAILS, entry("Compiling", "05:02"), FAILS_AS_A_WHOLE).timeline
        assert [r.seconds for r in recoveries(timeline)] == [None, None]

    @pytest.mark.parametrize(
        ("first", "how"),
        [
            (entry("Restarting", "05:00", attempt=0), "InPlace"),
            (entry("Restarting", "05:00", attempt=3, epoch=4), "InPlace"),
            (entry("Restarting", "05:00", attempt=3), "Recreate"),
        ],
    )
    def test_of_a_timeline_that_was_cut(self, first: dict[str, Any], how: How) -> None:
        assert [r.how for r in recoveries(a_status(first).timeline)] == [how]


class TestRestarts:
    def test_each_counts_by_its_own_cause_and_how(self) -> None:
        in_place = Growth("jaxop_jaxjob_restarts_total", cause="ProgramError", how="InPlace")
        recreated = Growth("jaxop_jaxjob_restarts_total", cause="ProgramError", how="Recreate")
        steps = Growth("jaxop_jaxjob_lost_steps_total")
        old = a_status(RUNS)
        failing = a_status(RUNS, FAILS, restarts=1)
        metrics.count(old, failing, None)
        assert (in_place.by, recreated.by, steps.by) == (1, 0, 7)
        again = a_status(RUNS, FAILS, RUNS_AGAIN, FAILS_AS_A_WHOLE, restarts=2, attempt=1)
        metrics.count(failing, again, None)
        metrics.count(again, again, None)
        assert (in_place.by, recreated.by, steps.by) == (1, 1, 9)

    def test_restarts_that_no_timeline_tells_of_count_too(self) -> None:
        lost = Growth("jaxop_jaxjob_restarts_total", cause="PeerLost", how="InPlace")
        failure = {"cause": "PeerLost", "message": "x"}
        metrics.count(a_status(RUNS), a_status(RUNS, restarts=3, failure=failure), None)
        assert lost.by == 3

    def test_a_new_attempt_alone_is_no_restart(self) -> None:
        before = [s for m in metrics.RESTARTS.collect() for s in m.samples]
        metrics.count(a_status(RUNS), a_status(RUNS, attempt=1), None)
        assert [s for m in metrics.RESTARTS.collect() for s in m.samples] == before

    def test_time_to_recover_is_observed_once_it_runs(self) -> None:
        count = Growth("jaxop_jaxjob_recovery_seconds_count", how="InPlace")
        total = Growth("jaxop_jaxjob_recovery_seconds_sum", how="InPlace")
        failing, running = a_status(RUNS, FAILS), a_status(RUNS, FAILS, RUNS_AGAIN)
        metrics.count(a_status(RUNS), failing, None)
        assert count.by == 0
        metrics.count(failing, running, None)
        metrics.count(running, a_status(FAILS, RUNS_AGAIN, step=7), None)
        assert (count.by, total.by) == (1, 3.0)


class TestGoodput:
    def goodput(self, **parts: float) -> JaxJobStatus:
        return a_status(goodput={f"{name}Seconds": value for name, value in parts.items()})

    def test_grows_with_the_status(self) -> None:
        productive = Growth("jaxop_jaxjob_goodput_seconds_total", part="productive")
        compiling = Growth("jaxop_jaxjob_goodput_seconds_total", part="compile")
        first = self.goodput(compile=5.0, productive=10.0)
        counted = metrics.count(a_status(), first, None)
        metrics.count(first, self.goodput(compile=5.0, productive=12.5), counted)
        assert (productive.by, compiling.by) == (12.5, 5.0)

    def test_what_was_there_before_this_process_does_not_count(self) -> None:
        productive = Growth("jaxop_jaxjob_goodput_seconds_total", part="productive")
        known = self.goodput(productive=100.0)
        metrics.count(known, self.goodput(productive=101.0), known.goodput)
        assert productive.by == 1.0

    def test_productive_seconds_that_were_wasted_are_made_up_for(self) -> None:
        productive = Growth("jaxop_jaxjob_goodput_seconds_total", part="productive")
        wasted = Growth("jaxop_jaxjob_goodput_seconds_total", part="wasted")
        states = [
            self.goodput(productive=100.0),
            self.goodput(productive=80.0, wasted=20.0),
            self.goodput(productive=90.0, wasted=20.0),
            self.goodput(productive=130.0, wasted=20.0),
        ]
        counted: Goodput | None = None
        for old, new in zip([a_status(), *states], states, strict=False):
            counted = metrics.count(old, new, counted)
        assert (productive.by, wasted.by) == (130.0, 20.0)


class TestThePage:
    """docs/metrics.md has every metric of the operator, and every part of goodput."""

    def rows(self) -> dict[str, tuple[str, set[str]]]:
        found = re.findall(
            r"^\| `(jaxop_\w+)` \| (\w+) \| (.*?) \|", PAGE.read_text(), re.MULTILINE
        )
        return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in found}

    def ours(self) -> dict[str, Metric]:
        stores = {kind: ObjectStore(kind) for kind in (JAXJOBS, COMPILECACHES, JAXSERVICES)}
        scraped = [m for each in collectors(stores, lambda: True) for m in each.collect()]
        families = [*REGISTRY.collect(), *scraped]
        named = {f"{m.name}_total" if m.type == "counter" else m.name: m for m in families}
        return {name: m for name, m in named.items() if name.startswith("jaxop_")}

    def test_every_metric_with_its_type(self) -> None:
        rows, ours = self.rows(), self.ours()
        assert set(rows) == set(ours)
        assert {n: kind for n, (kind, _) in rows.items()} == {n: m.type for n, m in ours.items()}

    def test_every_label(self) -> None:
        known = {
            name: set(collector._labelnames)
            for collector, names in REGISTRY._collector_to_names.items()
            for name in names
            if hasattr(collector, "_labelnames")
        }
        for name, (_, labels) in self.rows().items():
            if name in known:
                assert labels == known[name], name

    def test_every_part_of_goodput(self) -> None:
        section = PAGE.read_text().split("| part | seconds |", 1)[1].split("\n\n", 1)[0]
        names = [f"{name}_seconds" for name in re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)]
        assert names == list(PARTS)

    def test_every_way_to_restart(self) -> None:
        assert all(f"`{how}`" in PAGE.read_text() for how in get_args(How))
