"""Kubernetes objects -> what is seen of them. They are written by others: nothing here raises."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from jaxop.api.v1alpha1.labels import CACHE_NAMESPACE
from jaxop.domain.cache.keeper_report import is_digest
from jaxop.domain.cache.policy import FILE
from jaxop.domain.cache.snapshot import LONG_AGO, ClaimView, KeeperPod
from jaxop.domain.jaxjob.reading.reading import read_waiting
from jaxop.domain.json_values import mapping, mappings, rfc3339_time, text

READ_WRITE_MANY: Final = "ReadWriteMany"


def read_claim(raw: Mapping[str, Any]) -> ClaimView:
    spec, status = mapping(raw.get("spec")), mapping(raw.get("status"))
    modes = spec.get("accessModes")
    return ClaimView(
        phase=text(status.get("phase")) or "Pending",
        shareable=isinstance(modes, list) and READ_WRITE_MANY in modes,
        terminating=mapping(raw.get("metadata")).get("deletionTimestamp") is not None,
        storage_class=text(spec.get("storageClassName")) or None,
        controller_uid=_controller_uid(mapping(raw.get("metadata"))),
    )


def _controller_uid(metadata: Mapping[str, Any]) -> str | None:
    owners = mappings(metadata.get("ownerReferences"))
    return next((text(o.get("uid")) for o in owners if o.get("controller") is True), None)


def read_keeper_pod(raw: Mapping[str, Any]) -> KeeperPod:
    metadata, status = mapping(raw.get("metadata")), mapping(raw.get("status"))
    conditions = {text(c.get("type")): c for c in mappings(status.get("conditions"))}
    scheduled = conditions.get("PodScheduled", {})
    held = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    return KeeperPod(
        name=text(metadata.get("name")),
        phase=text(status.get("phase")) or "Pending",
        ip=text(status.get("podIP")),
        ready=conditions.get("Ready", {}).get("status") == "True",
        terminating=metadata.get("deletionTimestamp") is not None,
        created_at=rfc3339_time(metadata.get("creationTimestamp")) or LONG_AGO,
        unschedulable=text(scheduled.get("message")) if held else None,
        waiting=tuple(read_waiting(mappings(status.get("containerStatuses")))),
    )


def read_pod_refusal(deployment: Mapping[str, Any]) -> str | None:
    """Of a Deployment whose pods a quota or an admission plugin forbids."""
    for condition in mappings(mapping(deployment.get("status")).get("conditions")):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return text(condition.get("message")) or text(condition.get("reason"))
    return None


def read_told_in_use(policy: Mapping[str, Any]) -> frozenset[str] | None:
    """From the keeper's ConfigMap; None if it is none that we wrote."""
    try:
        said = mapping(json.loads(mapping(policy.get("data")).get(FILE, ""))).get("inUse")
    except (TypeError, ValueError, RecursionError):
        return None
    return frozenset(d for d in said if is_digest(d)) if isinstance(said, list) else None


def digests_in_use(
    pods: Iterable[Mapping[str, Any]], jobs: Iterable[Mapping[str, Any]]
) -> frozenset[str]:
    """The cache namespaces of pods that are not over, and of Jobs that may make more."""
    found = [_digest(pod) for pod in pods if not _is_over(pod)]
    found += [_digest(job) for job in jobs if not _has_ended(job)]
    return frozenset(digest for digest in found if is_digest(digest))


def _digest(raw: Mapping[str, Any]) -> str:
    labels = mapping(mapping(raw.get("metadata")).get("labels"))
    return text(labels.get(CACHE_NAMESPACE))


def _is_over(pod: Mapping[str, Any]) -> bool:
    return mapping(pod.get("status")).get("phase") in ("Succeeded", "Failed")


def _has_ended(job: Mapping[str, Any]) -> bool:
    conditions = mappings(mapping(job.get("status")).get("conditions"))
    return any(
        c.get("type") in ("Complete", "Failed") and c.get("status") == "True" for c in conditions
    )
