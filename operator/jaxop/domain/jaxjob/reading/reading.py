"""Kubernetes objects -> views. They are written by others: nothing here raises."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from jaxop.api.v1alpha1.labels import ATTEMPT, CACHE_NAMESPACE, SLICE
from jaxop.domain import labels
from jaxop.domain.jaxjob.views import (
    ContainerEnd,
    ContainerWaiting,
    JobView,
    NodeView,
    PodView,
    Taint,
)
from jaxop.domain.json_values import (
    MAX_TEXT,
    mapping,
    mappings,
    number_text,
    rfc3339_time,
    text,
    whole,
)


def read_pod(raw: Mapping[str, Any]) -> PodView | None:
    """None for a pod without our labels: whoever made it, it belongs to no attempt of ours."""
    metadata = mapping(raw.get("metadata"))
    marks = {k: v for k, v in mapping(metadata.get("labels")).items() if isinstance(v, str)}
    attempt = labels.number(marks, ATTEMPT)
    slice_index = labels.number(marks, SLICE)
    index = labels.number(marks, labels.COMPLETION_INDEX)
    if index is None:
        annotations = mapping(metadata.get("annotations"))
        index = whole(number_text(annotations.get(labels.COMPLETION_INDEX)))
    if attempt is None or slice_index is None or index is None:
        return None
    return read_lone_pod(raw, attempt, slice_index, index)


def read_lone_pod(
    raw: Mapping[str, Any], attempt: int = 0, slice_index: int = 0, index: int = 0
) -> PodView:
    """For a pod of ours that is in no gang."""
    metadata = mapping(raw.get("metadata"))
    spec, status = mapping(raw.get("spec")), mapping(raw.get("status"))
    conditions = {text(c.get("type")): c for c in mappings(status.get("conditions"))}
    scheduled = conditions.get("PodScheduled", {})
    ready = conditions.get("Ready", {})
    disruption = conditions.get("DisruptionTarget", {})
    containers = [
        *mappings(status.get("initContainerStatuses")),
        *mappings(status.get("containerStatuses")),
    ]
    return PodView(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        attempt=attempt,
        slice_index=slice_index,
        index=index,
        phase=text(status.get("phase")) or "Pending",
        created_at=rfc3339_time(metadata.get("creationTimestamp")),
        node=text(spec.get("nodeName")),
        ip=text(status.get("podIP")),
        ready=ready.get("status") == "True",
        ready_at=rfc3339_time(ready.get("lastTransitionTime"))
        if ready.get("status") == "True"
        else None,
        gone_by=(gone_by := rfc3339_time(metadata.get("deletionTimestamp"))),
        told_to_go_at=_told_to_go_at(gone_by, metadata.get("deletionGracePeriodSeconds")),
        unschedulable=text(scheduled.get("message"), 4 * MAX_TEXT)
        if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
        else None,
        disruption=(text(disruption.get("reason")) or "Unknown")
        if disruption.get("status") == "True"
        else None,
        reason=text(status.get("reason")),
        message=text(status.get("message")),
        waiting=tuple(read_waiting(containers)),
        ends=tuple(_read_ends(containers)),
    )


def read_job(raw: Mapping[str, Any]) -> JobView | None:
    metadata = mapping(raw.get("metadata"))
    marks = {k: v for k, v in mapping(metadata.get("labels")).items() if isinstance(v, str)}
    attempt = labels.number(marks, ATTEMPT)
    slice_index = labels.number(marks, SLICE)
    if attempt is None or slice_index is None:
        return None
    holding = _holding(raw)
    failed, failed_message = read_job_failure(raw)
    return JobView(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        attempt=attempt,
        slice_index=slice_index,
        hosts=whole(mapping(raw.get("spec")).get("completions")) or 1,
        complete="Complete" in holding,
        failed=failed,
        failed_message=failed_message,
        failed_at=_failed_at(raw),
        terminating=metadata.get("deletionTimestamp") is not None,
        suspended=mapping(raw.get("spec")).get("suspend") is True,
        resumed_at=_resumed_at(mapping(raw.get("status"))),
        in_place=(whole(mapping(raw.get("spec")).get("backoffLimit")) or 0) > 0,
        generation=whole(metadata.get("generation")) or 0,
        cache_namespace=marks.get(CACHE_NAMESPACE),
    )


def read_job_failure(raw: Mapping[str, Any]) -> tuple[str | None, str]:
    """Reason, None where it has not failed, and message."""
    holding = _holding(raw)
    failure = holding.get("Failed") or holding.get("FailureTarget")
    if failure is None:
        return None, ""
    return text(failure.get("reason")) or "Failed", text(failure.get("message"))


def _failed_at(raw: Mapping[str, Any]) -> datetime | None:
    holding = _holding(raw)
    failure = holding.get("FailureTarget") or holding.get("Failed") or {}
    return rfc3339_time(failure.get("lastTransitionTime"))


def _holding(raw: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The conditions that are true, by type."""
    conditions = mappings(mapping(raw.get("status")).get("conditions"))
    return {text(c.get("type")): c for c in conditions if c.get("status") == "True"}


def _told_to_go_at(gone_by: datetime | None, grace_seconds: object) -> datetime | None:
    if gone_by is None:
        return None
    return gone_by - timedelta(seconds=min(whole(grace_seconds) or 0, 10**6))


def _resumed_at(status: Mapping[str, Any]) -> datetime | None:
    for condition in mappings(status.get("conditions")):
        if condition.get("type") == "Suspended" and condition.get("status") == "False":
            return rfc3339_time(condition.get("lastTransitionTime"))
    return None


def read_node(raw: Mapping[str, Any]) -> NodeView:
    metadata, spec = mapping(raw.get("metadata")), mapping(raw.get("spec"))
    status = mapping(raw.get("status"))
    allocatable = mapping(status.get("allocatable"))
    ready = [c for c in mappings(status.get("conditions")) if c.get("type") == "Ready"]
    return NodeView(
        name=text(metadata.get("name")),
        labels={str(k): str(v) for k, v in mapping(metadata.get("labels")).items()},
        taints=tuple(
            Taint(text(t.get("key")), text(t.get("value")), text(t.get("effect")))
            for t in mappings(spec.get("taints"))
        ),
        allocatable={str(k): str(v) for k, v in allocatable.items()},
        cordoned=spec.get("unschedulable") is True,
        ready=all(c.get("status") == "True" for c in ready),
    )


def read_waiting(containers: Iterable[Mapping[str, Any]]) -> Iterable[ContainerWaiting]:
    for container in containers:
        waiting = mapping(mapping(container.get("state")).get("waiting"))
        if waiting:
            yield ContainerWaiting(
                container=text(container.get("name")),
                image=text(container.get("image")),
                reason=text(waiting.get("reason")),
                message=text(waiting.get("message"), 4 * MAX_TEXT),
            )


def _read_ends(containers: Iterable[Mapping[str, Any]]) -> Iterable[ContainerEnd]:
    for container in containers:
        ended = mapping(mapping(container.get("state")).get("terminated"))
        exit_code = whole(ended.get("exitCode"))
        if exit_code is not None:
            yield ContainerEnd(
                container=text(container.get("name")),
                exit_code=exit_code,
                signal=whole(ended.get("signal")),
                reason=text(ended.get("reason")),
                message=text(ended.get("message"), 4 * MAX_TEXT),
                finished_at=rfc3339_time(ended.get("finishedAt")),
            )
