"""What is kept of Deployments in memory: of keepers whether pods are refused, of JaxServices also
what they are to run and whether the Deployment controller has seen it."""

from typing import Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.labels import JAXSERVICE
from jaxop.controllers.trimming import child_metadata, conditions_of, pick

_REFUSALS: Final = frozenset({"ReplicaFailure"})


def trim_deployment(obj: Manifest) -> Manifest:
    metadata, status = child_metadata(obj), {}
    if refusals := conditions_of(obj, _REFUSALS, ("type", "status", "reason", "message")):
        status["conditions"] = refusals
    trimmed: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "status": status,
    }
    if JAXSERVICE in metadata["labels"]:
        metadata |= pick(obj["metadata"], ("generation",))
        trimmed["spec"] = pick(obj.get("spec"), ("replicas", "template"))
        status |= pick(obj.get("status"), ("observedGeneration", "replicas"))
    return trimmed
