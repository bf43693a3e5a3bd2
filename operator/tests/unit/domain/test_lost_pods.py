"""Pods that are lost while the gang lives on: judged once, replaced once."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from building import NOW, World, a_cause, a_running_jaxjob, ended, seconds
from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.failures.lost_pods import nodes_matter
from jaxop.domain.jaxjob.views import ContainerEnd, EpochEnd, GangTimes, NodeView, PodView

LATER = NOW + seconds(5)


def live_job(uid: str = "uid-digits-a0-s0") -> Manifest:
    program = {"name": "jax", "image": "team/digits:1", "env": [{"name": "A", "value": "1"}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [program]}}
    metadata = {"name": "digits-a0-s0", "namespace": "ml", "uid": uid}
    return {"metadata": metadata, "spec": {"template": template}}


def a_gang(hosts: int = 3, **policy: Any) -> World:
    """It runs, in its first epoch."""
    world = a_running_jaxjob().spec(restartPolicy=policy).with_hosts(hosts)
    world = world.with_jobs().running_pods().status(epoch=1, step=17, checkpointStep=10)
    before = {"state": "Running", "reason": "ProgramRunning", "attempt": 0, "epoch": 1}
    world = world.status(timeline=[{**before, "time": "2026-11-21T11:59:00.000000Z"}])
    world = world.reporting("Running", step=17, checkpoint_step=10)
    return world.seeing(templates={"uid-digits-a0-s0": live_job()})


def lose(world: World, process: int, *, code: int = 137, **fields: Any) -> World:
    return world.pod(process, phase="Failed", ready=False, ends=(ended(code, **fields),))


def written(plan: Plan) -> dict[str, Any]:
    assert plan.status is not None
    return plan.status


def made(plan: Plan) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in plan.create]


def with_created(world: World, plan: Plan, now: datetime = LATER) -> World:
    """The world after the plan, with the pods that it made."""
    pods = tuple(
        PodView(
            m["metadata"]["name"],
            f"uid-of-{m['metadata']['name']}",
            world.attempt,
            0,
            int(m["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]),
            created_at=now,
        )
        for m in plan.create
    )
    return replace(world.after(plan), pods=world.pods + pods)


def test_first_the_status_then_the_successor_then_nothing() -> None:
    world = lose(a_gang(), 1)
    judged = decide(world.snapshot(), LATER)
    assert written(judged)["state"] == "Restarting"
    assert judged.create == ()
    assert [e.reason for e in judged.events] == ["Restarting"]
    world = world.after(judged)
    replaced = decide(world.snapshot(), LATER)
    assert len(made(replaced)) == 1
    assert made(replaced)[0].startswith("digits-a0-s0-1-")
    world = with_created(world, replaced)
    after = decide(world.snapshot(), LATER)
    assert (after.create, after.events) == ((), ())


def test_the_status_of_a_loss() -> None:
    status = written(decide(lose(a_gang(), 1).snapshot(), LATER))
    assert status["failure"]["cause"] == "PeerLost"
    assert (status["failure"]["step"], status["failure"]["lostSteps"]) == (17, 7)
    assert status["restarts"] == 0, "the gang counts its epochs itself"
    assert status["restartLedger"]["charges"] == [int(NOW.timestamp()) * 1000]
    assert status["attempt"] == 0


def test_the_successor_is_what_the_job_would_make() -> None:
    world = lose(a_gang(), 1)
    world = world.after(decide(world.snapshot(), LATER))
    (pod,) = decide(world.snapshot(), LATER).create
    metadata, spec = pod["metadata"], pod["spec"]
    assert metadata["finalizers"] == ["batch.kubernetes.io/job-tracking"]
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Job", "uid-digits-a0-s0", True)
    assert metadata["labels"] == {
        "a": "b",
        "batch.kubernetes.io/controller-uid": "uid-digits-a0-s0",
        "batch.kubernetes.io/job-name": "digits-a0-s0",
        "controller-uid": "uid-digits-a0-s0",
        "job-name": "digits-a0-s0",
        "batch.kubernetes.io/job-completion-index": "1",
    }
    assert metadata["annotations"] == {"batch.kubernetes.io/job-completion-index": "1"}
    assert spec["hostname"] == "digits-a0-s0-1"
    env = {e["name"]: e for e in spec["containers"][0]["env"]}
    assert set(env) == {"A", "JOB_COMPLETION_INDEX", "JAXRUN_LEDGER"}
    assert json.loads(env["JAXRUN_LEDGER"]["value"])["charges"]


def test_several_lost_at_once_are_one_loss() -> None:
    world = lose(lose(a_gang(), 1), 2, reason="OOMKilled")
    judged = decide(world.snapshot(), LATER)
    assert written(judged)["failure"]["cause"] == "HostOutOfMemory", "the first real cause"
    assert len(written(judged)["restartLedger"]["charges"]) == 1
    assert len(written(judged)["lostPods"]) == 2


def test_all_lost_is_a_new_attempt() -> None:
    world = a_gang(2)
    for process in range(2):
        world = lose(world, process)
    status = written(decide(world.snapshot(), LATER))
    assert (status["attempt"], status["restarts"]) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "cause", "charged"),
    [
        ({"ends": (ended(137),)}, "PeerLost", True),
        ({"ends": (ended(137, reason="OOMKilled"),)}, "HostOutOfMemory", True),
        ({"ends": (ended(137),), "disruption": "PreemptionByScheduler"}, "Preempted", False),
        ({"ends": (ended(137),), "disruption": "DeletionByTaintManager"}, "NodeLost", False),
        ({"ends": (), "reason": "Evicted"}, "Preempted", False),
        ({"ends": (ended(137),), "gone_by": NOW}, "Preempted", False),
        ({"ends": (ended(1, container="jaxrun-install"),)}, "ProgramError", True),
    ],
)
def test_evidence(fields: dict[str, Any], cause: str, charged: bool) -> None:
    world = a_gang().pod(1, phase="Failed", ready=False, **fields)
    status = written(decide(world.snapshot(), LATER))
    assert status["failure"]["cause"] == cause
    assert bool(status["restartLedger"]["charges"]) == charged
    assert status["attempt"] == 0


def test_a_code_that_ends_the_gang_is_no_lost_pod() -> None:
    assert written(decide(lose(a_gang(), 1, code=3).snapshot(), LATER))["attempt"] == 1


def test_without_in_place_a_lost_pod_is_the_end_of_the_attempt() -> None:
    world = lose(a_gang(inPlace=False), 1, reason="OOMKilled")
    assert written(decide(world.snapshot(), LATER))["attempt"] == 1


def test_the_budget_holds_for_lost_pods() -> None:
    status = written(decide(lose(a_gang(maxRestarts=0), 1).snapshot(), LATER))
    assert status["state"] == "Failed"
    assert status["message"].endswith("(spec.restartPolicy.maxRestarts is 0)")


def test_a_pod_that_saves_is_waited_for() -> None:
    world = a_gang().pod(1, gone_by=LATER + seconds(60)).reporting("Checkpointing")
    assert decide(world.snapshot(), LATER).create == ()


def test_a_pod_on_a_dead_node_is_deleted_and_replaced() -> None:
    dead = NodeView("dead", ready=False)
    world = a_gang().pod(1, node="dead", ready=False).with_nodes(dead)
    undisturbed = decide(world.reporting("Running").snapshot(), LATER)
    assert undisturbed.delete == (), "the gang runs on"
    world = world.reporting("Joining", missing=(1,))
    plan = decide(world.snapshot(), LATER)
    assert [ref.name for ref in plan.delete] == ["digits-a0-s0-1"]
    world = world.pod(1, gone_by=LATER + seconds(30))
    judged = decide(world.snapshot(), LATER)
    assert written(judged)["failure"]["cause"] == "NodeLost"
    assert len(made(decide(world.after(judged).snapshot(), LATER))) == 1


@pytest.mark.parametrize(
    ("born_seconds_after_all_joined", "reason"), [(-5, "ProgramRunning"), (5, "PeerLost")]
)
def test_the_kubelet_may_tell_late_that_a_pod_runs(
    born_seconds_after_all_joined: int, reason: str
) -> None:
    """A pod that is older than the gang has joined it; a younger one succeeds another."""
    born = NOW + seconds(born_seconds_after_all_joined)
    world = a_gang().pod(1, phase="Pending", ready=False, created_at=born)
    world = world.reporting("Running", step=18, times=GangTimes(all_joined=NOW))
    world = world.status(state="Compiling", reason="Initialising")
    assert written(decide(world.snapshot(), LATER))["reason"] == reason


def test_nodes_are_asked_for_when_a_running_pod_is_no_longer_ready() -> None:
    """The init container of every pod has ended; that says nothing of its program."""
    installed = ContainerEnd("jaxrun-install", 0, None, "Completed", "", NOW)
    silent = a_gang().pod(1, node="dead", ready=False, ends=(installed,))
    assert nodes_matter(silent.snapshot())
    assert not nodes_matter(a_gang().pod(1, node="node-1", ends=(installed,)).snapshot())
    over = silent.pod(1, ends=(installed, ended(0)))
    assert not nodes_matter(over.snapshot())


def test_a_successor_that_dies_as_well_is_judged_anew() -> None:
    world = lose(a_gang(backoff={"initialSeconds": 0}), 1)
    world = world.after(decide(world.snapshot(), LATER))
    plan = decide(world.snapshot(), LATER)
    world = with_created(world, plan, LATER)
    (name,) = made(plan)
    died = tuple(
        replace(p, phase="Failed", uid="another-uid", ends=(ended(137, finished_at=LATER),))
        if p.name == name
        else p
        for p in world.pods
    )
    world = replace(world, pods=died)
    judged = decide(world.snapshot(), LATER + seconds(1))
    assert len(written(judged)["restartLedger"]["charges"]) == 2
    again = decide(world.after(judged).snapshot(), LATER + seconds(1))
    assert len(made(again)) == 1
    assert made(again) != [name]


def test_a_successor_that_cannot_be_placed_makes_all_pods_anew() -> None:
    world = lose(a_gang(), 1)
    world = world.after(decide(world.snapshot(), LATER))
    world = with_created(world, decide(world.snapshot(), LATER))
    held = tuple(
        replace(p, unschedulable="0/3 nodes are available") if not p.node else p for p in world.pods
    )
    world = replace(world, pods=held).reporting("Joining", missing=(1,))
    early = decide(world.snapshot(), LATER + seconds(59))
    assert early.status is None or early.status["attempt"] == 0
    late = written(decide(world.snapshot(), LATER + seconds(60)))
    assert (late["attempt"], late["restarts"]) == (1, 1)
    assert "could not be scheduled for 60 s" in late["message"]


def test_the_next_attempt_waits_out_its_backoff() -> None:
    last = {"cause": "ProgramError", "step": 17, "repeats": 1}
    world = a_gang().status(restartLedger={"restarts": 1, "charges": [1], "last": last})
    said = {"version": 1, "scope": "Gang", "cause": "ProgramError", "step": 17, "process": 1}
    words = {**said, "message": "again", "time": NOW.timestamp()}
    world = lose(world, 1, code=3, message=json.dumps(words))
    judged = decide(world.snapshot(), NOW + seconds(1))
    assert written(judged)["message"].endswith(
        "again; not before 12:00:10 UTC, after failing 2 times alike"
    )
    world = replace(world.after(judged), pods=(), jobs=())
    waiting = decide(world.snapshot(), NOW + seconds(2))
    assert (waiting.apply, waiting.requeue_after) == ((), 8.0)
    assert len(decide(world.snapshot(), NOW + seconds(10)).apply) == 2


class TestEpochsThatEnded:
    def ended(self, **fields: Any) -> EpochEnd:
        return EpochEnd(1, a_cause(step=17, checkpoint_step=10, time=NOW, **fields))

    def told(self, world: World, state: str, end: EpochEnd, now: datetime = LATER) -> Plan:
        ledger = {"restarts": 1, "charges": (1,), "last": None}
        report = world.reporting(
            state, restarts=(end,), ledger=RestartLedger.model_validate(ledger)
        )
        return decide(report.snapshot(), now)

    def test_is_told_once(self) -> None:
        world = a_gang()
        plan = self.told(world, "Restarting", self.ended())
        status = written(plan)
        assert (status["restarts"], status["epoch"], status["attempt"]) == (1, 1, 0)
        assert status["failure"]["lostSteps"] == 7
        assert [e.message for e in plan.events] == [
            "restart 1 in place, epoch 2: process 1 says ProgramError"
        ]
        (entry,) = [e for e in status["timeline"] if e["state"] == "Restarting"]
        assert entry["time"] == "2026-11-21T12:00:00.000000Z"
        assert (entry["epoch"], entry["lostSteps"]) == (1, 7)
        again = self.told(world.after(plan), "Restarting", self.ended(), LATER + seconds(60))
        assert again.events == ()

    def test_is_told_though_nobody_saw_it_restart(self) -> None:
        end = replace(self.ended(), spawned=NOW + seconds(1))
        plan = self.told(a_gang(), "Running", end)
        assert written(plan)["state"] == "Running"
        assert [e.reason for e in plan.events] == ["Restarting"]
        assert "Restarting" in [e["state"] for e in written(plan)["timeline"]]

    def test_a_lost_peer_waits_for_its_pods_own_cause(self) -> None:
        lost = self.ended(cause="PeerLost")
        held = self.told(a_gang(), "Joining", lost, NOW + seconds(1))
        assert written(held)["state"] == "Restarting"
        assert written(held)["restarts"] == 0
        assert held.events == ()
        late = self.told(a_gang(), "Joining", lost, NOW + seconds(4))
        assert written(late)["restarts"] == 1

    def test_the_pods_cause_stays_when_the_gang_tells_of_it(self) -> None:
        world = lose(a_gang(), 1, reason="OOMKilled")
        world = world.after(decide(world.snapshot(), LATER))
        plan = self.told(world, "Joining", self.ended(cause="PeerLost"))
        assert written(plan)["restarts"] == 1
        assert written(plan)["failure"]["cause"] == "HostOutOfMemory"
        assert plan.events == ()
