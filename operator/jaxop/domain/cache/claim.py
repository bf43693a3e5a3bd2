"""The volume: a claim of the user's, or one that is made, which many nodes must be able to mount.

A made claim is never deleted while the CompileCache lives, and goes with it.
"""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache
from jaxop.domain.cache import names
from jaxop.domain.cache.snapshot import Snapshot
from jaxop.domain.cache.standing import Standing


def claim(cache: CompileCache) -> Manifest | None:
    """None where the user has one."""
    storage, name = cache.spec.storage, cache.metadata.name
    if storage.size is None:
        return None
    spec: Manifest = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class_name is not None:
        spec["storageClassName"] = storage.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": names.made_claim(name),
            "namespace": cache.metadata.namespace,
            "labels": names.labels(name),
        },
        "spec": spec,
    }


def can_be_mounted(snapshot: Snapshot) -> bool:
    """Also before it is bound: some classes only provide a volume once a pod asks for it."""
    claim = snapshot.claim
    if claim is None:
        return snapshot.cache.spec.storage.claim_name is None
    return (
        not _is_anothers(snapshot)
        and claim.shareable
        and not claim.terminating
        and claim.phase != "Lost"
    )


def hindrance(snapshot: Snapshot) -> Standing | None:
    """Why no pod can use the volume; None if it is bound and all is well."""
    name, claim = names.claim_of(snapshot.cache), snapshot.claim
    made = snapshot.cache.spec.storage.claim_name is None
    what = f"PersistentVolumeClaim {name}"
    if claim is None:
        if made:
            return Standing("Pending", "ClaimPending", f"{what} is being created")
        return Standing(
            "Pending",
            "ClaimNotFound",
            f"spec.storage.claimName: there is no {what} in the namespace; create it, with access "
            "mode ReadWriteMany",
            stalled=True,
        )
    if _is_anothers(snapshot):
        wait = f"{what} is another's: what is left of a deleted CompileCache goes away by itself"
        return Standing("Pending", "ClaimPending", wait)
    if claim.terminating:
        remedy = "a new one is made when no pod uses it any more" if made else "create it anew"
        return Standing(
            "Pending", "ClaimTerminating", f"{what} is being deleted; {remedy}", stalled=not made
        )
    if not claim.shareable:
        return Standing(
            "Pending",
            "ClaimNotShareable",
            f"spec.storage.claimName: {what} has no access mode ReadWriteMany, but pods on many "
            "nodes read the cache; use a claim that has it",
            stalled=True,
        )
    if claim.phase == "Lost":
        remedy = "delete it, and a new one is made" if made else "delete it and create it anew"
        return Standing(
            "Pending",
            "ClaimLost",
            f"the volume of {what} is gone; {remedy}: programs are then compiled again",
            stalled=True,
        )
    if claim.phase != "Bound":
        return Standing("Pending", "ClaimPending", _unbound(snapshot, what, claim.storage_class))
    return None


def _is_anothers(snapshot: Snapshot) -> bool:
    """A namesake's that was deleted, most of the time: a keeper on it would hold it for ever."""
    claim, cache = snapshot.claim, snapshot.cache
    made = cache.spec.storage.claim_name is None
    return made and claim is not None and claim.controller_uid != cache.metadata.uid


def _unbound(snapshot: Snapshot, what: str, storage_class: str | None) -> str:
    """The claim's own story is in its events; what is known here is where to look."""
    of_class = f"StorageClass {storage_class}" if storage_class else "no StorageClass"
    claim = names.claim_of(snapshot.cache)
    return (
        f"{what} ({of_class}) is not bound yet; the volume must offer ReadWriteMany: "
        f"kubectl describe pvc {claim} says what it waits for"
    )
