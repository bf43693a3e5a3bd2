"""The headless Service that gives every pod of the gang a DNS name, ready or not.

Launchers look for each other before any pod is ready, hence publishNotReadyAddresses.
"""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.domain import contract, labels
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.pods.owner import owner_reference


def gang_service(jaxjob: JaxJob) -> Manifest:
    marks = labels.of_jaxjob(jaxjob.metadata.name)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": names.service(jaxjob.metadata.name),
            "namespace": jaxjob.metadata.namespace,
            "labels": marks,
            "ownerReferences": [owner_reference(jaxjob)],
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": marks,
            "ports": [
                {"name": "gang", "port": contract.GANG_PORT},
                {"name": "http", "port": contract.HTTP_PORT},
            ],
        },
    }
