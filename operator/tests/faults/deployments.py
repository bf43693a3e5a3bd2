"""The Deployment controller, played: it makes pods itself, without ReplicaSets. Nothing is decided
by those."""

from collections.abc import Awaitable, Callable

from jaxop.api.plan import Manifest
from jaxop.kube.resources import DEPLOYMENTS, PERSISTENTVOLUMECLAIMS, PODS
from world import World, is_over, is_ready, owner_uid


class WorldWithDeployments(World):
    """Pods are of the template that there was when they were made."""

    def rules(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        return *super().rules(), self._control_deployments

    async def _control_deployments(self) -> None:
        for deployment in self.all(DEPLOYMENTS):
            if "deletionTimestamp" not in deployment["metadata"]:
                await self._control_deployment(deployment)
        deployments = {deployment["metadata"]["uid"] for deployment in self.all(DEPLOYMENTS)}
        for pod in self.all(PODS):
            if is_over(pod) and owner_uid(pod) in deployments:
                await self.remove(PODS, pod, grace=0)

    async def _control_deployment(self, deployment: Manifest) -> None:
        """Of too many pods, those that are not ready go first."""
        pods = [
            pod
            for pod in self.all(PODS)
            if owner_uid(pod) == deployment["metadata"]["uid"] and not is_over(pod)
        ]
        wanted = deployment["spec"]["replicas"]
        for pod in sorted(pods, key=is_ready, reverse=True)[wanted:]:
            if "deletionTimestamp" not in pod["metadata"]:
                await self.remove(PODS, pod)
        if self._can_be_placed(deployment):
            for _ in range(wanted - len(pods)):
                await self.attempt(self.api.create(PODS, _pod_of(deployment)))
        ready = sum(is_ready(pod) for pod in pods)
        said = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": len(pods) - ready,
        }
        status = deployment.get("status") or {}
        if said != {field: status.get(field, 0) for field in said}:
            await self.write(DEPLOYMENTS, deployment, {"status": said}, "status")

    def _can_be_placed(self, deployment: Manifest) -> bool:
        """As the scheduler has it: not on a claim that is absent, or on its way out."""
        claims = self.all(PERSISTENTVOLUMECLAIMS)
        there = {c["metadata"]["name"] for c in claims if "deletionTimestamp" not in c["metadata"]}
        return claims_of(deployment["spec"]["template"]) <= there


def claims_of(pod: Manifest) -> set[str]:
    """Names of the claims that it mounts."""
    claims = [v.get("persistentVolumeClaim") for v in pod["spec"].get("volumes") or ()]
    return {claim["claimName"] for claim in claims if claim}


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
