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
    raw_pods = await _all(client, PODS, namespace, f"{JAXJOB}={name}")
    pods = [view for view in map(read_pod, raw_pods) if view is not None]
    raw_events = await _all(client, EVENTS, namespace, "")
    events = [_event(event) for event in raw_events if _is_about(event, jaxjob)]
    return Known(
        jaxjob,
        tuple(sorted(pods, key=lambda pod: (pod.attempt, pod.slice_index, pod.index, pod.name))),
        tuple(sorted(events, key=lambda event: event.time)),
    )


async def _all(
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


def _is_about(event: Manifest, jaxjob: JaxJob) -> bool:
    return bool((event.get("involvedObject") or {}).get("uid") == jaxjob.metadata.uid)


def _event(event: Manifest) -> EventLine:
    return EventLine(
        time=event.get("lastTimestamp") or event.get("eventTime") or "",
        type=event.get("type") or "",
        reason=event.get("reason") or "",
        message=event.get("message") or "",
        count=event.get("count") or 1,
    )
