"""What is kept of a CompileCache's children in memory: what `domain.cache.reading` reads."""

from jaxop.api.plan import Manifest
from jaxop.controllers.trimming import child_metadata, pick
from jaxop.domain.cache.policy import FILE


def trim_claim(obj: Manifest) -> Manifest:
    """Claims are watched whoever made them: a cache may be kept on any."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": child_metadata(obj),
        "spec": pick(obj.get("spec"), ("accessModes", "storageClassName")),
        "status": pick(obj.get("status"), ("phase",)),
    }


def trim_policy(obj: Manifest) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": child_metadata(obj),
        "data": pick(obj.get("data"), (FILE,)),
    }
