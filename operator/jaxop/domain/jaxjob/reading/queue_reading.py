"""Kueue's objects -> views. Their formats are those of kueue.x-k8s.io/v1beta1 and v1beta2, which
agree on all that is read here. They are written by others: nothing here raises."""

from collections.abc import Mapping
from typing import Any, Final

from jaxop.domain.jaxjob.queueing.views import (
    AdmissionCheckView,
    PlacementChange,
    QueueCondition,
    WorkloadView,
)
from jaxop.domain.json_values import mapping, mappings, rfc3339_time, text, whole

POD_SET: Final = "main"
"""Name of the one podSet of a JaxJob's Workload, which is Kueue's default."""


def read_workload(raw: Mapping[str, Any]) -> WorkloadView:
    metadata, spec, status = (mapping(raw.get(part)) for part in ("metadata", "spec", "status"))
    conditions = mappings(status.get("conditions"))
    admission = mapping(status.get("admission"))
    assigned = _named(admission.get("podSetAssignments"))
    flavors = {name for name in mapping(assigned.get("flavors")).values() if isinstance(name, str)}
    return WorkloadView(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        generation=whole(metadata.get("generation")) or 1,
        active=spec.get("active") is not False,
        terminating=metadata.get("deletionTimestamp") is not None,
        conditions={text(c.get("type")): _condition(c) for c in conditions},
        raw_conditions=tuple(conditions),
        cluster_queue=text(admission.get("clusterQueue")),
        flavors=tuple(sorted(flavors)),
        checks=tuple(_check(c) for c in mappings(status.get("admissionChecks"))),
    )


def read_flavor(raw: Mapping[str, Any]) -> PlacementChange:
    name = text(mapping(raw.get("metadata")).get("name"))
    spec = mapping(raw.get("spec"))
    return PlacementChange(
        source=f"ResourceFlavor {name}",
        node_selector=_texts(spec.get("nodeLabels")),
        tolerations=tuple(dict(t) for t in mappings(spec.get("tolerations"))),
    )


def _condition(raw: Mapping[str, Any]) -> QueueCondition:
    return QueueCondition(
        holds=raw.get("status") == "True",
        reason=text(raw.get("reason")),
        message=text(raw.get("message")),
        since=rfc3339_time(raw.get("lastTransitionTime")),
    )


def _check(raw: Mapping[str, Any]) -> AdmissionCheckView:
    name = text(raw.get("name"))
    update = _named(raw.get("podSetUpdates"))
    return AdmissionCheckView(
        name=name,
        state=text(raw.get("state")),
        message=text(raw.get("message")),
        change=PlacementChange(
            source=f"admission check {name}",
            labels=_texts(update.get("labels")),
            annotations=_texts(update.get("annotations")),
            node_selector=_texts(update.get("nodeSelector")),
            tolerations=tuple(dict(t) for t in mappings(update.get("tolerations"))),
        )
        if update
        else None,
    )


def _named(podsets: object) -> Mapping[str, Any]:
    """What is said of our podSet; {} if nothing is."""
    return next((p for p in mappings(podsets) if p.get("name", POD_SET) == POD_SET), {})


def _texts(value: object) -> dict[str, str]:
    return {str(k): v for k, v in mapping(value).items() if isinstance(v, str)}
