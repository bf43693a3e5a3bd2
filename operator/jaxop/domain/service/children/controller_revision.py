"""The ControllerRevision of a revision: what was served, to go back to."""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxService
from jaxop.domain import labels
from jaxop.domain.service import names
from jaxop.domain.service.children.metadata import metadata


def controller_revision(
    service: JaxService, revision: str, data: Manifest, number: int
) -> Manifest:
    """`data` never change; `number` rises when the revision is gone back to."""
    name = service.metadata.name
    marks = labels.of_revision(name, revision)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata(service, names.of_revision(name, revision), marks),
        "data": data,
        "revision": number,
    }
