"""Volumes, and the keepers that look after them, played."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable

from compiling import ENTRY_BYTES, Shelf
from deployments import WorldWithDeployments, claims_of
from jaxop.api.plan import Manifest
from jaxop.kube.resources import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, PODS
from world import World, phase

KEEPER = "jaxop.dev/keeper"


class WorldWithVolumes(WorldWithDeployments):
    """Claims come and go by its rules."""

    def rules(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        return *super().rules(), self._mind_claims

    async def _mind_claims(self) -> None:
        """Bound as soon as they are there; let go when no pod mounts them."""
        for claim in self.all(PERSISTENTVOLUMECLAIMS):
            bound = (claim.get("status") or {}).get("phase") == "Bound"
            if "deletionTimestamp" in claim["metadata"]:
                if not any(claim["metadata"]["name"] in claims_of(pod) for pod in self.all(PODS)):
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
