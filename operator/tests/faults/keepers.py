"""Volumes, Deployments, and the keepers that run in their pods, played."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable

from compiling import ENTRY_BYTES, Shelf
from jaxop.api.plan import Manifest
from jaxop.kube.resources import CONFIGMAPS, DEPLOYMENTS, PERSISTENTVOLUMECLAIMS, PODS
from world import World, is_over, owner_uid, phase

KEEPER = "jaxop.dev/keeper"


class WorldWithVolumes(World):
    """A Deployment makes its pods itself, without a ReplicaSet: nothing is decided by that."""

    def rules(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        return *super().rules(), self._control_deployments, self._mind_claims

    async def _control_deployments(self) -> None:
        for deployment in self.all(DEPLOYMENTS):
            if "deletionTimestamp" in deployment["metadata"]:
                continue
            pods = [
                pod
                for pod in self.all(PODS)
                if owner_uid(pod) == deployment["metadata"]["uid"] and not is_over(pod)
            ]
            wanted = deployment["spec"]["replicas"]
            for pod in pods[wanted:]:
                if "deletionTimestamp" not in pod["metadata"]:
                    await self.remove(PODS, pod)
            if len(pods) < wanted and self._can_be_placed(deployment):
                await self.attempt(self.api.create(PODS, _pod_of(deployment)))
        for pod in self.all(PODS):
            if is_over(pod) and KEEPER in (pod["metadata"].get("labels") or {}):
                await self.remove(PODS, pod, grace=0)

    def _can_be_placed(self, deployment: Manifest) -> bool:
        """As the scheduler has it: not on a claim that is absent, or on its way out."""
        claims = self.all(PERSISTENTVOLUMECLAIMS)
        there = [c for c in claims if "deletionTimestamp" not in c["metadata"]]
        return any(_mounts(deployment["spec"]["template"], claim) for claim in there)

    async def _mind_claims(self) -> None:
        """Bound as soon as they are there; let go when no pod mounts them."""
        for claim in self.all(PERSISTENTVOLUMECLAIMS):
            bound = (claim.get("status") or {}).get("phase") == "Bound"
            if "deletionTimestamp" in claim["metadata"]:
                if not any(_mounts(pod, claim) for pod in self.all(PODS)):
                    await self.write(
                        PERSISTENTVOLUMECLAIMS, claim, {"metadata": {"finalizers": None}}
                    )
            elif not bound:
                now_bound = {"status": {"phase": "Bound"}}
                await self.write(PERSISTENTVOLUMECLAIMS, claim, now_bound, "status")


def report(world: World, shelf: Shelf, ip: str) -> Manifest | None:
    """What the keeper at this address answers; it has one entry for each namespace in use, and
    what was offered."""
    for pod in world.all(PODS):
        name = (pod["metadata"].get("labels") or {}).get(KEEPER)
        if name is None or phase(pod) != "Running" or pod["status"].get("podIP") != ip:
            continue
        policy = world.get(CONFIGMAPS, f"{name}-keeper")
        in_use = json.loads(policy["data"]["policy.json"])["inUse"] if policy else []
        counted = Counter(dict.fromkeys(in_use, 0))
        for offer, entries in shelf.offers.items():
            counted[offer.partition(".")[0]] += entries
        kept = [
            {
                "digest": digest,
                "entries": entries or 1,
                "bytes": (entries or 1) * ENTRY_BYTES,
                "inUse": digest in in_use,
            }
            for digest, entries in sorted(counted.items())
        ]
        return {
            "version": 1,
            "state": "Ready",
            "namespaces": kept,
            "namespaceCount": len(kept),
            "entries": sum(each["entries"] for each in kept),
            "bytes": sum(each["bytes"] for each in kept),
            "offers": {offer: {"published": n} for offer, n in shelf.offers.items()},
        }
    return None


def _pod_of(deployment: Manifest) -> Manifest:
    metadata, template = deployment["metadata"], deployment["spec"]["template"]
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner],
        },
        "spec": {**template["spec"], "nodeName": "node-0"},
    }


def _mounts(pod: Manifest, claim: Manifest) -> bool:
    mounted = [
        (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for volume in pod["spec"].get("volumes") or ()
    ]
    return claim["metadata"]["name"] in mounted
