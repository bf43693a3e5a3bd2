"""Users, failures and faults in any order: whatever happened, what is then is as it should be.

JAXOP_FAULTS_EXAMPLES and JAXOP_FAULTS_STEPS make it longer, and then different each time.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Coroutine
from typing import Any

import jaxjob_scenarios as jobs
import pytest
from disturbance import EVENT_FAULTS, WRITE_FAULTS, Disturbance
from gangs import ProgramFails
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from jaxop.api.plan import Manifest
from jaxop.kube.errors import Conflict, NotFound
from jaxop.kube.resources import JAXJOBS, JOBS, PODS, SERVICES
from theatre import Theatre
from virtual_time import VirtualTimeLoop
from world import index_of, is_over, owner_uid, slice_of

EXAMPLES = os.environ.get("JAXOP_FAULTS_EXAMPLES", "")
STEPS = int(os.environ.get("JAXOP_FAULTS_STEPS", "12"))

SETTLED_SECONDS = 4000.0
"""Longer than all that heals by itself: backoffs, resyncs."""
QUIET_SECONDS = 800.0

FINISHED = ("Succeeded", "Failed")
PAUSES = st.sampled_from([0.0, 0.4, 3.0, 40.0])
"""What happens next may come before the operator has looked, or long after."""


class JaxJobsInAnyOrder(RuleBasedStateMachine):
    """`failures` counts what may have cost a restart since the JaxJob was created."""

    kubeconfig = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.theatre = Theatre(self.kubeconfig, jobs.LIFE, None, self.loop)
        self.stage = self.theatre.stage
        self.log = self.theatre.log
        self.failures = 0
        self.loop.run_until_complete(self.theatre.open())

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.loop.run_until_complete(self.theatre.close())
            self.loop.close()

    # users

    @precondition(lambda self: self.jaxjob() is None)
    @rule(pause=PAUSES, restarts=st.integers(0, 2), suspend=st.booleans(), in_place=st.booleans())
    def create(self, pause: float, restarts: int, suspend: bool, in_place: bool) -> None:
        policy = {"inPlace": in_place, "maxRestarts": restarts}
        self.failures = 0
        manifest = jobs.a_jaxjob(restartPolicy=policy, suspend=suspend)
        self.do("create", self.stage.api.create(JAXJOBS, manifest), pause)

    @precondition(lambda self: self.jaxjob() is not None)
    @rule(pause=PAUSES, suspend=st.booleans())
    def suspend(self, pause: float, suspend: bool) -> None:
        change = self.stage.api.patch(JAXJOBS, jobs.NAME, {"spec": {"suspend": suspend}})
        self.do(f"suspend={suspend}", change, pause)

    @precondition(lambda self: self.jaxjob() is not None)
    @rule(pause=PAUSES, restarts=st.integers(0, 3))
    def edit(self, pause: float, restarts: int) -> None:
        change = {"spec": {"restartPolicy": {"maxRestarts": restarts}}}
        self.do(f"maxRestarts={restarts}", self.stage.api.patch(JAXJOBS, jobs.NAME, change), pause)

    @precondition(lambda self: self.jaxjob() is not None)
    @rule(pause=PAUSES)
    def delete(self, pause: float) -> None:
        self.do("delete", jobs.delete(self.stage), pause)

    @precondition(lambda self: self.jaxjob() is not None)
    @rule(pause=PAUSES)
    def delete_and_create(self, pause: float) -> None:
        self.do("delete", jobs.delete(self.stage), 0.0)
        self.create(pause, 1, False, True)

    @precondition(lambda self: self.stage.world.all(JOBS))
    @rule(pause=PAUSES, which=st.integers(0, 9))
    def delete_a_job(self, pause: float, which: int) -> None:
        found = self.stage.world.all(JOBS)
        name = found[which % len(found)]["metadata"]["name"]
        self.failures += 2  # its pods are told to go before the others know that all is over
        self.do(f"delete Job {name}", self.stage.api.delete(JOBS, name), pause)

    @precondition(lambda self: self.stage.world.all(PODS))
    @rule(pause=PAUSES, which=st.integers(0, 9))
    def delete_a_pod(self, pause: float, which: int) -> None:
        found = self.stage.world.all(PODS)
        name = found[which % len(found)]["metadata"]["name"]
        self.failures += 1
        self.do(f"delete Pod {name}", self.stage.api.delete(PODS, name), pause)

    # what runs

    @precondition(lambda self: self.runs())
    @rule(pause=PAUSES, process=st.integers(0, 1), code=st.sampled_from([1, 3, 137]))
    def a_program_fails(self, pause: float, process: int, code: int) -> None:
        self.failures += 1
        fact = ProgramFails(process=process, exit_code=code)
        self.do(f"{fact}", self.fails(fact), pause)

    @precondition(lambda self: self.runs())
    @rule(pause=PAUSES, process=st.integers(0, 1))
    def a_launcher_is_killed(self, pause: float, process: int) -> None:
        self.failures += 1
        self.do(f"kill launcher {process}", self.killed(process), pause)

    @precondition(lambda self: self.runs())
    @rule(pause=PAUSES)
    def all_programs_end(self, pause: float) -> None:
        self.do("ends", jobs.finishes(self.attempt())(self.stage), pause)

    # faults

    @rule(sort=st.sampled_from(WRITE_FAULTS), after=st.integers(1, 6))
    def a_write_goes_wrong(self, sort: str, after: int) -> None:
        self.arm(Disturbance(sort, self.log.sent + after))

    @rule(
        sort=st.sampled_from(EVENT_FAULTS),
        of=st.sampled_from(["jaxjobs", "jobs", "pods", "services"]),
        after=st.integers(1, 6),
    )
    def an_event_is_lost(self, sort: str, of: str, after: int) -> None:
        self.arm(Disturbance(sort, self.log.events[of] + after, of))

    @rule(pause=PAUSES)
    def the_operator_is_killed(self, pause: float) -> None:
        self.theatre.operator.kill()
        self.do("kill", _nothing(), pause)

    # what must hold

    @rule()
    def settle(self) -> None:
        note("settle")
        self.log.disturbance = None
        self.run(self.settled())
        self.check()

    def check(self) -> None:
        world = self.stage.world
        alive = {o["metadata"]["uid"] for kind in world.stores for o in world.all(kind)}
        for kind in (JOBS, PODS, SERVICES):
            for obj in world.all(kind):
                assert owner_uid(obj) in alive, f"an orphan: {obj['metadata']['name']}"
        places = Counter(
            (pod["metadata"]["labels"]["jaxop.dev/attempt"], slice_of(pod), index_of(pod))
            for pod in world.all(PODS)
            if not is_over(pod)
        )
        assert set(places.values()) <= {1}, f"two pods of one index: {places}"
        found = self.jaxjob()
        if found is not None:
            self.check_status(found)

    def check_status(self, found: Manifest) -> None:
        status, world = found.get("status") or {}, self.stage.world
        state, attempt = status.get("state"), status.get("attempt", 0)
        said = {n: status.get(n) for n in ("state", "reason", "message", "attempt", "restarts")}
        live = [pod["metadata"]["name"] for pod in world.all(PODS) if not is_over(pod)]
        made = [job["metadata"]["name"] for job in world.all(JOBS)]
        wanted = [f"{jobs.NAME}-a{attempt}-s{index}" for index in range(2)]
        assert status.get("observedGeneration") == found["metadata"]["generation"], said
        assert status.get("restarts", 0) <= self.failures, (said, self.failures)
        if not found["spec"]["restartPolicy"]["inPlace"]:
            assert attempt >= status.get("restarts", 0), said
        if state in FINISHED:
            assert not live, f"{said}, but {live} run"
        elif found["spec"].get("suspend"):
            assert state == "Suspended", said
            assert not live, f"{said}, but {live} run"
            assert not made, f"{said}, but {made} exist"
        else:
            assert state == "Running", said
            assert status["hosts"]["ready"] == len(live) == 2, (said, live)
            assert made == wanted, said
            assert self.stage.gangs.gang(jobs.NAME, attempt).end is None, said
        if state == "Succeeded":
            assert self.stage.gangs.gang(jobs.NAME, attempt).exit_code == 0, said
        if state == "Failed":
            assert self.failures > status.get("restarts", 0), said

    # how

    def jaxjob(self) -> Manifest | None:
        return self.stage.world.get(JAXJOBS, jobs.NAME)

    def attempt(self) -> int:
        found = self.jaxjob() or {}
        return int((found.get("status") or {}).get("attempt", 0))

    def runs(self) -> bool:
        if self.jaxjob() is None:
            return False
        try:
            gang = self.stage.gangs.gang(jobs.NAME, self.attempt())
        except KeyError:
            return False
        return gang.end is None and gang.running_from is not None

    def arm(self, disturbance: Disturbance) -> None:
        note(f"armed: {disturbance}")
        self.log.disturbance, self.log.fired_at = disturbance, None

    async def fails(self, fact: ProgramFails) -> None:
        self.stage.gangs.fails(jobs.NAME, self.attempt(), fact)

    async def killed(self, process: int) -> None:
        self.stage.gangs.kills(jobs.NAME, self.attempt(), process)

    def do(self, what: str, act: Awaitable[Any], pause: float) -> None:
        note(f"{self.loop.time():.1f}s {what}, then {pause} s")
        self.run(_act(act, pause))

    def run(self, act: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(self.theatre.during(act))

    async def settled(self) -> None:
        """Until nothing has been written for long."""
        deadline = self.loop.time() + SETTLED_SECONDS
        await self.theatre.deliver()
        while True:
            before = len(self.log.writes), len(self.theatre.line.versions)
            await _pass(QUIET_SECONDS)
            if before == (len(self.log.writes), len(self.theatre.line.versions)):
                return
            assert self.loop.time() < deadline, "still writing:\n" + "\n".join(
                map(str, self.log.writes[-10:])
            )


async def _act(act: Awaitable[Any], pause: float) -> None:
    try:
        await act
    except (NotFound, Conflict) as error:
        note(f"refused: {error}")
    await _pass(pause)


async def _pass(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _nothing() -> None:
    return None


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_in_any_order_things_settle_as_they_should(kubeconfig: str, say: list[str]) -> None:
    JaxJobsInAnyOrder.kubeconfig = kubeconfig
    count = int(EXAMPLES or 12)
    phases = (Phase.explicit, Phase.generate, *((Phase.shrink,) if EXAMPLES else ()))
    run_state_machine_as_test(
        JaxJobsInAnyOrder,
        settings=settings(
            max_examples=count,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            print_blob=False,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    say.append(f"in any order: {count} stories of up to {STEPS} steps, all settled as they should")
