"""Jobs in Kueue's queues, on a real API server with the real Job controller.

Kueue itself is played (`played_kueue`), on CRDs of our own making (`kueue_crds`).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kueue_crds import CRDS, JOB_WEBHOOK
from operator_process import OperatorProcess
from plain_api import CRDS as CRDS_PATH
from plain_api import Api, install_catalogue, install_crds
from play import FakeLauncher, Object, Play, wait
from played_kueue import QUEUE, PlayedKueue

from e2e.cluster.lite import lite_cluster

POLICIES = "/apis/admissionregistration.k8s.io/v1beta1"
SPOT = [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}]
V5E = {"class": "tpu-v5e", "topology": "2x2"}


@pytest.fixture(scope="module")
def control_plane() -> Iterator[Path]:
    """One that can mutate Jobs as Kueue's webhook does."""
    flags = [
        "--feature-gates=MutatingAdmissionPolicy=true",
        "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
    ]
    with lite_cluster(controller_manager=True, apiserver_flags=flags) as cluster:
        yield cluster.kubeconfig


@pytest.fixture(scope="module")
def api(control_plane: Path) -> Api:
    server = Api(control_plane)
    install_crds(server)
    install_catalogue(server)
    return server


@pytest.fixture(scope="module")
def served(api: Api) -> None:
    """Kueue's CRDs, and what its webhook does."""
    for crd in CRDS:
        answer = api.request("POST", CRDS_PATH, crd)
        assert answer.code in (201, 409), answer.faults
    for policy in JOB_WEBHOOK:
        plural = "mutatingadmissionpolicies" + ("bindings" if "Binding" in policy["kind"] else "")
        plural = plural.replace("policiesbindings", "policybindings")
        answer = api.request("POST", f"{POLICIES}/{plural}", policy)
        assert answer.code in (201, 409), answer.faults
    wait(
        "Kueue's kinds are served",
        lambda: all(
            api.request(
                "GET", f"/apis/kueue.x-k8s.io/v1beta2/{crd['spec']['names']['plural']}"
            ).code
            == 200
            for crd in CRDS
        ),
    )


@pytest.fixture
def kueue(served: None, play: Play) -> PlayedKueue:
    played = PlayedKueue(play)
    played.flavor("spot", {"pool": "spot"}, SPOT)
    played.flavor("reserved", {"pool": "reserved"}, [])
    wait("its webhook is there", lambda: _is_suspended_when_created(play))
    return played


@pytest.fixture
def queueing(kueue: PlayedKueue, operator: OperatorProcess) -> OperatorProcess:
    """The operator, started when Kueue is there."""
    return operator


def _is_suspended_when_created(play: Play) -> bool:
    """A policy takes a moment to be in force."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}
    job = {
        "metadata": {"name": "probe", "labels": {QUEUE: "team"}},
        "spec": {"template": {"spec": pod}},
    }
    answer = play.api.request("POST", play.path("jobs") + "?dryRun=All", job)
    return answer.body["spec"].get("suspend") is True


def queued(play: Play, slices: int, in_place: bool = True, **labels: str) -> Object:
    return play.create(
        "jaxjobs",
        {
            "apiVersion": "jaxop.dev/v1alpha1",
            "kind": "JaxJob",
            "metadata": {"name": "digits", "labels": {QUEUE: "team", **labels}},
            "spec": {
                "accelerator": {**V5E, "slices": slices},
                "restartPolicy": {"inPlace": in_place},
                "template": {
                    "spec": {
                        "schedulerName": "the-test",
                        "containers": [
                            {"name": "jax", "image": "team/digits:1", "command": ["python"]}
                        ],
                    }
                },
            },
        },
    )


def labels_of(play: Play, job: str) -> Object:
    found = play.get("jobs", job)
    assert found is not None
    labels: Object = found["metadata"]["labels"]
    return labels


def placement(job: Object) -> tuple[str | None, bool]:
    """The pool that its pods must run in, and whether they bear spot nodes."""
    spec = job["spec"]["template"]["spec"]
    return spec.get("nodeSelector", {}).get("pool"), SPOT[0] in spec.get("tolerations", [])


class TestSeveralSlices:
    def test_nothing_starts_before_all_of_it_is_admitted(
        self, play: Play, kueue: PlayedKueue, queueing: OperatorProcess
    ) -> None:
        queued(play, slices=2)
        play.wait_state("Queued", "WaitingForQuota")
        made = kueue.wait_workload()
        assert made["spec"]["queueName"] == "team"
        assert made["spec"]["active"] is True
        assert [podset["count"] for podset in made["spec"]["podSets"]] == [2]
        kueue.cannot_admit("couldn't assign flavors to pod set main: insufficient quota")

        def says_why() -> bool:
            return "insufficient quota" in play.status()["message"]

        wait("the status has Kueue's words", says_why)
        assert play.names("jobs") == []
        kueue.admit("spot")
        play.pods(2)
        assert play.names("jobs") == ["digits-a0-s0", "digits-a0-s1"]
        for job in play.all("jobs"):
            assert placement(job) == ("spot", True)
            assert QUEUE not in job["metadata"]["labels"]
            assert job["spec"]["suspend"] is False
        wait("three events", lambda: len(play.events()) >= 2)
        assert [line.split(":")[0] for line in play.events()] == [
            "Normal Queued",
            "Normal Admitted",
        ]

    def test_evicted_it_stops_gives_the_quota_back_and_comes_again(
        self, play: Play, kueue: PlayedKueue, queueing: OperatorProcess
    ) -> None:
        queued(play, slices=2)
        first = kueue.wait_workload()["metadata"]
        kueue.admit("spot")
        pods = play.pods(2)
        for pod in pods:
            play.bind(pod)
            play.run(pod)
        kueue.evict()
        status = play.wait_state("Checkpointing", "QuotaLost")
        assert "by one of priority 9" in status["message"]
        play.wait_terminating(*pods)
        workload = kueue.wait_workload()
        assert "admission" in workload["status"], "pods still run on that quota"
        for pod in pods:
            play.end(pod, 143)
            play.let_go(pod)
        kueue.wait_condition("QuotaReserved", "False")
        requeued = kueue.wait_condition("Requeued", "True")
        assert requeued["reason"] == "Preempted"
        workload = kueue.wait_workload()
        assert "admission" not in workload["status"]
        assert workload["metadata"]["uid"] == first["uid"], "its place in the queue"
        status = play.wait_state("Queued", "WaitingForQuota")
        assert status["restarts"] == 0
        wait("no Job is left", lambda: play.names("jobs") == [])
        kueue.admit("reserved")
        play.pods(2, attempt=1)
        assert [placement(job)[0] for job in play.all("jobs")] == ["reserved"] * 2
        kueue.wait_condition("Evicted", "False")

    def test_a_restart_keeps_the_quota_and_the_end_frees_it(
        self, play: Play, kueue: PlayedKueue, queueing: OperatorProcess
    ) -> None:
        queued(play, slices=2)
        kueue.admit("spot")
        for pod in play.pods(2):
            play.run(pod)
        kueue.wait_condition("PodsReady", "True")
        for pod in play.pods(2):
            play.end(pod, 3)
        pods = play.pods(2, attempt=1)
        workload = kueue.wait_workload()
        assert "admission" in workload["status"]
        for pod in pods:
            play.end(pod)
        play.wait_state("Succeeded")
        finished = kueue.wait_condition("Finished", "True")
        assert finished["reason"] == "Succeeded"

    def test_suspended_it_gives_up_its_place(
        self, play: Play, kueue: PlayedKueue, queueing: OperatorProcess
    ) -> None:
        queued(play, slices=2)
        kueue.admit("spot")
        play.pods(2)
        play.patch("jaxjobs", "digits", {"spec": {"suspend": True}})
        play.wait_state("Suspended")
        wait("the Workload is gone", lambda: kueue.workload() is None)
        change = {"containers": [{"name": "jax", "image": "team/digits:2", "command": ["python"]}]}
        play.patch("jaxjobs", "digits", {"spec": {"template": {"spec": change}}})
        play.patch("jaxjobs", "digits", {"spec": {"suspend": False}})
        play.wait_state("Queued")
        podset = kueue.wait_workload()["spec"]["podSets"][0]
        assert podset["template"]["spec"]["containers"][0]["image"] == "team/digits:2"

    def test_its_priority_follows_its_class(
        self, play: Play, kueue: PlayedKueue, queueing: OperatorProcess
    ) -> None:
        name = f"urgent-{play.namespace}"
        queued(play, 2, **{"kueue.x-k8s.io/priority-class": name})
        play.wait_state("Pending", "InvalidSpec")
        kueue.priority_class(name, 1000)
        play.wait_state("Queued")
        spec = kueue.wait_workload()["spec"]
        assert spec["priority"] == 1000
        assert spec["priorityClassRef"]["name"] == name

    def test_a_workload_that_somebody_deletes_while_it_runs(
        self, play: Play, kueue: PlayedKueue, queueing: OperatorProcess
    ) -> None:
        queued(play, slices=2)
        before = kueue.wait_workload()["metadata"]["uid"]
        kueue.admit("spot")
        play.pods(2)
        kueue.delete_workload()
        play.wait_state("Queued")
        assert kueue.wait_workload()["metadata"]["uid"] != before
        wait("no Job is left", lambda: play.names("jobs") == [])

    def test_the_operator_is_away_while_it_is_evicted(
        self,
        play: Play,
        kueue: PlayedKueue,
        queueing: OperatorProcess,
        start_operator: Callable[[str], OperatorProcess],
    ) -> None:
        queued(play, slices=2)
        kueue.admit("spot")
        play.pods(2)
        queueing.kill()
        kueue.evict()
        start_operator("b")
        status = play.wait_state("Queued", "WaitingForQuota")
        assert status["restarts"] == 0
        kueue.wait_condition("QuotaReserved", "False")

    def test_a_second_pass_writes_nothing(
        self, play: Play, kueue: PlayedKueue, queueing: OperatorProcess
    ) -> None:
        queued(play, slices=2)
        play.wait_state("Queued")
        kueue.wait_workload()
        kueue.cannot_admit("no quota")
        wait("the status has Kueue's words", lambda: "no quota" in play.status()["message"])
        before = queueing.writes()
        play.patch("jaxjobs", "digits", {"metadata": {"labels": {"touched": "yes"}}})
        kueue.cannot_admit("still no quota")
        wait("it has looked again", lambda: "still" in play.status()["message"])
        after = queueing.writes()
        assert {k: v for k, v in after.items() if k[1] != "JaxJob"} == {
            k: v for k, v in before.items() if k[1] != "JaxJob"
        }


class TestOneSlice:
    def test_kueue_holds_its_job_places_it_and_lets_it_go(
        self, play: Play, kueue: PlayedKueue, queueing: OperatorProcess
    ) -> None:
        queued(play, 1, **{"kueue.x-k8s.io/priority-class": "urgent"})
        status = play.wait_state("Queued", "WaitingForQuota")
        (job,) = play.all("jobs")
        assert job["spec"]["suspend"] is True
        assert job["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] == "urgent"
        assert f"job-uid={job['metadata']['uid']}" in status["message"]
        assert play.all("pods") == []
        kueue.start_job("digits-a0-s0", {"pool": "spot"}, SPOT)
        (pod,) = play.pods(1)
        assert pod["spec"]["nodeSelector"]["pool"] == "spot"
        play.wait_state("Scheduling", "PodsStarting")
        (job,) = play.all("jobs")
        assert placement(job) == ("spot", True), "nobody fights over the template"
        assert ("apply", "Job") not in queueing.writes()

    @pytest.mark.parametrize("in_place", [True, False])
    def test_evicted_it_saves_queues_and_goes_on_in_the_same_job(
        self,
        play: Play,
        kueue: PlayedKueue,
        queueing: OperatorProcess,
        launcher: FakeLauncher,
        in_place: bool,
    ) -> None:
        queued(play, slices=1, in_place=in_place)
        play.wait_state("Queued")
        (job,) = play.all("jobs")
        kueue.start_job("digits-a0-s0", {"pool": "spot"}, SPOT)
        (pod,) = play.pods(1)
        play.bind(pod)
        play.run(pod, launcher.address)
        launcher.report["numProcesses"] = 1
        launcher.says("Running", missing=[], joined=1, step=120, checkpointStep=100)
        play.wait_state("Running")
        kueue.stop_job("digits-a0-s0", job["spec"])
        play.wait_state("Checkpointing", "QuotaLost")
        kueue.wait_inactive("digits-a0-s0")
        play.end(pod, 143)
        play.let_go(pod)
        status = play.wait_state("Queued", "WaitingForQuota")
        assert (status["restarts"], status["attempt"], status["step"]) == (0, 0, 120)
        assert "failure" not in status
        kueue.start_job("digits-a0-s0", {"pool": "reserved"}, [])

        def again() -> list[Object]:
            return [p for p in play.all("pods") if p["metadata"]["uid"] != pod["metadata"]["uid"]]

        (new,) = wait("the Job makes its pod again", again)
        assert new["spec"]["nodeSelector"]["pool"] == "reserved"
        play.wait_state("Scheduling")
        assert play.names("jobs") == ["digits-a0-s0"]

    def test_admitted_again_while_its_old_pod_still_saves(
        self,
        play: Play,
        kueue: PlayedKueue,
        queueing: OperatorProcess,
        start_operator: Callable[[str], OperatorProcess],
    ) -> None:
        """And the operator sees none of it until later."""
        queued(play, slices=1)
        play.wait_state("Queued")
        (job,) = play.all("jobs")
        kueue.start_job("digits-a0-s0", {"pool": "spot"}, SPOT)
        (pod,) = play.pods(1)
        play.bind(pod)
        play.run(pod)
        queueing.kill()
        kueue.stop_job("digits-a0-s0", job["spec"])
        kueue.wait_inactive("digits-a0-s0")
        play.wait_terminating(pod)
        kueue.start_job("digits-a0-s0", {"pool": "reserved"}, [])
        again = start_operator("b")
        again.wait_leading()
        play.end(pod, 143)
        play.let_go(pod)

        def new_ones() -> list[Object]:
            return [p for p in play.all("pods") if p["metadata"]["uid"] != pod["metadata"]["uid"]]

        (new,) = wait("the Job makes its pod again", new_ones)
        assert new["spec"]["nodeSelector"]["pool"] == "reserved"
        play.run(new)
        wait("the new pod counts", lambda: play.status()["hosts"]["ready"] == 1)
        status = play.status()
        assert (status["restarts"], status["attempt"]) == (0, 0)
        assert "failure" not in status


def test_without_a_label_kueue_is_none_of_its_business(
    play: Play, kueue: PlayedKueue, queueing: OperatorProcess
) -> None:
    play.jaxjob(accelerator={**V5E, "slices": 2})
    play.pods(2)
    assert kueue.workload() is None
    for job in play.names("jobs"):
        assert QUEUE not in labels_of(play, job)
    assert "Workload" not in {kind for _, kind in queueing.writes()}
