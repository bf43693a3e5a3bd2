"""Whatever the world looks like, some things hold."""

from dataclasses import replace
from datetime import datetime

from building import NOW, World, a_cause, a_jaxjob, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxop.api.v1alpha1.jaxjob_status import FINISHED, JaxJobStatus
from jaxop.domain.contract import CAUSES, GANG_STATES
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.views import ContainerEnd, ContainerWaiting, GangReport, GangTimes, PodView

SOON = st.none() | st.integers(-100, 100).map(lambda s: NOW + seconds(s))
TEXT = st.sampled_from(
    ["", "x", "0/3 nodes are available: 1 Insufficient cpu.", "{", '{"cause":1}']
)
REASONS = st.sampled_from(
    ["", "ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError", "PodInitializing"]
)
CONTAINERS = st.sampled_from(["jax", "jaxrun-install", "logs"])

WAITING = st.builds(ContainerWaiting, CONTAINERS, st.just("i:1"), REASONS, TEXT)
ENDS = st.builds(
    ContainerEnd, CONTAINERS, st.sampled_from([0, 1, 3, 134, 137]), message=TEXT, finished_at=SOON
)
PODS = st.builds(
    PodView,
    name=st.sampled_from(["a", "b", "c"]),
    uid=st.sampled_from(["1", "2", "3"]),
    attempt=st.integers(0, 2),
    slice_index=st.integers(0, 3),
    index=st.integers(0, 3),
    phase=st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
    created_at=SOON,
    node=st.sampled_from(["", "n"]),
    ready=st.booleans(),
    gone_by=SOON,
    unschedulable=st.none() | TEXT,
    disruption=st.sampled_from([None, "PreemptionByScheduler", "DeletionByTaintManager"]),
    reason=st.sampled_from(["", "Evicted", "NodeLost"]),
    waiting=st.lists(WAITING, max_size=2).map(tuple),
    ends=st.lists(ENDS, max_size=2).map(tuple),
)
REPORTS = st.none() | st.builds(
    GangReport,
    attempt=st.integers(0, 2),
    epoch=st.integers(0, 2),
    num_processes=st.integers(0, 9),
    state=st.sampled_from(GANG_STATES),
    missing=st.lists(st.integers(0, 99), max_size=5).map(tuple),
    step=st.none() | st.integers(0, 9),
    times=st.builds(GangTimes, SOON, SOON, SOON, SOON, SOON, SOON, SOON),
    cause=st.none() | st.sampled_from(CAUSES).map(a_cause),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = a_jaxjob().with_max_restarts(draw(st.integers(0, 2)))
    world = world.on(*draw(st.sampled_from([("cpu",), ("tpu-v5e", "4x4"), ("tpu-v5e", "3x4")])))
    world = world.with_slices(draw(st.integers(1, 2)))
    for _ in range(draw(st.integers(0, 3))):
        world = world.after(decide(world.snapshot(), NOW))
        for index in range(draw(st.integers(0, 2))):
            outcome = draw(st.sampled_from([{}, {"complete": True}, {"failed": "x"}]))
            world = world.job(index, **outcome)
        world = world.seeing(report=draw(REPORTS))
        world = replace(world, pods=tuple(draw(st.lists(PODS, max_size=6))))
    if draw(st.booleans()):
        world = world.suspended()
    return world


MOMENTS = st.sampled_from([NOW, NOW + seconds(5), NOW + seconds(1000)])


@settings(max_examples=150, deadline=None)
@given(worlds(), MOMENTS)
def test_nothing_raises_and_every_status_is_a_valid_one(world: World, now: datetime) -> None:
    plan = decide(world.snapshot(), now)
    if plan.status is not None:
        JaxJobStatus.model_validate(plan.status)
        assert plan.status["message"]


@settings(max_examples=150, deadline=None)
@given(worlds(), MOMENTS)
def test_deciding_comes_to_rest(world: World, now: datetime) -> None:
    """Given the same moment and no news, a few passes later there is nothing more to do."""
    for _ in range(5):
        plan = decide(world.snapshot(), now)
        world = world.after(plan)
    plan = decide(world.snapshot(), now)
    assert (plan.status, plan.delete, plan.events) == (None, (), ())
    assert [m["kind"] for m in plan.apply] in ([], ["Service"])
    assert plan.requeue_after != 0.0


@settings(max_examples=150, deadline=None)
@given(worlds(), MOMENTS)
def test_restarts_only_grow_and_charges_stay_within_the_budget(world: World, now: datetime) -> None:
    old = world.jaxjob.status
    for _ in range(4):
        world = world.after(decide(world.snapshot(), now))
        new = world.jaxjob.status
        assert 0 <= new.restarts - old.restarts <= 1
        assert new.attempt >= old.attempt
        if new.restart_ledger is not None:
            assert new.restart_ledger.restarts == new.restarts
            allowed = world.jaxjob.spec.restart_policy.max_restarts
            before = old.restart_ledger.charges if old.restart_ledger is not None else ()
            assert len(new.restart_ledger.charges) <= max(len(before), allowed)
        if old.state in FINISHED:
            assert new.state == old.state
        old = new


@settings(max_examples=100, deadline=None)
@given(worlds(), MOMENTS)
def test_no_two_attempts_have_jobs_at_rest(world: World, now: datetime) -> None:
    for _ in range(5):
        world = world.after(decide(world.snapshot(), now))
    attempts = {job.attempt for job in world.jobs}
    assert attempts <= {world.attempt}
