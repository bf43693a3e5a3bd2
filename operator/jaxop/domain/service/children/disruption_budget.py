"""The PodDisruptionBudget: how many pods may be away because nodes are drained.

As many as rollout.maxUnavailable says, but at least one: a budget of none would hold up every drain
for ever. A replica of several hosts loses all its pods' readiness with one of them, so that no
second replica is disturbed before it is back. It counts pods, not percentages: a share would need
to ask every owner for its scale, and a Job has none.
"""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxService
from jaxop.domain import labels
from jaxop.domain.service.children.metadata import metadata


def disruption_budget(service: JaxService, hosts: int) -> Manifest:
    """`hosts` of one replica."""
    name, spec = service.metadata.name, service.spec
    away = max(1, spec.rollout.max_unavailable)
    marks = labels.of_jaxservice(name)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service, name, marks),
        "spec": {
            "minAvailable": max(0, spec.replicas * hosts - away),
            "selector": {"matchLabels": dict(marks)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
