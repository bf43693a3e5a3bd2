"""What is kept of a CompileCache's children is all that is read of them, and what counts as use."""

import copy
from typing import Any

import pytest
from jaxop.controllers.compilecache.trimming import trim_claim, trim_policy
from jaxop.controllers.deployments import trim_deployment
from jaxop.controllers.trimming import trim_job, trim_pod
from jaxop.domain.cache.reading import (
    digests_in_use,
    read_claim,
    read_keeper_pod,
    read_pod_refusal,
    read_told_in_use,
)

A, B = "a" * 16, "b" * 16
METADATA: dict[str, Any] = {
    "name": "team-cache",
    "namespace": "ml",
    "uid": "u",
    "resourceVersion": "7",
    "labels": {"app.kubernetes.io/managed-by": "jax-operator", "jaxop.dev/compile-cache": "team"},
    "annotations": {"jaxop.dev/spec-hash": "h", "a": "b" * 1000},
    "ownerReferences": [
        {"apiVersion": "jaxop.dev/v1alpha1", "kind": "CompileCache", "name": "team", "uid": "o",
         "controller": True},
    ],
}  # fmt: skip
CLAIM: dict[str, Any] = {
    "metadata": METADATA,
    "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": "nfs", "volumeName": "v"},
    "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
}
DEPLOYMENT: dict[str, Any] = {
    "metadata": METADATA,
    "spec": {"template": {"spec": {"containers": [{"name": "keeper"}]}}},
    "status": {
        "conditions": [
            {"type": "Available", "status": "False", "message": "m"},
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
        ]
    },
}
POD: dict[str, Any] = {
    "metadata": {**METADATA, "labels": {**METADATA["labels"], "jaxop.dev/keeper": "team"}},
    "spec": {"containers": [{"name": "keeper"}] * 9},
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {"name": "keeper", "image": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}
        ],
    },
}


def test_trimmed_children_read_the_same() -> None:
    assert read_claim(trim_claim(copy.deepcopy(CLAIM))) == read_claim(CLAIM)
    assert read_keeper_pod(trim_pod(copy.deepcopy(POD))) == read_keeper_pod(POD)
    deployment = trim_deployment(copy.deepcopy(DEPLOYMENT))
    assert read_pod_refusal(deployment) == "exceeded quota"
    assert "spec" not in deployment
    assert read_claim(CLAIM).shareable
    assert read_keeper_pod(POD).waiting[0].reason == "ErrImagePull"


def test_what_the_core_needs_is_kept() -> None:
    for trim in (trim_claim, trim_deployment, trim_policy):
        metadata = trim({"metadata": copy.deepcopy(METADATA)})["metadata"]
        assert metadata["annotations"] == {"jaxop.dev/spec-hash": "h"}
        assert metadata["ownerReferences"][0]["uid"] == "o"
        assert metadata["labels"]["jaxop.dev/compile-cache"] == "team"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'{{"inUse": ["{A}", "x"]}}', {A}),
        ('{"inUse": []}', set()),
        ('{"inUse": 7}', None),
        ("[]", None),
        ("nonsense", None),
        (None, None),
    ],
)
def test_what_the_keeper_was_told(text: str | None, told: set[str] | None) -> None:
    policy = {"metadata": METADATA, "data": {"policy.json": text, "more": "x"}}
    assert read_told_in_use(trim_policy(policy)) == told
    assert read_told_in_use({}) is None


def user(digest: str, **status: Any) -> dict[str, Any]:
    labels = {**METADATA["labels"], "jaxop.dev/cache-namespace": digest}
    return {"metadata": {**METADATA, "labels": labels}, "status": status}


@pytest.mark.parametrize(
    ("pod", "counts"),
    [
        (user(A, phase="Pending"), True),
        (user(A, phase="Running"), True),
        (user(A), True),
        (user(A, phase="Succeeded"), False),
        (user(A, phase="Failed"), False),
        (user("no-digest", phase="Running"), False),
    ],
)
def test_pods_that_use_a_namespace(pod: dict[str, Any], counts: bool) -> None:
    kept = trim_pod({**pod, "spec": {}})
    assert digests_in_use([kept], []) == ({A} if counts else frozenset())


@pytest.mark.parametrize(
    ("conditions", "counts"),
    [
        ([], True),
        ([{"type": "Suspended", "status": "True"}], True),
        ([{"type": "Complete", "status": "True"}], False),
        ([{"type": "Failed", "status": "True"}], False),
    ],
)
def test_jobs_that_use_a_namespace(conditions: list[dict[str, str]], counts: bool) -> None:
    kept = trim_job({**user(B, conditions=conditions), "spec": {}})
    assert digests_in_use([], [kept]) == ({B} if counts else frozenset())
