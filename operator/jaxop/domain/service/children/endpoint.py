"""The Service that a JaxService is reached by: process 0 of each ready replica of any revision."""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxService
from jaxop.domain import contract, labels
from jaxop.domain.service.children.metadata import metadata

PORT = 80


def selector(service: JaxService) -> dict[str, str]:
    """Of the pods that serve. Pods of a Deployment carry the index of a Job's first pod as well."""
    return {**labels.of_jaxservice(service.metadata.name), labels.COMPLETION_INDEX: "0"}


def endpoint(service: JaxService) -> Manifest:
    name = service.metadata.name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service, name, labels.of_jaxservice(name)),
        "spec": {
            "selector": selector(service),
            "ports": [{"name": "http", "port": PORT, "targetPort": contract.SERVING_PORT}],
        },
    }
