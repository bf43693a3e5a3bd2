"""A JaxJob in a queue, and its Workload in every condition that Kueue leaves it in.

The conditions are those of kubernetes-sigs/kueue: reasons, messages and order as its scheduler, its
workload controller and its job framework write them.
"""

import copy
from typing import Any

from building import World, a_jaxjob
from jaxop.api.plan import Manifest, Plan
from jaxop.domain.jaxjob.queueing.views import KueueView, QueuePriority
from jaxop.domain.jaxjob.reading.queue_reading import read_flavor, read_workload

QUEUE = "kueue.x-k8s.io/queue-name"
PRIORITY = "kueue.x-k8s.io/priority-class"

FLAVORS: dict[str, Manifest] = {
    "reserved": {
        "metadata": {"name": "reserved"},
        "spec": {"nodeLabels": {"pool": "reserved"}},
    },
    "spot": {
        "metadata": {"name": "spot"},
        "spec": {
            "nodeLabels": {"pool": "spot"},
            "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
        },
    },
}


def a_queued_job(slices: int = 2, **labels: str) -> World:
    """On `slices` v5e slices of four hosts."""
    marks = {QUEUE: "team", **{k.replace("__", "/"): v for k, v in labels.items()}}
    world = a_jaxjob().on("tpu-v5e", "4x4").with_slices(slices).metadata(labels=marks)
    return world.with_max_restarts(3)


def condition(kind: str, holds: bool, reason: str, message: str = "") -> Manifest:
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-11-21T11:59:00Z",
        "observedGeneration": 1,
    }


class AWorkload:
    """`.pending().admitted("spot").evicted("Preempted", "...")`; each returns itself."""

    def __init__(self, version: str = "v1beta2") -> None:
        self.version = version
        self.raw: Manifest = {
            "apiVersion": f"kueue.x-k8s.io/{version}",
            "kind": "Workload",
            "metadata": {
                "name": "jaxjob-digits",
                "namespace": "ml",
                "uid": "uid-workload",
                "resourceVersion": "7",
                "generation": 1,
            },
            "spec": {"active": True},
            "status": {"conditions": []},
        }

    def pending(self, message: str = "couldn't assign flavors to pod set main") -> "AWorkload":
        return self.set(condition("QuotaReserved", False, "Pending", message))

    def inadmissible(self, message: str = "LocalQueue team doesn't exist") -> "AWorkload":
        return self.set(condition("QuotaReserved", False, "Inadmissible", message))

    def reserved(self, *flavors: str) -> "AWorkload":
        resources = ("google.com/tpu", "cpu", "memory")
        chosen = dict(zip(resources, (flavors or ("reserved",)) * 3, strict=False))
        self.raw["status"]["admission"] = {
            "clusterQueue": "cluster",
            "podSetAssignments": [{"name": "main", "count": 8, "flavors": chosen}],
        }
        return self.set(condition("QuotaReserved", True, "QuotaReserved", "Quota reserved"))

    def admitted(self, *flavors: str) -> "AWorkload":
        self.reserved(*flavors)
        if any(c["type"] == "Evicted" for c in self.raw["status"]["conditions"]):
            self.set(condition("Evicted", False, "QuotaReserved", "Previously: Preempted"))
        return self.set(condition("Admitted", True, "Admitted", "The workload is admitted"))

    def evicted(self, reason: str = "Preempted", message: str = "by another") -> "AWorkload":
        return self.set(condition("Evicted", True, reason, message))

    def finished(self) -> "AWorkload":
        return self.set(condition("Finished", True, "OwnerNotFound", "gone"))

    def inactive(self) -> "AWorkload":
        self.raw["spec"]["active"] = False
        return self.evicted("Deactivated", "The workload is deactivated")

    def checking(self, name: str, state: str, **update: Any) -> "AWorkload":
        check: Manifest = {"name": name, "state": state, "message": "asked for nodes"}
        if update:
            check["podSetUpdates"] = [{"name": "main", **update}]
        self.raw["status"].setdefault("admissionChecks", []).append(check)
        return self

    def being_deleted(self) -> "AWorkload":
        self.raw["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
        return self

    def ready_pods(self) -> "AWorkload":
        return self.set(condition("PodsReady", True, "Started"))

    def set(self, new: Manifest) -> "AWorkload":
        status = self.raw["status"]
        status["conditions"] = [c for c in status["conditions"] if c["type"] != new["type"]]
        status["conditions"].append(new)
        return self

    def told(self, plan: Plan) -> "AWorkload":
        """What the API server makes of the plan's merge patch."""
        (patch,) = plan.child_status
        assert patch.resource_version == self.raw["metadata"]["resourceVersion"]
        assert patch.ref.uid == self.raw["metadata"]["uid"]
        assert patch.ref.api_version == self.raw["apiVersion"]
        for name, value in patch.status.items():
            if value is None:
                self.raw["status"].pop(name, None)
            else:
                self.raw["status"][name] = copy.deepcopy(value)
        return self

    def says(self, kind: str) -> Manifest:
        found: Manifest = next(c for c in self.raw["status"]["conditions"] if c["type"] == kind)
        return found


def kueue(
    workload: AWorkload | None = None,
    *,
    priority: QueuePriority | None = None,
    flavors: dict[str, Manifest] = FLAVORS,
    version: str = "v1beta2",
) -> KueueView:
    return KueueView(
        version=workload.version if workload is not None else version,
        workload=read_workload(workload.raw) if workload is not None else None,
        flavors={name: read_flavor(raw) for name, raw in flavors.items()},
        priority=priority,
    )
