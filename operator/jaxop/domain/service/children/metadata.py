"""What all children have: name, namespace, labels, owner."""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxService


def owner_reference(service: JaxService) -> Manifest:
    """Deleting the service deletes the child."""
    return {
        "apiVersion": service.api_version,
        "kind": service.kind,
        "name": service.metadata.name,
        "uid": service.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(service: JaxService, name: str, marks: dict[str, str]) -> Manifest:
    return {
        "name": name,
        "namespace": service.metadata.namespace,
        "labels": marks,
        "ownerReferences": [owner_reference(service)],
    }
