"""Kueue, played by hand: when the test says so, it does to objects exactly what Kueue does.

Nothing decides here. Each method is one step of one of Kueue's controllers
(kubernetes-sigs/kueue: pkg/scheduler, pkg/controller/core, pkg/controller/jobframework,
pkg/controller/jobs/job), with its requests: the same fields, the same order, the same field
manager. That a Job with a queue is created suspended is not played: the API server does it
(`kueue_crds.JOB_WEBHOOK`).
"""

import time
from typing import Any

from plain_api import APPLY, JSON_PATCH, MERGE, Api
from play import Object, Play, wait

GROUP = "/apis/kueue.x-k8s.io/v1beta2"
QUEUE = "kueue.x-k8s.io/queue-name"
STOPPING = "kueue.x-k8s.io/stopping"
KINDS = {
    "resourceflavors": "ResourceFlavor",
    "workloadpriorityclasses": "WorkloadPriorityClass",
}


class PlayedKueue:
    def __init__(self, play: Play) -> None:
        self._play = play
        self._api: Api = play.api

    # what an admin makes

    def flavor(self, name: str, labels: dict[str, str], tolerations: list[Object]) -> None:
        self._make("resourceflavors", name, spec={"nodeLabels": labels, "tolerations": tolerations})

    def priority_class(self, name: str, value: int) -> None:
        self._make("workloadpriorityclasses", name, value=value)

    # Workloads

    def workload(self, name: str = "jaxjob-digits") -> Object | None:
        answer = self._api.request("GET", self._path(name))
        assert answer.code in (200, 404), answer
        return answer.body if answer.code == 200 else None

    def wait_workload(self, name: str = "jaxjob-digits") -> Object:
        found: Object = wait(f"Workload {name} exists", lambda: self.workload(name))
        return found

    def wait_condition(self, kind: str, status: str, name: str = "jaxjob-digits") -> Object:
        def check() -> Object | None:
            found = self.workload(name)
            assert found is not None, "no such Workload"
            seen = _conditions(found)
            assert kind in seen, f"no {kind} among {sorted(seen)}"
            assert seen[kind]["status"] == status, seen[kind]
            return seen[kind]

        found: Object = wait(f"Workload {name} has {kind}={status}", check)
        return found

    def cannot_admit(self, message: str, reason: str = "Pending") -> None:
        """The scheduler found no quota."""
        self._write({"QuotaReserved": ("False", reason, message)})

    def admit(self, flavor: str, checks: list[Object] | None = None) -> None:
        """The scheduler reserves quota; with all checks ready the Workload is admitted at once."""
        (podset,) = self.wait_workload()["spec"]["podSets"]
        containers = podset["template"]["spec"]["containers"]
        asked = {r for c in containers for r in (c.get("resources") or {}).get("limits", {})}
        assignment = {
            "name": podset["name"],
            "count": podset["count"],
            "flavors": dict.fromkeys(asked or {"pods"}, flavor),
        }
        conditions = {
            "QuotaReserved": ("True", "QuotaReserved", "Quota reserved in ClusterQueue cluster"),
            "Admitted": ("True", "Admitted", "The workload is admitted"),
        }
        if "Evicted" in _conditions(self.wait_workload()):
            conditions["Evicted"] = ("False", "QuotaReserved", "Previously: Preempted")
        admission = {"clusterQueue": "cluster", "podSetAssignments": [assignment]}
        self._write(conditions, admission=admission, admissionChecks=checks or [])

    def evict(self, reason: str = "Preempted", message: str = "by one of priority 9") -> None:
        """The Workload keeps its admission: it is its owner who gives it back."""
        workload = self.wait_workload()
        kept = {k: v for k, v in workload["status"].items() if k in ("admission",)}
        held = {
            kind: (c["status"], c["reason"], c["message"])
            for kind, c in _conditions(workload).items()
            if kind in ("QuotaReserved", "Admitted")
        }
        self._write({**held, "Evicted": ("True", reason, message)}, **kept)

    def delete_workload(self, name: str = "jaxjob-digits") -> None:
        answer = self._api.request("DELETE", self._path(name))
        assert answer.code == 200, answer

    # Jobs of a single slice

    def start_job(self, name: str, labels: dict[str, str], tolerations: list[Object]) -> None:
        """startJob: one update that adds the flavour's placement and lets the Job go."""
        spec = self._job(name)["spec"]["template"]["spec"]
        placed = {
            "nodeSelector": {**labels, **(spec.get("nodeSelector") or {})},
            "tolerations": [*(spec.get("tolerations") or []), *tolerations],
        }
        self._play.patch("jobs", name, {"spec": {"suspend": False, "template": {"spec": placed}}})

    def stop_job(self, name: str, original: Object) -> None:
        """Stop: suspended first, then its start time reset, so that then its template may be as
        it was (`original`, the Job's spec before it was started)."""
        mark = {"metadata": {"annotations": {STOPPING: "true"}}, "spec": {"suspend": True}}
        self._play.patch("jobs", name, mark)

        def reset() -> bool:
            path = self._play.path("jobs", name, "status")
            patch = [{"op": "remove", "path": "/status/startTime"}]
            if "startTime" not in self._job(name)["status"]:
                return True
            return self._api.request("PATCH", path, patch, content_type=JSON_PATCH).code == 200

        def restore() -> bool:
            before = original["template"]["spec"]
            template = {
                "nodeSelector": _replaced(
                    self._job(name)["spec"]["template"]["spec"].get("nodeSelector"),
                    before.get("nodeSelector"),
                ),
                "tolerations": before.get("tolerations"),
            }
            patch = {
                "metadata": {"annotations": {STOPPING: None}},
                "spec": {"template": {"spec": template}},
            }
            path = self._play.path("jobs", name)
            return reset() and (
                self._api.request("PATCH", path, patch, content_type=MERGE).code == 200
            )

        wait("the Job is as it was", restore)

    def wait_inactive(self, name: str) -> None:
        """Kueue gives the quota back when no pod counts as active any more."""
        wait(f"no pod of {name} is active", lambda: not self._job(name)["status"].get("active"))

    def _job(self, name: str) -> Object:
        found = self._play.get("jobs", name)
        assert found is not None, f"no Job {name}"
        return found

    def _write(self, conditions: dict[str, tuple[str, str, str]], **fields: Any) -> None:
        """ApplyAdmissionStatus: a forced server-side apply of all that Kueue has to say."""
        name = "jaxjob-digits"
        live = self.wait_workload(name)
        before = _conditions(live)
        written = [
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "observedGeneration": live["metadata"]["generation"],
                "lastTransitionTime": before[kind]["lastTransitionTime"]
                if before.get(kind, {}).get("status") == status
                else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }
            for kind, (status, reason, message) in conditions.items()
        ]
        body = {
            "apiVersion": "kueue.x-k8s.io/v1beta2",
            "kind": "Workload",
            "metadata": {"name": name, "uid": live["metadata"]["uid"]},
            "status": {**fields, "conditions": written},
        }
        path = f"{self._path(name)}/status?fieldManager=kueue-admission&force=true"
        answer = self._api.request("PATCH", path, body, content_type=APPLY)
        assert answer.code == 200, answer.faults

    def _make(self, plural: str, name: str, **rest: Any) -> None:
        body = {
            "apiVersion": "kueue.x-k8s.io/v1beta2",
            "kind": KINDS[plural],
            "metadata": {"name": name},
            **rest,
        }
        answer = self._api.request("POST", f"{GROUP}/{plural}", body)
        assert answer.code in (201, 409), answer.faults

    def _path(self, name: str) -> str:
        return f"{GROUP}/namespaces/{self._play.namespace}/workloads/{name}"


def _conditions(workload: Object) -> dict[str, Object]:
    return {c["type"]: c for c in workload.get("status", {}).get("conditions", [])}


def _replaced(now: Object | None, before: Object | None) -> Object | None:
    """As a merge patch."""
    gone = {key: None for key in now or {} if key not in (before or {})}
    return {**gone, **(before or {})} or None
