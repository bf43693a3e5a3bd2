"""What the server offers of Kueue and of gang scheduling, asked once at the start."""

import json
import logging

from jaxop.kube.client import ApiClient
from jaxop.kube.errors import ApiError, Forbidden, Unreachable
from jaxop.kube.resources import GANG_WORKLOADS, KUEUE_GROUP, KUEUE_VERSIONS, KueueResources
from jaxop.kube.transport import Request, Transport

log = logging.getLogger(__name__)


async def kueue_served(
    transport: Transport, client: ApiClient, namespace: str | None
) -> KueueResources | None:
    """None without Kueue, or without the right to look: jobs of several slices then cannot queue,
    and nothing else is different. Raises Unreachable."""
    versions = await _versions(transport, KUEUE_GROUP)
    version = next((v for v in KUEUE_VERSIONS if v in versions), None)
    if version is None:
        if versions:
            log.warning(
                "Kueue serves %s, none of which is known here (%s): jobs of several slices cannot "
                "queue",
                ", ".join(versions),
                ", ".join(KUEUE_VERSIONS),
            )
        return None
    found = KueueResources(version)
    for resource in (found.workloads, found.flavors, found.priority_classes):
        try:
            await client.list_page(resource, namespace if resource.namespaced else None, limit=1)
        except ApiError as error:
            why = "may not" if isinstance(error, Forbidden) else "cannot"
            log.warning("jobs of several slices do not queue: we %s list %s", why, resource)
            log.warning("%s", error)
            return None
    log.info("Kueue serves %s: jobs of several slices can queue", found.workloads.api_version)
    return found


async def gangs_served(transport: Transport) -> bool:
    """Whether Kubernetes' own gang scheduling has its Workloads. Raises Unreachable."""
    path = f"/apis/{GANG_WORKLOADS.api_version}"
    response = await transport.request(Request("GET", path))
    if response.status != 200:
        return False
    try:
        served = json.loads(response.body)["resources"]
        return any(resource["name"] == GANG_WORKLOADS.plural for resource in served)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"GET {path}: the answer is no APIResourceList: {error!r}") from error


async def _versions(transport: Transport, group: str) -> tuple[str, ...]:
    """() for a group that is not served."""
    response = await transport.request(Request("GET", f"/apis/{group}"))
    if response.status != 200:
        return ()
    try:
        served = json.loads(response.body)["versions"]
        return tuple(str(version["version"]) for version in served)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"GET /apis/{group}: the answer is no APIGroup: {error!r}") from error
