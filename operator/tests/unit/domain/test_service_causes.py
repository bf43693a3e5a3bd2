"""Why replicas are not ready, in the words that the status has."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from jaxop.domain.jaxjob.views import Cause, EpochEnd, NodeView
from jaxop.domain.service import decide
from jaxop.domain.service.reading import (
    read_deployment,
    read_replica_job,
    read_replica_pod,
    read_revision,
)
from services import Played, a_service, waiting_for

OUT_OF_MEMORY = (
    '{"version": 1, "cause": "DeviceOutOfMemory", "process": 0, "exitCode": 1, '
    '"message": "bucket batch=64 needs 21 GiB, and the device has 16"}'
)


def starting() -> tuple[Played, str]:
    played = a_service().spec(replicas=2).ticks(ready=False)
    return played, played.status.updated_revision


def told(played: Played) -> tuple[str, str]:
    played.operator()
    return played.status.reason, played.status.message


def test_an_image_that_cannot_be_pulled() -> None:
    played, revision = starting()
    reason, message = told(played.change_pods(revision, waiting=waiting_for("ErrImagePull", "no")))
    assert reason == "ImagePull"
    assert message.startswith("image team/minilm:2 cannot be pulled on 2 of 2 pods (no)")


def test_pods_that_find_no_node() -> None:
    played = a_service().on("nvidia-l4", chipsPerHost=1).ticks(ready=False)
    revision = played.status.updated_revision
    played.change_pods(revision, unschedulable="0/1 nodes are available: 1 Insufficient gpu.")
    plan = decide(replace(played.snapshot(), nodes=(NodeView("a"),)), played.now)
    assert plan.status is not None
    assert plan.status["reason"] == "Unschedulable"
    assert "1 of 1 pods cannot be scheduled: each needs nvidia.com/gpu: 1" in plan.status["message"]


def test_a_server_that_ended_in_the_words_of_its_launcher() -> None:
    played, revision = starting()
    reason, message = told(played.crash(revision, restarts=2, message=OUT_OF_MEMORY))
    assert reason == "DeviceOutOfMemory"
    assert message == (
        "bucket batch=64 needs 21 GiB, and the device has 16, 2 restarts of its container"
    )


def test_a_server_that_its_launcher_restarts_in_place() -> None:
    played, _ = starting()
    played.reporting(0, state="Loading", buckets_total=2)
    (uid, report) = next(iter(played.reports.items()))
    end = EpochEnd(1, Cause("ProgramError", "process 0 exited with 1: ImportError: no minilm"))
    played.reports[uid] = replace(report, gang=replace(report.gang, restarts=(end,)))
    assert told(played) == (
        "ProgramError",
        "process 0 exited with 1: ImportError: no minilm; its launcher has restarted it in place, "
        "time 1",
    )


def test_a_server_that_its_launcher_does_not_restart_any_more() -> None:
    played, _ = starting()
    played.reporting(0, state="Loading", buckets_total=2)
    (uid, report) = next(iter(played.reports.items()))
    first = EpochEnd(1, Cause("PeerLost", "process 1 is lost"))
    last = Cause("ProgramError", "process 0 exited with 1: ImportError: no minilm")
    ended = replace(report.gang, state="Failed", restarts=(first,), cause=last)
    played.reports[uid] = replace(report, gang=ended)
    assert told(played) == ("ProgramError", "process 0 exited with 1: ImportError: no minilm")


def test_a_server_that_says_itself_why_it_is_not_ready() -> None:
    played, _ = starting()
    played.reporting(0, state="Unready", reason="3 batches in a row ran out of device memory")
    reason, message = told(played)
    assert reason == "ServerUnready"
    assert message.endswith("is not ready: 3 batches in a row ran out of device memory")


def test_a_server_that_loads_is_no_problem() -> None:
    played, _ = starting()
    reason, message = told(played.reporting(0, state="Loading", buckets_ready=1, buckets_total=2))
    assert (played.status.state, reason) == ("Starting", "LoadingModel")
    assert "compiles and executes its buckets" in message
    assert played.status.buckets.summary == "1/2"


def test_pods_that_a_deployment_may_not_make() -> None:
    played, _ = starting()
    (deployment,) = played.of_kind("Deployment")
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: gpus"}
    deployment["status"]["conditions"] = [failure]
    assert told(played) == ("PodsRefused", "pods cannot be made: exceeded quota: gpus")


# reading


def test_a_pod_of_a_deployment_is_read_with_its_past() -> None:
    ended = {"exitCode": 1, "message": OUT_OF_MEMORY, "finishedAt": "2026-11-21T12:00:00Z"}
    container = {
        "name": "jax",
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }
    marks = {"jaxop.dev/revision": "abc", "batch.kubernetes.io/job-completion-index": "0"}
    raw: dict[str, Any] = {
        "metadata": {"name": "p", "uid": "u", "labels": marks},
        "status": {"phase": "Running", "containerStatuses": [container]},
    }
    view = read_replica_pod(raw)
    assert view is not None
    assert (view.revision, view.replica, view.restarts) == ("abc", None, 4)
    assert view.last_end is not None
    assert view.last_end.finished_at == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert not view.serves
    raw["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    ready = read_replica_pod(raw)
    assert ready is not None
    assert ready.serves


def test_a_deployment_is_not_settled_until_its_controller_has_seen_it() -> None:
    raw: dict[str, Any] = {
        "metadata": {"name": "d", "generation": 3, "labels": {"jaxop.dev/revision": "abc"}},
        "spec": {"replicas": 0},
        "status": {"observedGeneration": 2, "replicas": 1},
    }
    view = read_deployment(raw)
    assert view is not None
    assert (view.replicas, view.existing, view.settled) == (0, 1, False)
    raw["status"]["observedGeneration"] = 3
    seen = read_deployment(raw)
    assert seen is not None
    assert seen.settled


@pytest.mark.parametrize(
    "read", [read_deployment, read_replica_job, read_replica_pod, read_revision]
)
@pytest.mark.parametrize(
    "raw",
    [{}, {"metadata": None}, {"metadata": {"labels": {"jaxop.dev/revision": 3}}, "status": []}],
)
def test_what_makes_no_sense_is_no_child(read: Any, raw: Any) -> None:
    assert read(raw) is None
