"""The Secret by which launchers of one namespace know each other: one, shared by its JaxJobs.

The namespace is the trust domain. It belongs to no job, so that deleting one harms no other.
"""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.labels import MANAGED_BY, MANAGED_BY_VALUE, TOKEN_KEY, TOKEN_SECRET


def token_secret(namespace: str, token: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": TOKEN_SECRET,
            "namespace": namespace,
            "labels": {MANAGED_BY: MANAGED_BY_VALUE},
        },
        "type": "Opaque",
        "immutable": True,
        "stringData": {TOKEN_KEY: token},
    }
