"""One schedule: a scenario, played from its beginning to its end with one disturbance or none."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from disturbance import LATE_STEPS, Disturbance
from disturbed import Log, RunsInCircles
from jaxop.api.plan import Manifest
from jaxop.kube.resources import EVENTS, Resource
from raw_api import RawApi
from scenario import Scenario
from theatre import Theatre
from virtual_time import VirtualTimeLoop
from world import World

STEP_SECONDS = 2000.0
"""Virtual, for a step of the story to come true: longer than all backoffs and resyncs."""
SETTLED_SECONDS = 800.0
"""Virtual, at the end: longer than any resync. What is lost must have been found by then."""
QUIET_SECONDS = 300.0
"""The last part of it, in which nothing may be written."""
WINDOW_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """What came of a schedule. Times are virtual but for `real_seconds`."""

    schedule: str
    problem: str = ""
    fired: bool = True
    writes: tuple[str, ...] = ()
    sent: int = 0
    carried_out: int = 0
    created: dict[str, int] = field(default_factory=dict)
    final: dict[str, Any] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    """Kubernetes Events by type and reason."""
    events: dict[str, int] = field(default_factory=dict)
    """Watch events that the first process was sent, by kind."""
    quiet_writes: tuple[str, ...] = ()
    peak_requests: int = 0
    """In any 10 seconds."""
    quiet_requests: int = 0
    seconds: float = 0.0
    real_seconds: float = 0.0
    overdue: int = 0


def play(kubeconfig: str, scenario: Scenario, disturbance: Disturbance | None) -> Outcome:
    """In an event loop and a namespace of its own. Raises nothing: see `Outcome.problem`."""
    name = f"{scenario.name}/{disturbance or 'undisturbed'}"
    random.seed(name)
    began = time.monotonic()
    loop = VirtualTimeLoop()
    try:
        outcome = loop.run_until_complete(_play(kubeconfig, scenario, disturbance, name, loop))
    finally:
        loop.close()
    return outcome.__class__(**{**vars(outcome), "real_seconds": time.monotonic() - began})


async def _play(
    kubeconfig: str,
    scenario: Scenario,
    disturbance: Disturbance | None,
    name: str,
    loop: VirtualTimeLoop,
) -> Outcome:
    theatre = Theatre(kubeconfig, scenario, disturbance, loop)
    log, stage, problem = theatre.log, theatre.stage, ""
    memory = _Memory(stage.world, scenario.remembered)
    await theatre.open()
    try:
        await theatre.during(_tell(scenario, theatre))
    except Exception as error:
        problem = _words(error)
    quiet_from = loop.time() - QUIET_SECONDS
    outcome = Outcome(
        schedule=name,
        problem=problem,
        fired=disturbance is None or log.fired_at is not None,
        writes=tuple(map(str, log.writes)),
        sent=log.sent,
        carried_out=len(log.carried_out),
        created=_created(log, scenario.plain),
        final=await _final(stage.api, scenario, memory),
        told=await _told(stage.api, RawApi(theatre.line, "default")),
        events=dict(log.events),
        quiet_writes=tuple(str(w) for w in log.writes if w.at > quiet_from),
        peak_requests=_peak(log.requests),
        quiet_requests=sum(at > quiet_from for at in log.requests),
        seconds=loop.time(),
        overdue=loop.overdue,
    )
    await theatre.close()
    return outcome


async def _tell(scenario: Scenario, theatre: Theatre) -> None:
    stage, log = theatre.stage, theatre.log
    for log.step, step in enumerate(scenario.steps):
        await until(lambda step=step: step.until(stage), f"step {step.name!r}")  # type: ignore[misc]
        await theatre.deliver(up_to=log.step - LATE_STEPS)
        await step.then(stage)
    await theatre.deliver()
    await asyncio.sleep(SETTLED_SECONDS)


async def until(check: Callable[[], str | None], what: str, seconds: float = STEP_SECONDS) -> None:
    """`check` says what is not yet so. Raises NotReached."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (missing := check()) is not None:
        if loop.time() > deadline:
            raise NotReached(f"{what} is not reached: {missing}")
        await asyncio.sleep(0.5)


class NotReached(Exception):  # noqa: N818
    """The operator does not get there."""


class _Memory:
    """The last state of each object of a kind, also of those that are gone; in order of birth."""

    def __init__(self, world: World, resource: Resource) -> None:
        self.last: dict[str, Manifest] = {}
        self.faults: list[str] = []
        world.stores[resource].listeners.append(self._changed)

    def _changed(self, old: Manifest | None, new: Manifest | None, _: object) -> None:
        if new is None:
            return
        self.last[new["metadata"]["uid"]] = new
        if old is not None:
            was, now = old.get("status") or {}, new.get("status") or {}
            for counter in ("restarts", "attempt"):
                if now.get(counter, 0) < was.get(counter, 0):
                    self.faults.append(f"{counter} went back from {was[counter]} to {now[counter]}")


async def _final(api: RawApi, scenario: Scenario, memory: _Memory) -> dict[str, Any]:
    final: dict[str, Any] = {}
    for resource in scenario.kinds:
        for obj in await api.all(resource):
            if (kept := scenario.normal(obj)) is not None:
                final.setdefault(resource.kind, []).append(dict(kept))
    for found in final.values():
        found.sort(key=str)
    last = [scenario.normal(obj) for obj in memory.last.values()]
    final["last seen"] = [dict(kept) for kept in last if kept is not None]
    if memory.faults:
        final["faults"] = memory.faults
    return final


async def _told(api: RawApi, default: RawApi) -> dict[str, int]:
    """By the operator. Of what has no namespace, it is told in the default one: see `line`."""
    told: Counter[str] = Counter()
    elsewhere = await default.all(EVENTS)
    own = [event for event in elsewhere if event["involvedObject"]["name"] == api.namespace]
    for event in [*await api.all(EVENTS), *own]:
        if event.get("reportingComponent", "").startswith("jax-operator"):
            told[f"{event['type']} {event['reason']}"] += event["count"]
    return dict(told)


def _created(log: Log, plain: Callable[[str], str]) -> dict[str, int]:
    """Children by kind and name: those that the operator made itself."""
    found: Counter[str] = Counter()
    for write in log.carried_out:
        kind = write.path.rsplit("/", 1)[1]
        if write.method == "POST" and kind != "events":
            name = write.name.rpartition("-")[0] if kind == "pods" else write.name
            found[f"{kind}/{plain(name)}"] += 1
    return dict(found)


def _peak(times: list[float]) -> int:
    peak = first = 0
    for last, at in enumerate(times):
        while times[first] < at - WINDOW_SECONDS:
            first += 1
        peak = max(peak, last - first + 1)
    return peak


def _words(error: BaseException | None) -> str:
    if error is None:
        return ""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_words(inner) for inner in error.exceptions)
    if isinstance(error, (NotReached, RunsInCircles)):
        return str(error)
    return f"{type(error).__name__}: {error}"
