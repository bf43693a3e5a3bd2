"""Ownership: deleting a JaxJob deletes its children."""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob


def owner_reference(jaxjob: JaxJob) -> Manifest:
    return {
        "apiVersion": jaxjob.api_version,
        "kind": jaxjob.kind,
        "name": jaxjob.metadata.name,
        "uid": jaxjob.metadata.uid,
        "controller": True,
    }
