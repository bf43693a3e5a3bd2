"""Kubernetes objects -> views of a JaxService's children. Nothing here raises."""

from collections.abc import Mapping
from typing import Any

from jaxop.api.v1alpha1.labels import REPLICA, REVISION
from jaxop.domain import contract, labels
from jaxop.domain.jaxjob.reading.reading import read_lone_pod
from jaxop.domain.jaxjob.views import ContainerEnd
from jaxop.domain.json_values import (
    MAX_TEXT,
    mapping,
    mappings,
    rfc3339_time,
    text,
    whole,
)
from jaxop.domain.service.views import (
    DeploymentView,
    ReplicaJobView,
    ReplicaPodView,
    RevisionView,
)


def read_revision(raw: Mapping[str, Any]) -> RevisionView | None:
    """None for a ControllerRevision without our label."""
    metadata = mapping(raw.get("metadata"))
    revision = _marks(metadata).get(REVISION)
    if not revision:
        return None
    return RevisionView(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        revision=revision,
        number=whole(raw.get("revision")) or 0,
        data=dict(mapping(raw.get("data"))),
    )


def read_deployment(raw: Mapping[str, Any]) -> DeploymentView | None:
    """None for a Deployment without our label."""
    metadata, spec = mapping(raw.get("metadata")), mapping(raw.get("spec"))
    status = mapping(raw.get("status"))
    revision = _marks(metadata).get(REVISION)
    if not revision:
        return None
    replicas = whole(spec.get("replicas"))
    seen = whole(status.get("observedGeneration")) or 0
    return DeploymentView(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        revision=revision,
        replicas=1 if replicas is None else replicas,
        template=dict(mapping(spec.get("template"))),
        existing=whole(status.get("replicas")) or 0,
        settled=seen >= (whole(metadata.get("generation")) or 0),
        refused=_refused(status),
        terminating=metadata.get("deletionTimestamp") is not None,
    )


def read_replica_job(raw: Mapping[str, Any]) -> ReplicaJobView | None:
    """None for a JaxJob that is no replica."""
    metadata, status = mapping(raw.get("metadata")), mapping(raw.get("status"))
    marks = _marks(metadata)
    revision, index = marks.get(REVISION), labels.number(marks, REPLICA)
    if not revision or index is None:
        return None
    return ReplicaJobView(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        revision=revision,
        index=index,
        state=text(status.get("state")) or None,
        reason=text(status.get("reason")) or None,
        message=text(status.get("message"), 4 * MAX_TEXT),
        completed_at=rfc3339_time(status.get("completionTime")),
        terminating=metadata.get("deletionTimestamp") is not None,
    )


def read_replica_pod(raw: Mapping[str, Any]) -> ReplicaPodView | None:
    """None for a pod of no revision, or of no process."""
    marks = _marks(mapping(raw.get("metadata")))
    revision, index = marks.get(REVISION), labels.number(marks, labels.COMPLETION_INDEX)
    if not revision or index is None:
        return None
    restarts, last_end = _past_of_program(mapping(raw.get("status")))
    return ReplicaPodView(
        pod=read_lone_pod(raw, index=index),
        revision=revision,
        replica=labels.number(marks, REPLICA),
        restarts=restarts,
        last_end=last_end,
    )


def _past_of_program(status: Mapping[str, Any]) -> tuple[int, ContainerEnd | None]:
    """How often the container "jax" was restarted, and how it ended last."""
    for container in mappings(status.get("containerStatuses")):
        if container.get("name") != contract.CONTAINER:
            continue
        now = mapping(mapping(container.get("state")).get("terminated"))
        before = mapping(mapping(container.get("lastState")).get("terminated"))
        ended = now or before
        exit_code = whole(ended.get("exitCode"))
        restarts = whole(container.get("restartCount")) or 0
        if exit_code is None:
            return restarts, None
        return restarts, ContainerEnd(
            container=contract.CONTAINER,
            exit_code=exit_code,
            signal=whole(ended.get("signal")),
            reason=text(ended.get("reason")),
            message=text(ended.get("message"), 4 * MAX_TEXT),
            finished_at=rfc3339_time(ended.get("finishedAt")),
        )
    return 0, None


def _refused(status: Mapping[str, Any]) -> str | None:
    for condition in mappings(status.get("conditions")):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return text(condition.get("message")) or text(condition.get("reason")) or "unknown"
    return None


def _marks(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {k: v for k, v in mapping(metadata.get("labels")).items() if isinstance(v, str)}
