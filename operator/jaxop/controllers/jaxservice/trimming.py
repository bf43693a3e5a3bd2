"""What is kept of a JaxService's children in memory: what `domain.service.reading` reads.

Of Deployments see `controllers.deployments`, of pods and Services `controllers.trimming`.
"""

from jaxop.api.plan import Manifest
from jaxop.controllers.trimming import child_metadata, pick


def trim_revision(obj: Manifest) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": child_metadata(obj),
        **pick(obj, ("revision", "data")),
    }


def trim_budget(obj: Manifest) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": child_metadata(obj),
    }
