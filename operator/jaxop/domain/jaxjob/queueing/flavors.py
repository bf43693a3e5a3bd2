"""Where the quota is: what the assigned flavours and the admission checks want of the pods.

Everything is added and nothing replaced, as Kueue does it (pkg/podset): two that want the same
label, annotation or node selector differently are a fault of the cluster's configuration.
"""

from collections.abc import Iterator

from jaxop.api.plan import Manifest
from jaxop.domain.jaxjob.queueing import labels
from jaxop.domain.jaxjob.queueing.views import KueueView, PlacementChange, WorkloadView
from jaxop.domain.jaxjob.snapshot import Snapshot


def queued(job: Manifest, snapshot: Snapshot) -> Manifest:
    """The Job, with its pods where the quota is, or with what Kueue needs to queue it itself."""
    external = snapshot.settings.kueue_external_framework
    job["metadata"]["labels"].update(labels.for_job(snapshot.jaxjob, external))
    if snapshot.kueue is not None:
        _place(job["spec"]["template"], snapshot.kueue)
    return job


def _place(template: Manifest, kueue: KueueView) -> None:
    for change in _changes(kueue):
        metadata = template["metadata"] = dict(template.get("metadata") or {})
        for name, added in (("labels", change.labels), ("annotations", change.annotations)):
            if added:
                metadata[name] = {**added, **(metadata.get(name) or {})}
        pod = template["spec"]
        if change.node_selector:
            pod["nodeSelector"] = {**change.node_selector, **(pod.get("nodeSelector") or {})}
        present = pod.get("tolerations") or []
        new = [toleration for toleration in change.tolerations if toleration not in present]
        if new:
            pod["tolerations"] = [*present, *new]


def conflict(template: Manifest, kueue: KueueView) -> str | None:
    """Who wants what differently from the template or from another, as a sentence."""
    metadata = template.get("metadata") or {}
    seen = {
        "label": {key: (v, "the pod template") for key, v in _items(metadata, "labels")},
        "annotation": {key: (v, "the pod template") for key, v in _items(metadata, "annotations")},
        "node selector": {
            key: (v, "the pod template") for key, v in _items(template["spec"], "nodeSelector")
        },
    }
    for change in _changes(kueue):
        for what, wanted in (
            ("label", change.labels),
            ("annotation", change.annotations),
            ("node selector", change.node_selector),
        ):
            for key, value in wanted.items():
                has, who = seen[what].setdefault(key, (value, change.source))
                if has != value:
                    return f"{change.source} wants {what} {key}={value}, {who} has {has}"
    return None


def unknown_flavors(kueue: KueueView, workload: WorkloadView) -> tuple[str, ...]:
    return tuple(name for name in workload.flavors if name not in kueue.flavors)


def _changes(kueue: KueueView) -> Iterator[PlacementChange]:
    workload = kueue.workload
    if workload is None:
        return
    for name in workload.flavors:
        if name in kueue.flavors:
            yield kueue.flavors[name]
    for check in workload.checks:
        if check.change is not None:
            yield check.change


def _items(owner: Manifest, name: str) -> Iterator[tuple[str, str]]:
    yield from (owner.get(name) or {}).items()
