"""One JaxService with its revisions, its pods and its events, read from the API server, and what
its replicas say, as far as the user may ask them through it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxop.api.v1alpha1 import JaxService
from jaxop.api.v1alpha1.labels import JAXSERVICE
from jaxop.cli.fetch import EventLine, all_of, events_about
from jaxop.domain import contract
from jaxop.domain.service.reading import read_replica_pod, read_revision
from jaxop.domain.service.replica_reading import read_replica_report
from jaxop.domain.service.views import ReplicaPodView, RevisionView, ServingReport
from jaxop.kube.children import controller_of
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import KubeError
from jaxop.kube.resources import CONTROLLERREVISIONS, JAXSERVICES, PODS


@dataclass(frozen=True, slots=True)
class KnownService:
    """All that the cluster knows of one JaxService. `said` is by the name of the pod."""

    service: JaxService
    revisions: tuple[RevisionView, ...] = ()
    pods: tuple[ReplicaPodView, ...] = ()
    said: Mapping[str, ServingReport] = field(default_factory=dict)
    events: tuple[EventLine, ...] = ()


async def fetch_service(
    client: ApiClient, namespace: str, name: str, *, pods: ApiClient | None = None
) -> KnownService:
    """Raises what the client raises; NotFound if there is no such JaxService. `pods` is a client
    for asking replicas, one that does not try for long; None asks none."""
    service = JaxService.model_validate(await client.get(JAXSERVICES, namespace, name))
    raw_pods = await all_of(client, PODS, namespace, f"{JAXSERVICE}={name}")
    views = [view for view in map(read_replica_pod, raw_pods) if view is not None]
    asked = [view.pod.name for view in views if view.pod.index == 0 and view.pod.ip]
    return KnownService(
        service,
        await revisions_of(client, service),
        tuple(sorted(views, key=lambda view: (view.revision, view.replica or 0, view.pod.name))),
        await _ask(pods, namespace, asked) if pods is not None else {},
        await events_about(client, namespace, service.metadata.uid),
    )


async def revisions_of(client: ApiClient, service: JaxService) -> tuple[RevisionView, ...]:
    """Oldest first."""
    metadata = service.metadata
    selector = f"{JAXSERVICE}={metadata.name}"
    found = await all_of(client, CONTROLLERREVISIONS, metadata.namespace, selector)
    own = [raw for raw in found if (controller_of(raw) or {}).get("uid") == metadata.uid]
    views = [view for view in map(read_revision, own) if view is not None]
    return tuple(sorted(views, key=lambda view: view.number))


async def _ask(client: ApiClient, namespace: str, pods: list[str]) -> dict[str, ServingReport]:
    """Through the API server, which takes the right to get pods/proxy: without it none answers."""
    answers = await asyncio.gather(*(_ask_one(client, namespace, pod) for pod in pods))
    return {pod: said for pod, said in zip(pods, answers, strict=True) if said is not None}


async def _ask_one(client: ApiClient, namespace: str, pod: str) -> ServingReport | None:
    where = f"{pod}:{contract.HTTP_PORT}"
    try:
        answer = await client.get(PODS, namespace, where, subresource="proxy/status")
    except KubeError:
        return None
    report = read_replica_report(answer)
    return report.serving if report is not None else None
