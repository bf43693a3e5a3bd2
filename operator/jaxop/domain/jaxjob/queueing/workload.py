"""The Workload by which Kueue admits a JaxJob of several slices: whole, or not at all.

It has one podSet for all slices, which are alike, and so one flavour for all of them: a podSet per
slice would end at eight slices, which is as many as a Workload may have.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.domain import labels
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.pods.owner import owner_reference
from jaxop.domain.jaxjob.pods.pod import pod_template
from jaxop.domain.jaxjob.pods.program_env import Member
from jaxop.domain.jaxjob.queueing.labels import queue_of
from jaxop.domain.jaxjob.queueing.views import KueueView, QueuePriority
from jaxop.domain.jaxjob.reading.queue_reading import POD_SET

GROUP: Final = "kueue.x-k8s.io"

_POD_FIELDS: Final = (
    *("nodeSelector", "affinity", "tolerations", "priorityClassName", "runtimeClassName"),
    *("overhead", "resources", "resourceClaims"),
)
"""Beside the containers, what decides how much is needed and which flavours fit."""

_GROUPS: Final = {"WorkloadPriorityClass": GROUP, "PriorityClass": "scheduling.k8s.io"}
_SOURCES: Final = {
    "WorkloadPriorityClass": "kueue.x-k8s.io/workloadpriorityclass",
    "PriorityClass": "scheduling.k8s.io/priorityclass",
}


def workload(jaxjob: JaxJob, layout: SliceLayout, kueue: KueueView, runtime_image: str) -> Manifest:
    """The same in every attempt, so that a restart keeps the quota.

    `spec.active` is left to the cluster's admin.
    """
    metadata = jaxjob.metadata
    member = Member(metadata.name, metadata.namespace, 0, 0, layout)
    pod = pod_template(jaxjob.spec, member, runtime_image)["spec"]
    return {
        "apiVersion": f"{GROUP}/{kueue.version}",
        "kind": "Workload",
        "metadata": {
            "name": names.queue_workload(metadata.name),
            "namespace": metadata.namespace,
            "labels": labels.of_jaxjob(metadata.name),
            "ownerReferences": [owner_reference(jaxjob)],
        },
        "spec": {
            "queueName": queue_of(jaxjob),
            **_priority(kueue.priority, kueue.version),
            "podSets": [
                {
                    "name": POD_SET,
                    "count": layout.processes,
                    "template": {"spec": _as_counted(pod)},
                }
            ],
        },
    }


def _as_counted(pod: Mapping[str, Any]) -> Manifest:
    """What Kueue counts, without commands, environments and volumes: it needs none of them, and
    many may read Workloads who may not read pods."""
    kept = {name: pod[name] for name in _POD_FIELDS if pod.get(name)}
    kept["containers"] = _containers(pod["containers"])
    kept["initContainers"] = _containers(pod.get("initContainers") or ())
    return kept


def _containers(containers: Iterable[Mapping[str, Any]]) -> list[Manifest]:
    fields = ("name", "image", "resources", "restartPolicy")
    return [{name: c[name] for name in fields if c.get(name)} for c in containers]


def _priority(priority: QueuePriority | None, version: str) -> Manifest:
    """Kueue goes by the number alone, which it fills in only for the Workloads it makes itself."""
    if priority is None:
        return {}
    if version == "v1beta1":
        return {
            "priorityClassName": priority.name,
            "priorityClassSource": _SOURCES[priority.kind],
            "priority": priority.value,
        }
    reference = {"group": _GROUPS[priority.kind], "kind": priority.kind, "name": priority.name}
    return {"priorityClassRef": reference, "priority": priority.value}
