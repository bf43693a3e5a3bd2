"""What is kept of a pod or a Job is all that is read of it, and little else."""

import copy
import json
from typing import Any

from jaxop.controllers.parse_cache import ParseCache
from jaxop.controllers.trimming import trim_job, trim_ours, trim_pod, trim_service
from jaxop.domain.jaxjob.reading.reading import read_job, read_pod

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "digits-a0-s1-2-x",
        "namespace": "ml",
        "uid": "u",
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-21T12:00:00Z",
        "deletionTimestamp": "2026-11-21T12:01:00Z",
        "labels": {
            "app.kubernetes.io/managed-by": "jax-operator",
            "jaxop.dev/jaxjob": "digits",
            "jaxop.dev/attempt": "0",
            "jaxop.dev/slice": "1",
            "batch.kubernetes.io/job-completion-index": "2",
            "team": "x" * 60,
        },
        "annotations": {"a": "y" * 1000},
        "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "o", "controller": True}
        ],
        "managedFields": [{"manager": "kubelet"}],
    },
    "spec": {"nodeName": "n", "containers": [{"name": "jax", "env": [{"name": "A"}] * 50}]},
    "status": {
        "phase": "Failed",
        "podIP": "10.0.0.1",
        "reason": "Evicted",
        "message": "low on memory",
        "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "m"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T12:00:09Z"},
            {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"},
            {"type": "Initialized", "status": "True"},
        ],
        "initContainerStatuses": [
            {"name": "jaxrun-install", "image": "r:1", "state": {"terminated": {"exitCode": 0}}}
        ],
        "containerStatuses": [
            {"name": "jax", "image": "i:1", "state": {"waiting": {"reason": "ErrImagePull"}}},
            {"name": "logs", "image": "l:1", "state": {"running": {"startedAt": "x"}}},
            {
                "name": "web",
                "image": "w:1",
                "imageID": "sha256:" + "0" * 64,
                "state": {
                    "terminated": {
                        "exitCode": 137,
                        "signal": 9,
                        "reason": "OOMKilled",
                        "message": "{}",
                        "finishedAt": "2026-11-21T12:00:30Z",
                    }
                },
            },
        ],
    },
}
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": POD["metadata"],
    "spec": {"completions": 4, "template": {"spec": {"containers": [{}] * 20}}},
    "status": {
        "active": 3,
        "conditions": [
            {"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded"},
            {"type": "Suspended", "status": "False"},
        ],
    },
}


def test_a_trimmed_pod_reads_the_same() -> None:
    trimmed = trim_pod(copy.deepcopy(POD))
    assert read_pod(trimmed) == read_pod(POD)
    view = read_pod(POD)
    assert view is not None
    assert (view.slice_index, view.index, view.unschedulable) == (1, 2, "m")
    assert (view.disruption, view.reason, view.ready) == ("PreemptionByScheduler", "Evicted", True)
    assert [end.container for end in view.ends] == ["jaxrun-install", "web"]
    assert [waiting.container for waiting in view.waiting] == ["jax"]


def test_a_trimmed_job_reads_the_same() -> None:
    view = read_job(JOB)
    assert read_job(trim_job(copy.deepcopy(JOB))) == view
    assert view is not None
    assert (view.hosts, view.failed, view.terminating) == (4, "BackoffLimitExceeded", True)


def test_little_is_kept() -> None:
    assert len(json.dumps(trim_pod(copy.deepcopy(POD)))) < 0.55 * len(json.dumps(POD))
    assert "team" not in trim_pod(copy.deepcopy(POD))["metadata"]["labels"]
    assert "spec" not in trim_service(copy.deepcopy(JOB))


def test_what_the_core_needs_is_kept() -> None:
    for trim in (trim_pod, trim_job, trim_service):
        metadata = trim(copy.deepcopy(POD))["metadata"]
        for needed in ("name", "namespace", "uid", "resourceVersion", "deletionTimestamp"):
            assert metadata[needed] == POD["metadata"][needed]
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "jax-operator"
        assert metadata["ownerReferences"][0]["uid"] == "o"


def test_of_a_jaxjob_only_bookkeeping_goes() -> None:
    last = "kubectl.kubernetes.io/last-applied-configuration"
    jaxjob = {
        "metadata": {"name": "a", "managedFields": [1], "annotations": {last: "x", "mine": "y"}},
        "spec": {"any": "thing"},
        "status": {"state": "Running"},
    }
    assert trim_ours(copy.deepcopy(jaxjob)) == {
        **jaxjob,
        "metadata": {"name": "a", "annotations": {"mine": "y"}},
    }


def test_the_cache_parses_each_version_once() -> None:
    parsed: list[str] = []

    def parse(raw: dict[str, Any]) -> str:
        parsed.append(raw["metadata"]["resourceVersion"])
        return parsed[-1]

    cache = ParseCache(parse)
    first = {"metadata": {"uid": "u", "resourceVersion": "1"}}
    second = {"metadata": {"uid": "u", "resourceVersion": "2"}}
    assert [cache.get(first), cache.get(first), cache.get(second)] == ["1", "1", "2"]
    assert parsed == ["1", "2"]
    cache.keep_only([])
    assert len(cache) == 0
