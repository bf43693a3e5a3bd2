"""The Job of one slice. Kubernetes makes its pods; when it has failed is ours to judge."""

from typing import Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.domain import contract, labels
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.pods.compile_cache import ALONE, Compiling, marks
from jaxop.domain.jaxjob.pods.gang_scheduling import belong_to_gang
from jaxop.domain.jaxjob.pods.owner import owner_reference
from jaxop.domain.jaxjob.pods.pod import pod_template
from jaxop.domain.jaxjob.pods.program_env import Member
from jaxop.domain.jaxjob.pods.slice_placement import domain_key, keep_together

NO_LIMIT: Final = 2147483647


def slice_job(
    jaxjob: JaxJob,
    layout: SliceLayout,
    attempt: int,
    slice_index: int,
    runtime_image: str,
    compiling: Compiling = ALONE,
) -> Manifest:
    metadata = jaxjob.metadata
    ledger = jaxjob.status.restart_ledger
    member = Member(metadata.name, metadata.namespace, attempt, slice_index, layout, ledger)
    template = pod_template(jaxjob.spec, member, runtime_image, compiling)
    template["metadata"]["labels"].update(labels.of_replica(metadata.labels))
    key = domain_key(jaxjob.spec, layout)
    keep_together(template, key, metadata.uid, attempt, slice_index)
    belong_to_gang(template, jaxjob, attempt, slice_index)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.job(metadata.name, attempt, slice_index),
            "namespace": metadata.namespace,
            "labels": {
                **labels.of_slice(metadata.name, attempt, slice_index),
                **marks(compiling),
            },
            "ownerReferences": [owner_reference(jaxjob)],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": layout.hosts,
            "parallelism": layout.hosts,
            **_failures(jaxjob.spec.restart_policy.in_place),
            "podReplacementPolicy": "Failed",
            "template": template,
        },
    }


def _failures(in_place: bool) -> Manifest:
    """In place, a pod that is lost gets a successor, however often; a launcher that ends with any
    other code says that the gang has ended, and then no pod must start again by itself. Otherwise
    one lost pod ends the gang, and a successor would join nobody."""
    if not in_place:
        return {"backoffLimit": 0}
    ended = {
        "containerName": contract.CONTAINER,
        "operator": "NotIn",
        "values": list(contract.POD_LEFT_EXIT_CODES),
    }
    return {
        "backoffLimit": NO_LIMIT,
        "podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": ended}]},
    }
