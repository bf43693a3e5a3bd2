"""The pod that takes a lost one's place: what its Job would make of its template, only sooner.

The Job controller waits 10 s after a pod's end, then 20 s, 40 s and so on up to 10 minutes, and for
ever while the pod hangs in Terminating on a dead node. A pod with the Job's labels, owner and
finalizer counts as its own, so that its back-off is only the fallback for when nobody is here.

The template is the live Job's, not built anew: the operator may have another runtime image by now.
"""

import copy
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger
from jaxop.domain import contract, labels
from jaxop.domain.jaxjob.pods.program_env import as_json
from jaxop.domain.jaxjob.views import JobView

TRACKING: Final = "batch.kubernetes.io/job-tracking"
_DIGITS: Final = 5


def name_for(job: JobView, index: int, after: str) -> str:
    """`after` names what it follows, such as its predecessor's uid: always the same name for the
    same, so that nobody makes two."""
    digest = hashlib.sha256(after.encode()).hexdigest()[:_DIGITS]
    return f"{job.name}-{index}-{digest}"


def successor(
    live_job: Mapping[str, Any], index: int, name: str, ledger: RestartLedger | None
) -> Manifest:
    """`live_job` as the API server has it."""
    metadata = live_job["metadata"]
    template: Manifest = copy.deepcopy(live_job["spec"]["template"])
    given = template.get("metadata") or {}
    pod = template["spec"]
    pod["hostname"] = f"{metadata['name']}-{index}"
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        _tell_index(container)
        if container["name"] == contract.CONTAINER and ledger is not None:
            _tell_ledger(container, ledger)
    marks = {
        "batch.kubernetes.io/controller-uid": metadata["uid"],
        "batch.kubernetes.io/job-name": metadata["name"],
        "controller-uid": metadata["uid"],
        "job-name": metadata["name"],
        labels.COMPLETION_INDEX: str(index),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {**(given.get("labels") or {}), **marks},
            "annotations": {
                **(given.get("annotations") or {}),
                labels.COMPLETION_INDEX: str(index),
            },
            "finalizers": [
                *(f for f in given.get("finalizers") or [] if f != TRACKING),
                TRACKING,
            ],
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": pod,
    }


def _tell_index(container: Manifest) -> None:
    """As the Job controller does it, but for those who have the variable."""
    env = container.get("env") or []
    if all(entry["name"] != contract.ENV_COMPLETION_INDEX for entry in env):
        source = {"fieldPath": f"metadata.labels['{labels.COMPLETION_INDEX}']"}
        own = {"name": contract.ENV_COMPLETION_INDEX, "valueFrom": {"fieldRef": source}}
        container["env"] = [*env, own]


def _tell_ledger(container: Manifest, ledger: RestartLedger) -> None:
    """What is charged by now: a new launcher 0 may be the only one that knows."""
    others = [e for e in container.get("env") or [] if e["name"] != contract.ENV_LEDGER]
    container["env"] = [*others, {"name": contract.ENV_LEDGER, "value": as_json(ledger)}]
