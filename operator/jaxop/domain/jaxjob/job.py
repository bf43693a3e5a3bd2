"""The Job of one slice. Kubernetes makes its pods; when it has failed is ours to judge."""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.domain import labels
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob import names
from jaxop.domain.jaxjob.owner import owner_reference
from jaxop.domain.jaxjob.pod import pod_template
from jaxop.domain.jaxjob.program_env import Member


def slice_job(
    jaxjob: JaxJob, layout: SliceLayout, attempt: int, slice_index: int, runtime_image: str
) -> Manifest:
    """`backoffLimit` 0: one lost pod ends the gang, so a replacement would join nobody."""
    metadata = jaxjob.metadata
    member = Member(metadata.name, metadata.namespace, attempt, slice_index, layout)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.job(metadata.name, attempt, slice_index),
            "namespace": metadata.namespace,
            "labels": labels.of_slice(metadata.name, attempt, slice_index),
            "ownerReferences": [owner_reference(jaxjob)],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": layout.hosts,
            "parallelism": layout.hosts,
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "template": pod_template(jaxjob.spec, member, runtime_image),
        },
    }
