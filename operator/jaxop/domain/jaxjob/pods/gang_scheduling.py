"""Kubernetes' own gang scheduling: all pods of a slice are placed, or none (KEP-4671, alpha).

One Workload for each JaxJob, over all its attempts, with one pod group: as many pods as a slice has
hosts. Each slice of each attempt is a replica of that group, for which its policy holds by itself.
So neither the limit of 8 pod groups nor the pods that an earlier attempt has left matter.
"""

from collections.abc import Iterator
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.domain import labels
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.owner import owner_reference
from jaxop.domain.problem import Problem

API_VERSION: Final = "scheduling.k8s.io/v1alpha1"
POD_GROUP: Final = "slice"
FIELD: Final = "spec.scheduling.gang"


def is_asked_for(jaxjob: JaxJob) -> bool:
    return jaxjob.spec.scheduling.gang == "Workload"


def problems(jaxjob: JaxJob, served: bool) -> Iterator[Problem]:
    """`served`: by the API server, when the operator started."""
    if not is_asked_for(jaxjob):
        return
    if not served:
        yield Problem(
            FIELD,
            f"is Workload, but the API server does not serve {API_VERSION} Workload",
            "enable that version and the feature gates GenericWorkload and GangScheduling in "
            "kube-apiserver and kube-scheduler and restart the operator, or remove the field",
        )
    pod = jaxjob.spec.template.get("spec")
    if isinstance(pod, dict) and pod.get("workloadRef") is not None:
        yield Problem(
            "spec.template.spec.workloadRef",
            f"is set, but {FIELD} is Workload, for which the operator sets it",
            f"remove it, or {FIELD}",
        )


def gang_workload(jaxjob: JaxJob, layout: SliceLayout) -> Manifest:
    metadata = jaxjob.metadata
    owner = {"apiGroup": "jaxop.dev", "kind": jaxjob.kind, "name": metadata.name}
    policy = {"gang": {"minCount": layout.hosts}}
    return {
        "apiVersion": API_VERSION,
        "kind": "Workload",
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "labels": labels.of_jaxjob(metadata.name),
            "ownerReferences": [owner_reference(jaxjob)],
        },
        "spec": {"controllerRef": owner, "podGroups": [{"name": POD_GROUP, "policy": policy}]},
    }


def belong_to_gang(template: Manifest, jaxjob: JaxJob, attempt: int, slice_index: int) -> None:
    """Names the gang in a pod template, in place, where that is asked for."""
    if is_asked_for(jaxjob):
        template["spec"]["workloadRef"] = {
            "name": jaxjob.metadata.name,
            "podGroup": POD_GROUP,
            "podGroupReplicaKey": f"a{attempt}-s{slice_index}",
        }
