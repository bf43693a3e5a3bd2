"""Kueue's objects, where the API server serves them: what is watched, and what a JaxJob sees of it.

A job of several slices has a Workload of its own. The Workloads that Kueue makes for Jobs are not
watched: there may be many, and the Job tells enough.
"""

from collections.abc import Iterable

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.controllers.parse_cache import ParseCache
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.queueing.labels import PRIORITY_CLASS, has_own_workload, queue_of
from jaxop.domain.jaxjob.queueing.views import KueueView, QueuePriority, WorkloadView
from jaxop.domain.jaxjob.reading.queue_reading import read_flavor, read_workload
from jaxop.kube.children import controller_of
from jaxop.kube.controller import MANAGED_BY, KeysOf, Watch, wake_nobody
from jaxop.kube.resources import JAXJOBS, PRIORITYCLASSES, Key, KueueResources, key_of
from jaxop.kube.store import Stores


class KueueObjects:
    """`resources` are in the version that is served. `every_job` has a Workload of its own where
    Kueue knows JaxJobs as an external framework."""

    def __init__(self, resources: KueueResources, *, every_job: bool = False) -> None:
        self._kueue = resources
        self._every_job = every_job
        self._workloads: ParseCache[WorkloadView] = ParseCache(read_workload)

    def watches(self, wake_owner: KeysOf) -> tuple[Watch, ...]:
        return (
            Watch(self._kueue.workloads, wake_owner, selector=MANAGED_BY, trim=trim_workload),
            Watch(self._kueue.flavors, wake_nobody, selector="", trim=trim_flavor),
            Watch(self._kueue.priority_classes, _wake_waiting, selector="", trim=trim_priority),
            Watch(PRIORITYCLASSES, wake_nobody, selector="", trim=trim_priority),
        )

    def of(self, key: Key, jaxjob: JaxJob, stores: Stores) -> KueueView | None:
        """None for a job that is not queued here. One that lost its label stays queued while it has
        a Workload."""
        if not has_own_workload(jaxjob, self._every_job):
            return None
        raw = stores[self._kueue.workloads].get(key.namespace, names.queue_workload(key.name))
        if raw is not None and (controller_of(raw) or {}).get("uid") != jaxjob.metadata.uid:
            raw = None
        if raw is None and queue_of(jaxjob) is None:
            return None
        self._forget_the_gone(stores)
        workload = self._workloads.get(raw) if raw is not None else None
        flavors = stores[self._kueue.flavors]
        assigned = workload.flavors if workload is not None else ()
        found = ((name, flavors.get("", name)) for name in assigned)
        return KueueView(
            version=self._kueue.version,
            workload=workload,
            flavors={name: read_flavor(flavor) for name, flavor in found if flavor is not None},
            priority=self._priority(jaxjob, stores),
        )

    def _priority(self, jaxjob: JaxJob, stores: Stores) -> QueuePriority | None:
        """As Kueue finds it for any job: its own class by the label, else the pods' class, else
        the cluster's default."""
        if name := jaxjob.metadata.labels.get(PRIORITY_CLASS):
            found = stores[self._kueue.priority_classes].get("", name)
            return QueuePriority("WorkloadPriorityClass", name, _value(found)) if found else None
        classes = stores[PRIORITYCLASSES]
        pod = jaxjob.spec.template.get("spec")
        if isinstance(pod, dict) and isinstance(pod.get("priorityClassName"), str):
            found = classes.get("", pod["priorityClassName"])
        else:
            found = next((c for c in classes.all() if c.get("globalDefault") is True), None)
        if found is None:
            return None
        return QueuePriority("PriorityClass", found["metadata"]["name"], _value(found))

    def _forget_the_gone(self, stores: Stores) -> None:
        store = stores[self._kueue.workloads]
        if len(self._workloads) > 2 * len(store) + 100:
            self._workloads.keep_only(obj["metadata"]["uid"] for obj in store.all())


def trim_workload(obj: Manifest) -> Manifest:
    """The podSets, which are the bulk, were made here."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": _without_managed_fields(obj),
        "spec": {name: spec[name] for name in ("active",) if name in spec},
        "status": {
            name: status[name]
            for name in ("conditions", "admission", "admissionChecks")
            if name in status
        },
    }


def trim_flavor(obj: Manifest) -> Manifest:
    spec = obj.get("spec") or {}
    kept = {name: spec[name] for name in ("nodeLabels", "tolerations") if name in spec}
    return {**_identity(obj), "spec": kept}


def trim_priority(obj: Manifest) -> Manifest:
    trimmed = _identity(obj)
    for name in ("value", "globalDefault"):
        if name in obj:
            trimmed[name] = obj[name]
    return trimmed


def _wake_waiting(obj: Manifest, stores: Stores) -> Iterable[Key]:
    """A priority class that came, or has another value, concerns the jobs that name it."""
    name = obj["metadata"]["name"]
    return [
        key_of(jaxjob)
        for jaxjob in stores[JAXJOBS].all()
        if (jaxjob["metadata"].get("labels") or {}).get(PRIORITY_CLASS) == name
    ]


def _identity(obj: Manifest) -> Manifest:
    metadata = obj["metadata"]
    names_of = ("name", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp")
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {name: metadata[name] for name in names_of if name in metadata},
    }


def _without_managed_fields(obj: Manifest) -> Manifest:
    return {name: value for name, value in obj["metadata"].items() if name != "managedFields"}


def _value(priority_class: Manifest) -> int:
    value = priority_class.get("value")
    return value if isinstance(value, int) else 0
