"""kopf's part: it logs in, and tells the loop of every event of our own kinds.

No handler here but `on.event`: kopf then writes nothing to anybody's objects, neither finalizers
nor annotations, and posts no events.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import kopf
from kubernetes.aio.client.configuration import Configuration

from jaxop.api.plan import Manifest
from jaxop.kube.controller import Controller
from jaxop.kube.login import Login
from jaxop.kube.resources import Resource

GROUP: Final = "jaxop.dev"

Feed = Callable[[Resource, str | None, Manifest], None]


def among(controllers: Iterable[Controller[Any]]) -> frozenset[Resource]:
    """Our own kinds among all that controllers read: those are fed by kopf."""
    read = {watch.resource for each in controllers for watch in each.watches}
    read |= {each.resource for each in controllers}
    return frozenset(resource for resource in read if resource.group == GROUP)


def settings() -> kopf.OperatorSettings:
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.peering.standalone = True
    return chosen


def registry(resources: Iterable[Resource], feed: Feed, login: Login) -> kopf.OperatorRegistry:
    registered = kopf.OperatorRegistry()

    @kopf.on.login(registry=registered)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        return await connection_info(await login())

    for resource in resources:
        _feed_events(registered, resource, feed)
    return registered


def _feed_events(registered: kopf.OperatorRegistry, resource: Resource, feed: Feed) -> None:
    identity = (resource.group, resource.version, resource.plural)

    @kopf.on.event(*identity, registry=registered, id=f"feed-{resource.plural}")
    async def feed_event(event: kopf.RawEvent, **_: Any) -> None:
        obj: Manifest = dict(event["object"])
        feed(resource, event["type"], {**obj, "metadata": dict(obj["metadata"])})


async def connection_info(configuration: Configuration) -> kopf.ConnectionInfo:
    """Our own login, in kopf's words."""
    bearer = (await configuration.auth_settings()).get("BearerToken")
    scheme, _, token = ((bearer and bearer["value"]) or "").partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert or None,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file or None,
        private_key_path=configuration.key_file or None,
        proxy_url=configuration.proxy or None,
    )
