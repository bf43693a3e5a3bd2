"""What is kept in memory of objects that several kinds watch: what `domain` reads, and no more.

10,000 pods of several kilobytes each would not fit; a change of anything else wakes nobody.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from jaxop.api.plan import Manifest

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SPEC_HASH = "jaxop.dev/spec-hash"
_COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"

_POD_CONDITIONS = frozenset({"PodScheduled", "Ready", "DisruptionTarget"})
_JOB_CONDITIONS = frozenset({"Complete", "Failed", "FailureTarget", "Suspended"})
_OUR_LABELS = ("app.kubernetes.io/managed-by", "jaxop.dev/", _COMPLETION_INDEX)


def trim_ours(obj: Manifest) -> Manifest:
    """An object of one of our kinds: all that its user wrote."""
    metadata = obj["metadata"]
    metadata.pop("managedFields", None)
    if annotations := metadata.get("annotations"):
        annotations.pop(_LAST_APPLIED, None)
    return obj


def trim_service(obj: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": "Service", "metadata": child_metadata(obj)}


def trim_job(obj: Manifest) -> Manifest:
    fields = ("type", "status", "reason", "message", "lastTransitionTime")
    conditions = conditions_of(obj, _JOB_CONDITIONS, fields)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**child_metadata(obj), **pick(obj["metadata"], ("generation",))},
        "spec": pick(obj.get("spec"), ("completions", "suspend", "backoffLimit")),
        "status": {"conditions": conditions} if conditions else {},
    }


def trim_pod(obj: Manifest) -> Manifest:
    status = obj.get("status") or {}
    kept = pick(status, ("phase", "podIP", "reason", "message"))
    fields = ("type", "status", "reason", "message", "lastTransitionTime")
    if conditions := conditions_of(obj, _POD_CONDITIONS, fields):
        kept["conditions"] = conditions
    for group in ("initContainerStatuses", "containerStatuses"):
        if containers := [_container(c) for c in status.get(group) or () if _says_something(c)]:
            kept[group] = containers
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": child_metadata(obj),
        "spec": pick(obj.get("spec"), ("nodeName",)),
        "status": kept,
    }


def child_metadata(obj: Manifest) -> Manifest:
    given = obj["metadata"]
    kept = pick(
        given,
        (
            *("name", "namespace", "uid", "resourceVersion", "creationTimestamp"),
            *("deletionTimestamp", "deletionGracePeriodSeconds"),
        ),
    )
    labels = given.get("labels") or {}
    kept["labels"] = {k: v for k, v in labels.items() if k.startswith(_OUR_LABELS)}
    annotations = given.get("annotations") or {}
    if marks := pick(annotations, (_SPEC_HASH, _COMPLETION_INDEX)):
        kept["annotations"] = marks
    owners = given.get("ownerReferences") or ()
    if owners:
        kept["ownerReferences"] = [
            pick(owner, ("apiVersion", "kind", "name", "uid", "controller")) for owner in owners
        ]
    return kept


def _says_something(container: Mapping[str, Any]) -> bool:
    """Containers that wait, or have ended once; else running ones tell nothing."""
    state = container.get("state") or {}
    return "waiting" in state or "terminated" in state or bool(container.get("restartCount"))


def _container(container: Mapping[str, Any]) -> Manifest:
    kept = {
        "name": container.get("name"),
        "image": container.get("image"),
        "state": _state(container.get("state") or {}),
    }
    if restarts := container.get("restartCount"):
        kept["restartCount"] = restarts
        kept["lastState"] = _state(container.get("lastState") or {})
    return kept


def _state(state: Mapping[str, Any]) -> Manifest:
    if "terminated" in state:
        fields = ("exitCode", "signal", "reason", "message", "finishedAt")
        return {"terminated": pick(state["terminated"], fields)}
    if "waiting" in state:
        return {"waiting": pick(state["waiting"], ("reason", "message"))}
    return {}


def conditions_of(obj: Manifest, types: frozenset[str], fields: Iterable[str]) -> list[Manifest]:
    fields = tuple(fields)
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return [pick(c, fields) for c in conditions if c.get("type") in types]


def pick(given: Mapping[str, Any] | None, fields: Iterable[str]) -> Manifest:
    given = given or {}
    return {field: given[field] for field in fields if field in given}
