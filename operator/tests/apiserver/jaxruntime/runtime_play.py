"""A JaxRuntime as an admin applies it, its controller in a loop, pods as a kubelet reports them."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from jaxop.api.plan import Manifest
from jaxop.controllers.jaxruntime import JaxRuntimeController
from jaxop.controllers.node_facts import NodeFacts
from jaxop.domain.runtime import VerificationSettings
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import Conflict, NotFound
from jaxop.kube.loop import Loop
from jaxop.kube.resources import EVENTS, JAXRUNTIMES, JOBS, PODS, Key, Resource
from waiting import until
from wire import Wire

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
IMAGE = f"registry.test/jax@sha256:{'a' * 64}"
OTHER_IMAGE = f"registry.test/jax@sha256:{'b' * 64}"


class RuntimePlay:
    """`wire` is between the loop and the API server; the play goes around it."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.client = ApiClient(wire._inner)
        self.namespace = f"test-{secrets.token_hex(4)}"
        self.name = f"jax-{secrets.token_hex(4)}"
        self.loop: Loop | None = None

    async def begin(self) -> None:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        await self.create(NAMESPACES, {"metadata": {"name": self.namespace, "labels": labels}})

    async def end(self) -> None:
        for resource, name in ((JAXRUNTIMES, self.name), (NAMESPACES, self.namespace)):
            try:
                await self.client.delete(resource, "", name)
            except NotFound:
                continue

    @asynccontextmanager
    async def operating(self) -> AsyncIterator[Loop]:
        """The controller runs."""
        client = ApiClient(self.wire)
        nodes = NodeFacts(client, lambda key: loop.wake(key))
        settings = VerificationSettings("registry.test/jaxop-runtime:1", self.namespace)
        loop = Loop(client, [JaxRuntimeController(settings, nodes=nodes)], namespace=self.namespace)
        tasks = [asyncio.create_task(loop.run()), asyncio.create_task(nodes.run())]
        try:
            await until(lambda: loop.synced.is_set() or tasks[0].done(), "the loop is synced")
            if tasks[0].done():
                tasks[0].result()
            self.loop = loop
            yield loop
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # objects

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        whole = {"apiVersion": resource.api_version, "kind": resource.kind, **manifest}
        return await self.client.create(resource, whole, manager="test")

    async def runtime(self, **spec: Any) -> Manifest:
        wanted = {"image": IMAGE, **spec}
        return await self.create(JAXRUNTIMES, {"metadata": {"name": self.name}, "spec": wanted})

    async def change(self, **spec: Any) -> None:
        await self.client.patch(JAXRUNTIMES, "", self.name, {"spec": spec}, manager="test")

    async def status(self) -> Manifest:
        found: Manifest = (await self.client.get(JAXRUNTIMES, "", self.name)).get("status") or {}
        return found

    async def state(self, wanted: str, words: str = "") -> Manifest:
        """Its status, once it is in that state, says that, and the controller is at rest."""

        async def reached() -> Manifest | None:
            status = await self.status()
            right = status.get("state") == wanted and words in status.get("message", "")
            assert self.loop is not None
            return status if right and self.loop.queue.idle else None

        found: Manifest = await until(reached, f"the runtime is {wanted}: {words}")
        return found

    async def jobs(self) -> list[str]:
        items = (await self.client.list_page(JOBS, self.namespace)).items
        return [i["metadata"]["name"] for i in items if "deletionTimestamp" not in i["metadata"]]

    async def no_jobs(self) -> None:
        async def none() -> bool:
            return not await self.jobs()

        await until(none, "the Jobs are gone")

    async def events(self) -> list[str]:
        items = (await self.client.list_page(EVENTS, "default")).items
        about = [e for e in items if e["involvedObject"]["name"] == self.name]
        return [f"{event['type']} {event['reason']}: {event['message']}" for event in about]

    async def look_again(self) -> None:
        """One more pass over everything."""
        assert self.loop is not None
        self.loop.wake(Key("JaxRuntime", "", self.name))
        await until(lambda: self.loop is not None and self.loop.queue.idle, "the pass is over")

    # pods

    async def pod(self, job: str = "") -> Manifest:
        """The one that the Job controller made, once it is there."""

        async def made() -> Manifest | None:
            for pod in (await self.client.list_page(PODS, self.namespace)).items:
                of = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
                if job in ("", of) and pod["status"]["phase"] == "Pending":
                    found: Manifest = pod
                    return found
            return None

        pod: Manifest = await until(made, "the Job has a pod")
        return pod

    async def report(self, pod: Manifest, phase: str, state: Manifest) -> None:
        """As a node's kubelet does; from then on the scheduler has no say."""
        await self._bind(pod)
        container = {"name": "jax", "image": IMAGE, "imageID": "", "ready": False}
        statuses = [{**container, "restartCount": 0, "state": state}]
        await self.client.patch(
            PODS,
            self.namespace,
            pod["metadata"]["name"],
            {"status": {"phase": phase, "conditions": [], "containerStatuses": statuses}},
            manager="test",
            subresource="status",
        )

    async def _bind(self, pod: Manifest) -> None:
        name = pod["metadata"]["name"]
        binding = Resource("", "v1", f"pods/{name}/binding", "Binding")
        metadata = {"name": name, "namespace": self.namespace}
        target = {"apiVersion": "v1", "kind": "Node", "name": "the-node"}
        with suppress(Conflict):
            await self.create(binding, {"metadata": metadata, "target": target})

    async def ends(self, pod: Manifest, exit_code: int = 0, **said: Any) -> None:
        """`jaxrun inspect` has found JAX 0.12 on cpu, unless it said something else."""
        found = {
            "version": 1,
            "python": "3.13.5",
            "jax": "0.12.0.1",
            "jaxlib": "0.12.0",
            "compression": "zlib",
            "platform": "cpu",
            "platformVersion": None,
            "device": "cpu",
            "devices": 1,
            "packages": {},
            "error": None,
            **said,
        }
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ended = {
            "exitCode": exit_code,
            "reason": "Error" if exit_code else "Completed",
            "message": json.dumps(found),
            "startedAt": now,
            "finishedAt": now,
        }
        await self.report(pod, "Failed" if exit_code else "Succeeded", {"terminated": ended})
