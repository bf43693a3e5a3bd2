"""One JaxJob with its pods and its events, read from the API server."""

from dataclasses import dataclass

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.api.v1alpha1.labels import JAXJOB
from jaxop.domain.jaxjob.reading.reading import read_pod
from jaxop.domain.jaxjob.views import PodView
from jaxop.kube.client import ApiClient
from jaxop.kube.resources import EVENTS, JAXJOBS, PODS, Resource


@dataclass(frozen=True, slots=True)
class EventLine:
    time: str
    type: str
    reason: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Known:
    """All that the cluster knows of one JaxJob."""

    jaxjob: JaxJob
    pods: tuple[PodView, ...] = ()
    events: tuple[EventLine, ...] = ()


async def fetch(client: ApiClient, namespace: str, name: str) -> Known:
    """Raises what the client raises; NotFound if there is no such JaxJob."""
    jaxjob = JaxJob.model_validate(await client.get(JAXJOBS, namespace, name))
    raw_pods = await all_of(client, PODS, namespace, f"{JAXJOB}={name}")
    pods = [view for view in map(read_pod, raw_pods) if view is not None]
    return Known(
        jaxjob,
        tuple(sorted(pods, key=lambda pod: (pod.attempt, pod.slice_index, pod.index, pod.name))),
        await events_about(client, namespace, jaxjob.metadata.uid),
    )


async def events_about(client: ApiClient, namespace: str, uid: str) -> tuple[EventLine, ...]:
    """Oldest first."""
    found = await all_of(client, EVENTS, namespace, "")
    about = [event for event in found if (event.get("involvedObject") or {}).get("uid") == uid]
    return tuple(sorted(map(_event, about), key=lambda event: event.time))


async def all_of(
    client: ApiClient, resource: Resource, namespace: str, selector: str
) -> list[Manifest]:
    found: list[Manifest] = []
    token = ""
    while True:
        page = await client.list_page(resource, namespace, selector=selector, continue_token=token)
        found += page.items
        token = page.continue_token
        if not token:
            return found


def _event(event: Manifest) -> EventLine:
    return EventLine(
        time=event.get("lastTimestamp") or event.get("eventTime") or "",
        type=event.get("type") or "",
        reason=event.get("reason") or "",
        message=event.get("message") or "",
        count=event.get("count") or 1,
    )
