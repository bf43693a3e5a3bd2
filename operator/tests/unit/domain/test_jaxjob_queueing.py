"""Jobs in Kueue's queues: several slices by a Workload of their own, one slice by its Job."""

from dataclasses import replace
from datetime import timedelta

import pytest
from building import NOW, SETTINGS, World, a_jaxjob, ended, seconds
from jaxop.api.plan import Plan
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.queueing.views import QueuePriority
from plan_words import state
from queued import FLAVORS, PRIORITY, QUEUE, AWorkload, a_queued_job, condition, kueue


def kinds(plan: Plan) -> list[str]:
    return [manifest["kind"] for manifest in plan.apply]


def seeing(world: World, workload: AWorkload | None) -> World:
    return world.seeing(kueue=kueue(workload))


def running(workload: AWorkload) -> World:
    world = seeing(a_queued_job(), workload).with_jobs().running_pods()
    return world.status(
        state="Running",
        reason="ProgramRunning",
        message="all 8 processes run",
        observedGeneration=1,
    ).reporting("Running", step=120, checkpoint_step=100)


def settle(world: World, workload: AWorkload | None = None, passes: int = 6) -> tuple[World, Plan]:
    """Decides until nothing changes; the pods of deleted Jobs go at once."""
    for _ in range(passes):
        plan = decide(world.snapshot(), NOW)
        if plan.child_status and workload is not None:
            world = seeing(world, workload.told(plan))
        new = world.after(plan)
        if plan.delete:
            there = {job.attempt for job in new.jobs}
            pods = tuple(pod for pod in new.pods if pod.attempt in there)
            new = World(new.manifest, new.classes, new.jobs, pods, {**new.rest, "report": None})
        if new == world and not plan.child_status:
            return new, plan
        world = new
    raise AssertionError(f"not settled: {plan}")


class TestUntilItIsAdmitted:
    def test_a_workload_is_made_and_nothing_else(self) -> None:
        plan = decide(seeing(a_queued_job(), None).snapshot(), NOW)
        assert kinds(plan) == ["Workload"]
        assert state(plan) == ("Queued", "WaitingForQuota")
        assert plan.status is not None
        assert "startTime" not in plan.status
        assert [event.reason for event in plan.events] == ["Queued"]

    def test_the_workload(self) -> None:
        (made,) = decide(seeing(a_queued_job(), None).snapshot(), NOW).apply
        assert made["apiVersion"] == "kueue.x-k8s.io/v1beta2"
        assert made["metadata"]["name"] == "jaxjob-digits"
        assert made["metadata"]["ownerReferences"][0]["kind"] == "JaxJob"
        spec = made["spec"]
        assert set(spec) == {"queueName", "podSets"}, "spec.active is the admin's"
        assert spec["queueName"] == "team"
        (podset,) = spec["podSets"]
        assert (podset["name"], podset["count"]) == ("main", 8)
        pod = podset["template"]["spec"]
        assert pod["containers"][0]["resources"]["limits"]["google.com/tpu"] == "4"
        assert [c["name"] for c in pod["initContainers"]] == ["jaxrun-install"]
        assert "cloud.google.com/gke-tpu-topology" in str(pod), "Kueue chooses flavours by it"
        assert not {"env", "command"} & set(pod["containers"][0])

    def test_it_is_the_same_in_every_attempt(self) -> None:
        first = decide(seeing(a_queued_job(), None).snapshot(), NOW).apply
        later = decide(seeing(a_queued_job().status(attempt=3), None).snapshot(), NOW).apply
        assert first == later

    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            (
                "v1beta2",
                {
                    "priority": 1000,
                    "priorityClassRef": {
                        "group": "kueue.x-k8s.io",
                        "kind": "WorkloadPriorityClass",
                        "name": "urgent",
                    },
                },
            ),
            (
                "v1beta1",
                {
                    "priority": 1000,
                    "priorityClassName": "urgent",
                    "priorityClassSource": "kueue.x-k8s.io/workloadpriorityclass",
                },
            ),
        ],
    )
    def test_its_priority(self, version: str, expected: dict[str, object]) -> None:
        world = a_queued_job(**{PRIORITY: "urgent"})
        view = kueue(
            version=version, priority=QueuePriority("WorkloadPriorityClass", "urgent", 1000)
        )
        (made,) = decide(world.seeing(kueue=view).snapshot(), NOW).apply
        assert {k: v for k, v in made["spec"].items() if "priority" in k} == expected

    def test_a_priority_class_that_does_not_exist(self) -> None:
        world = seeing(a_queued_job(**{PRIORITY: "urgnet"}), None)
        plan = decide(world.snapshot(), NOW)
        assert state(plan) == ("Pending", "InvalidSpec")
        assert not plan.apply
        assert plan.status is not None
        assert plan.status["message"].startswith(
            "metadata.labels[kueue.x-k8s.io/priority-class]: there is no WorkloadPriorityClass "
            "named urgnet; "
        )

    @pytest.mark.parametrize(
        ("workload", "reason", "message"),
        [
            (AWorkload(), "WaitingForQuota", "waits in queue team for quota"),
            (
                AWorkload().pending(),
                "WaitingForQuota",
                "waits in queue team for quota: couldn't assign flavors to pod set main",
            ),
            (
                AWorkload().inadmissible(),
                "Inadmissible",
                "queue team cannot admit it: LocalQueue team doesn't exist",
            ),
            (
                AWorkload().inactive(),
                "WorkloadInactive",
                "Workload jaxjob-digits is deactivated (spec.active: false)",
            ),
            (
                AWorkload().reserved().checking("prov", "Pending"),
                "WaitingForQuota",
                "has quota in ClusterQueue cluster, and waits for its checks: prov Pending "
                "(asked for nodes)",
            ),
        ],
        ids=["new", "pending", "inadmissible", "inactive", "checks"],
    )
    def test_it_waits_in_kueues_words(self, workload: AWorkload, reason: str, message: str) -> None:
        world, plan = settle(seeing(a_queued_job(), workload), workload)
        status = world.jaxjob.status
        assert (status.state, status.reason) == ("Queued", reason)
        assert status.message == message
        assert "Job" not in kinds(plan)
        assert world.jobs == ()

    def test_another_queue_before_it_has_quota(self) -> None:
        world = seeing(a_queued_job(), AWorkload().pending()).metadata(labels={QUEUE: "other"})
        (changed,) = decide(world.snapshot(), NOW).apply
        assert changed["spec"]["queueName"] == "other"

    def test_nothing_of_it_changes_while_it_holds_quota(self) -> None:
        workload = AWorkload().reserved().checking("prov", "Pending")
        plan = decide(seeing(a_queued_job(), workload).snapshot(), NOW)
        assert plan.apply == ()

    def test_without_kueue_it_says_so(self) -> None:
        plan = decide(a_queued_job().snapshot(), NOW)
        assert state(plan) == ("Pending", "KueueMissing")
        assert plan.status is not None
        assert plan.status["message"].startswith("metadata.labels[kueue.x-k8s.io/queue-name]: ")
        assert not plan.apply

    def test_without_a_label_nothing_is_different(self) -> None:
        world = a_jaxjob().on("tpu-v5e", "4x4").with_slices(2)
        plan = decide(world.snapshot(), NOW)
        assert kinds(plan) == ["Service", "Job", "Job"]
        assert plan == decide(world.seeing(kueue=None).snapshot(), NOW)


class TestAdmitted:
    def test_its_jobs_are_made_where_the_quota_is(self) -> None:
        world = seeing(a_queued_job(), AWorkload().admitted("spot"))
        plan = decide(world.status(state="Queued", reason="WaitingForQuota").snapshot(), NOW)
        assert kinds(plan) == ["Service", "Job", "Job"]
        for job in plan.apply[1:]:
            pod = job["spec"]["template"]["spec"]
            assert pod["nodeSelector"]["pool"] == "spot"
            assert FLAVORS["spot"]["spec"]["tolerations"][0] in pod["tolerations"]
            assert QUEUE not in job["metadata"]["labels"], "Kueue would queue each by itself"
        assert state(plan) == ("Scheduling", "PodsStarting")
        assert [event.reason for event in plan.events] == ["Admitted"]

    def test_what_admission_checks_add(self) -> None:
        workload = (
            AWorkload()
            .admitted()
            .checking(
                "prov",
                "Ready",
                nodeSelector={"nodes-of": "request-1"},
                annotations={"consume": "request-1"},
                labels={"provisioned": "yes"},
                tolerations=[{"key": "new", "operator": "Exists"}],
            )
        )
        template = decide(seeing(a_queued_job(), workload).snapshot(), NOW).apply[1]["spec"][
            "template"
        ]
        assert template["spec"]["nodeSelector"]["nodes-of"] == "request-1"
        assert template["metadata"]["annotations"] == {"consume": "request-1"}
        assert template["metadata"]["labels"]["provisioned"] == "yes"
        assert template["metadata"]["labels"]["jaxop.dev/jaxjob"] == "digits"
        assert {"key": "new", "operator": "Exists"} in template["spec"]["tolerations"]

    def test_what_contradicts_the_template(self) -> None:
        world = seeing(a_queued_job(), AWorkload().admitted("spot"))
        plan = decide(world.pod_spec(nodeSelector={"pool": "mine"}).snapshot(), NOW)
        assert state(plan) == ("Pending", "InvalidSpec")
        assert plan.status is not None
        assert plan.status["message"].startswith(
            "ResourceFlavor spot wants node selector pool=spot, the pod template has mine; "
        )

    def test_a_flavour_that_is_not_there_yet(self) -> None:
        view = kueue(AWorkload().admitted("new"))
        plan = decide(a_queued_job().seeing(kueue=view).snapshot(), NOW)
        assert state(plan) == ("Queued", "WaitingForQuota")
        assert plan.requeue_after is not None

    def test_a_restart_keeps_the_quota(self) -> None:
        old = running(AWorkload().admitted()).status(attempt=1, state="Restarting")
        plan = decide(old.snapshot(), NOW)
        assert {ref.kind for ref in plan.delete} == {"Job"}
        assert plan.child_status == ()
        world = World(old.manifest, old.classes, rest={**old.rest, "report": None})
        plan = decide(world.snapshot(), NOW)
        jobs = [m["metadata"]["name"] for m in plan.apply if m["kind"] == "Job"]
        assert jobs == ["digits-a1-s0", "digits-a1-s1"]
        assert (plan.delete, plan.child_status) == ((), ())

    def test_ready_pods_are_told_once(self) -> None:
        workload = AWorkload().admitted()
        world = running(workload).status(hosts={"wanted": 8, "ready": 8, "summary": "8/8"})
        workload.told(decide(world.snapshot(), NOW))
        assert workload.says("PodsReady")["status"] == "True"
        assert decide(seeing(world, workload).snapshot(), NOW).child_status == ()

    def test_a_job_that_ran_before_kueue_came_is_not_disturbed(self) -> None:
        world = running(AWorkload().admitted()).seeing(kueue=None)
        assert decide(world.snapshot(), NOW).delete == ()


class TestEvicted:
    def test_it_saves_stops_and_queues_again_at_its_place(self) -> None:
        workload = AWorkload().admitted()
        world = running(workload)
        workload.evicted("Preempted", "Preempted to accommodate a workload of priority 9")
        world = seeing(world, workload)
        plan = decide(world.snapshot(), NOW)
        assert state(plan) == ("Checkpointing", "QuotaLost")
        assert not plan.delete, "the status comes first"
        assert plan.status is not None
        assert "Preempted to accommodate a workload of priority 9" in plan.status["message"]
        assert [event.reason for event in plan.events] == ["QuotaLost"]

        world = world.after(plan)
        plan = decide(world.snapshot(), NOW)
        assert [ref.kind for ref in plan.delete] == ["Job", "Job"]
        assert not plan.child_status, "Kueue keeps the quota while pods run"
        world = world.after(plan).with_pods("Running", gone_by=NOW + seconds(60))
        assert decide(world.snapshot(), NOW).child_status == ()

        world = World(world.manifest, world.classes, (), (), world.rest).seeing(report=None)
        world, _ = settle(world, workload)
        status = world.jaxjob.status
        assert (status.state, status.attempt, status.restarts) == ("Queued", 1, 0)
        assert status.step == 120
        assert world.jobs == ()
        assert "admission" not in workload.raw["status"]
        assert workload.says("QuotaReserved")["status"] == "False"
        assert workload.says("Admitted")["reason"] == "NoReservation"
        requeued = workload.says("Requeued")
        assert (requeued["status"], requeued["reason"]) == ("True", "Preempted")

        plan = decide(seeing(world, workload.admitted("spot")).snapshot(), NOW)
        jobs = [m["metadata"]["name"] for m in plan.apply if m["kind"] == "Job"]
        assert jobs == ["digits-a1-s0", "digits-a1-s1"]
        assert plan.apply[1]["spec"]["template"]["spec"]["nodeSelector"]["pool"] == "spot"

    @pytest.mark.parametrize(
        ("reason", "requeued"),
        [
            ("Preempted", "True"),
            ("NodeFailures", "True"),
            ("PodsReadyTimeout", "False"),
            ("AdmissionCheck", "False"),
            ("ClusterQueueStopped", "False"),
            ("Deactivated", "False"),
        ],
    )
    def test_who_says_when_it_queues_again(self, reason: str, requeued: str) -> None:
        workload = AWorkload().admitted().evicted(reason)
        world = seeing(a_queued_job().status(attempt=1, state="Queued"), workload)
        workload.told(decide(world.snapshot(), NOW))
        assert workload.says("Requeued")["status"] == requeued
        assert workload.says("Evicted")["status"] == "True", "Kueue's own"

    def test_the_quota_is_kept_while_pods_of_an_earlier_attempt_still_stop(self) -> None:
        """It was evicted in the moment of a restart."""
        workload = AWorkload().admitted().evicted()
        old = seeing(a_queued_job(), workload).running_pods()
        plan = decide(old.status(attempt=1, state="Restarting").snapshot(), NOW)
        assert state(plan) == ("Queued", "WaitingForQuota")
        assert plan.child_status == ()
        assert plan.requeue_after is not None

    def test_times_move_only_with_a_status(self) -> None:
        workload = AWorkload().admitted().evicted()
        workload.set(condition("Requeued", True, "Preempted"))
        world = seeing(a_queued_job().status(attempt=1, state="Queued"), workload)
        workload.told(decide(world.snapshot(), NOW))
        assert workload.says("Requeued")["lastTransitionTime"] == "2026-11-21T11:59:00Z"
        assert workload.says("QuotaReserved")["lastTransitionTime"] == "2026-11-21T12:00:00Z"

    def test_a_deleted_workload_stops_it_only_when_the_new_one_is_not_admitted(self) -> None:
        world = seeing(running(AWorkload().admitted()), None)
        plan = decide(world.snapshot(), NOW)
        assert (kinds(plan), plan.status, plan.delete) == (["Workload"], None, ())
        plan = decide(seeing(world, AWorkload()).snapshot(), NOW)
        assert state(plan) == ("Checkpointing", "QuotaLost")
        plan = decide(seeing(world, AWorkload().admitted()).snapshot(), NOW)
        assert plan.delete == (), "it was there all the time"

    def test_a_workload_declared_finished_by_another_is_made_anew(self) -> None:
        world = seeing(a_queued_job().status(state="Queued"), AWorkload().admitted().finished())
        (ref,) = decide(world.snapshot(), NOW).delete
        assert (ref.kind, ref.uid) == ("Workload", "uid-workload")

    def test_one_that_is_being_deleted_is_waited_for(self) -> None:
        world = seeing(a_queued_job(), AWorkload().admitted().being_deleted())
        plan = decide(world.snapshot(), NOW)
        assert state(plan) == ("Queued", "WaitingForQuota")
        assert (plan.apply, plan.delete) == ((), ())


class TestSuspendAndEnd:
    def test_a_suspended_job_gives_up_its_place(self) -> None:
        world = running(AWorkload().admitted()).suspended()
        while world.jobs:
            plan = decide(world.snapshot(), NOW)
            assert not [ref for ref in plan.delete if ref.kind == "Workload"]
            world = world.after(plan)
        world = World(world.manifest, world.classes, (), (), {**world.rest, "report": None})
        world = world.after(decide(world.snapshot(), NOW))
        assert world.jaxjob.status.state == "Suspended"
        (ref,) = decide(world.snapshot(), NOW).delete
        assert ref.kind == "Workload"

    def test_resumed_with_another_template_it_queues_with_that(self) -> None:
        world = a_queued_job().status(state="Suspended", reason="Suspended", attempt=1)
        world = world.program(resources={"requests": {"cpu": "16"}})
        plan = decide(seeing(world, None).snapshot(), NOW)
        (made,) = plan.apply
        container = made["spec"]["podSets"][0]["template"]["spec"]["containers"][0]
        assert container["resources"]["requests"] == {"cpu": "16"}

    @pytest.mark.parametrize(
        ("ended_as", "reason"), [("Succeeded", "Succeeded"), ("Failed", "Failed")]
    )
    def test_the_end_frees_the_quota(self, ended_as: str, reason: str) -> None:
        workload = AWorkload().admitted()
        world = seeing(a_queued_job(), workload).with_jobs(complete=True)
        world = world.status(
            state=ended_as,
            reason="x",
            message="it is over",
            observedGeneration=1,
            completionTime="2026-11-21T11:00:00Z",
        )
        workload.told(decide(world.snapshot(), NOW))
        assert workload.says("Finished")["reason"] == reason
        assert workload.says("Finished")["message"] == "it is over"
        assert decide(seeing(world, workload).snapshot(), NOW).child_status == ()

    def test_but_not_before_its_other_jobs_are_gone(self) -> None:
        world = running(AWorkload().admitted()).status(
            state="Failed", completionTime="2026-11-21T12:00:00Z"
        )
        assert decide(world.snapshot(), NOW).child_status == ()


class TestOneSlice:
    """Kueue does everything to the Job; the operator must understand it, and keep out of it."""

    def a_job(self) -> World:
        return a_queued_job(slices=1, **{PRIORITY: "urgent"})

    def held(self, **fields: object) -> World:
        return self.a_job().with_jobs(suspended=True, **fields)

    def ran(self) -> World:
        world = self.a_job().with_jobs().running_pods()
        return world.status(
            state="Running", reason="ProgramRunning", message="x", observedGeneration=1
        ).reporting("Running", step=120, checkpoint_step=100)

    def test_its_job_carries_the_labels(self) -> None:
        job = decide(self.a_job().snapshot(), NOW).apply[1]
        assert job["metadata"]["labels"][QUEUE] == "team"
        assert job["metadata"]["labels"][PRIORITY] == "urgent"
        assert "suspend" not in job["spec"], "Kueue's webhook says so"
        assert QUEUE not in job["spec"]["template"]["metadata"]["labels"]

    def test_without_kueue_it_runs_as_any_job_would(self) -> None:
        assert kinds(decide(self.a_job().snapshot(), NOW)) == ["Service", "Job"]

    def test_it_waits(self) -> None:
        plan = decide(self.held().snapshot(), NOW)
        assert state(plan) == ("Queued", "WaitingForQuota")
        assert plan.status is not None
        assert plan.status["message"] == (
            "waits in queue team for quota; see why: kubectl get workloads -n ml "
            "-l kueue.x-k8s.io/job-uid=uid-digits-a0-s0"
        )
        assert (plan.apply, plan.delete) == ((), ())

    def test_admitted_it_starts(self) -> None:
        world = self.held().status(state="Queued", reason="WaitingForQuota")
        plan = decide(world.with_jobs(suspended=False, resumed_at=NOW).snapshot(), NOW)
        assert state(plan) == ("Scheduling", "PodsStarting")

    def test_evicted_it_saves_and_queues_again_in_the_same_attempt(self) -> None:
        world = self.ran().with_jobs(suspended=True)
        plan = decide(world.snapshot(), NOW)
        assert state(plan) == ("Checkpointing", "QuotaLost")
        world = world.after(plan).with_pods(
            "Failed", gone_by=NOW + seconds(60), told_to_go_at=NOW, ends=(ended(143),)
        )
        plan = decide(world.snapshot(), NOW + seconds(1))
        assert state(plan) == ("Queued", "WaitingForQuota")
        assert (plan.apply, plan.delete) == ((), ())
        status = world.after(plan).jaxjob.status
        assert (status.attempt, status.restarts, status.failure) == (0, 0, None)
        assert (status.step, status.checkpoint_step) == (120, 100)

    def test_what_is_left_of_before_is_neither_failure_nor_member(self) -> None:
        """Admitted again while its old pods are still there, and the operator was away."""
        resumed = NOW + seconds(30)
        world = self.ran().with_jobs(resumed_at=resumed)
        old = world.with_pods(
            "Failed",
            gone_by=NOW + seconds(60),
            told_to_go_at=NOW + seconds(5),
            ends=(ended(143),),
            created_at=NOW - timedelta(hours=1),
        )
        plan = decide(old.snapshot(), resumed + seconds(1))
        status = old.after(plan).jaxjob.status
        assert (status.restarts, status.attempt, status.failure) == (0, 0, None)
        assert status.hosts is not None
        assert status.hosts.ready == 0

    def test_a_new_pod_that_fails_is_a_failure(self) -> None:
        world = self.ran().with_jobs(resumed_at=NOW).seeing(report=None)
        world = world.pod(1, phase="Failed", ready=False, ends=(ended(3),))
        plan = decide(world.snapshot(), NOW + seconds(60))
        status = world.after(plan).jaxjob.status
        assert status.failure is not None or status.state in ("Restarting", "Failed")

    def test_suspended_by_its_user_while_it_waits(self) -> None:
        world = self.held().status(state="Queued", reason="WaitingForQuota").suspended()
        for _ in range(4):
            world = world.after(decide(world.snapshot(), NOW))
        assert world.jaxjob.status.state == "Suspended"
        assert world.jobs == ()

    def test_a_job_suspended_by_a_person(self) -> None:
        world = a_jaxjob().with_jobs(suspended=True)
        plan = decide(world.snapshot(), NOW)
        assert state(plan) == ("Queued", "WaitingForQuota")
        assert plan.status is not None
        assert "not by this operator" in plan.status["message"]

    @pytest.mark.parametrize("alive", [True, False])
    def test_deciding_twice_changes_nothing(self, alive: bool) -> None:
        world = self.ran().with_jobs(suspended=True)
        world = world if alive else World(world.manifest, world.classes, world.jobs)
        world = world.after(decide(world.snapshot(), NOW))
        again = decide(world.snapshot(), NOW)
        assert (again.status, again.apply, again.delete) == (None, (), ())


class Cluster:
    """Carries plans out in the executor's order, and dies after so many writes of one of them."""

    def __init__(self, dies_after: int | None) -> None:
        self.workload: AWorkload | None = AWorkload().admitted()
        self.world = running(self.workload)
        self.writes, self.dies_after = 0, dies_after

    def until_still(self) -> None:
        for _ in range(20):
            plan = decide(self._seen().snapshot(), NOW)
            if not (plan.apply or plan.delete or plan.child_status or plan.status):
                return
            writes = self.writes
            self._carry_out(plan)
            if self.writes == writes:
                return
        raise AssertionError("it never ends")

    def _seen(self) -> World:
        return seeing(self.world, self.workload)

    def _carry_out(self, plan: Plan) -> None:
        for manifest in plan.apply:
            if manifest["kind"] == "Workload" and self.workload is not None:
                continue  # as it was: nothing is written
            if manifest["kind"] != "Service" and self._dies():
                return
            if manifest["kind"] == "Workload":
                self.workload = AWorkload()
            self.world = self.world.after(Plan(apply=(manifest,)))
        for ref in plan.delete:
            if self._dies():
                return
            if ref.kind == "Workload":
                self.workload = None
            self.world = self.world.after(Plan(delete=(ref,)))
            there = {job.name for job in self.world.jobs}
            pods = tuple(p for p in self.world.pods if p.name.rsplit("-", 1)[0] in there)
            self.world = replace(self.world, pods=pods)
        if plan.child_status and not self._dies():
            assert self.workload is not None
            self.workload.told(plan)
        if plan.status is not None and not self._dies():
            self.world = self.world.after(Plan(status=plan.status))

    def _dies(self) -> bool:
        self.writes += 1
        if self.dies_after is not None and self.writes > self.dies_after:
            self.dies_after = None
            return True
        return False


@pytest.mark.parametrize("dies_after", [None, *range(14)])
def test_wherever_the_operator_dies_the_end_is_the_same(dies_after: int | None) -> None:
    """Evicted, admitted again elsewhere, suspended."""
    cluster = Cluster(dies_after)
    assert cluster.workload is not None
    cluster.workload.evicted()
    cluster.world = cluster.world.seeing(report=None)
    cluster.until_still()
    status = cluster.world.jaxjob.status
    assert (status.state, status.attempt, status.restarts) == ("Queued", 1, 0)
    assert "admission" not in cluster.workload.raw["status"]
    assert (cluster.world.jobs, cluster.world.pods) == ((), ())

    cluster.workload.admitted("spot")
    cluster.until_still()
    assert [job.name for job in cluster.world.jobs] == ["digits-a1-s0", "digits-a1-s1"]
    assert cluster.world.jaxjob.status.state == "Scheduling"

    cluster.world = cluster.world.suspended()
    cluster.until_still()
    assert cluster.world.jaxjob.status.state == "Suspended"
    assert cluster.workload is None
    assert cluster.world.jobs == ()


class TestAsAnExternalFrameworkOfKueue:
    """Kueue then makes no Workload for the Jobs of a JaxJob, of whatever number of slices."""

    SETTINGS = replace(SETTINGS, kueue_external_framework=True)

    def a_job(self, workload: AWorkload | None) -> World:
        return seeing(a_queued_job(slices=1), workload).seeing(settings=self.SETTINGS)

    def test_a_single_slice_has_its_own_workload_too(self) -> None:
        plan = decide(self.a_job(None).snapshot(), NOW)
        (made,) = plan.apply
        assert (made["kind"], made["spec"]["podSets"][0]["count"]) == ("Workload", 4)

    def test_its_job_is_not_queued_again(self) -> None:
        job = decide(self.a_job(AWorkload().admitted("spot")).snapshot(), NOW).apply[1]
        assert QUEUE not in job["metadata"]["labels"]
        assert job["spec"]["template"]["spec"]["nodeSelector"]["pool"] == "spot"

    def test_evicted_it_gets_another_attempt(self) -> None:
        workload = AWorkload().admitted().evicted()
        world = self.a_job(workload).with_jobs().running_pods().reporting("Running")
        world = world.status(state="Running", reason="ProgramRunning", message="x")
        world = world.after(decide(world.snapshot(), NOW))
        assert (world.jaxjob.status.state, world.jaxjob.status.reason) == (
            "Checkpointing",
            "QuotaLost",
        )
        assert [ref.kind for ref in decide(world.snapshot(), NOW).delete] == ["Job"]

    def test_without_kueue_it_says_so(self) -> None:
        world = a_queued_job(slices=1).seeing(settings=self.SETTINGS)
        assert state(decide(world.snapshot(), NOW)) == ("Pending", "KueueMissing")
