"""The JaxJob that is one replica of several hosts: its own controller does the rest."""

from typing import Any

from jaxop.api.plan import Manifest, ObjectRef
from jaxop.api.v1alpha1.labels import REPLICA
from jaxop.domain import labels
from jaxop.domain.service import names
from jaxop.domain.service.children.metadata import metadata
from jaxop.domain.service.replica import as_jaxjob
from jaxop.domain.service.revision import Revision
from jaxop.domain.service.snapshot import Snapshot
from jaxop.domain.service.views import ReplicaJobView


def replica_job(snapshot: Snapshot, revision: Revision, index: int) -> Manifest:
    service = snapshot.service
    name = names.of_replica(service.metadata.name, revision.hash, index)
    described = as_jaxjob(snapshot, revision, name)
    spec: dict[str, Any] = described.spec.to_manifest()
    marks = {
        **described.metadata.labels,
        **labels.of_revision(service.metadata.name, revision.hash),
        REPLICA: str(index),
    }
    return {
        "apiVersion": described.api_version,
        "kind": described.kind,
        "metadata": metadata(service, name, marks),
        "spec": spec,
    }


def reference(snapshot: Snapshot, job: ReplicaJobView) -> ObjectRef:
    namespace = snapshot.service.metadata.namespace
    return ObjectRef("jaxop.dev/v1alpha1", "JaxJob", namespace, job.name, job.uid)
