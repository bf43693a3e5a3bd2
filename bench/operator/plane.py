"""Everything that runs: API server, etcd, what a mode adds to them, and the operator itself."""

import asyncio
import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import ApiError
from jaxop.kube.login import login
from jaxop.kube.resources import ACCELERATORCLASSES, NODES, Resource
from jaxop.kube.transport import KubernetesTransport

from bench.operator import isolation, kwok
from e2e.cluster import binaries
from e2e.cluster.lite import LiteCluster, lite_cluster
from e2e.cluster.processes import Component, last_lines
from e2e.cluster.progress import Progress

Mode = Literal["alone", "full"]

ROOT = Path(__file__).parents[2]
CLIENT_LIMITS = ("--kube-api-qps=500", "--kube-api-burst=1000")
FAKE_NODES = 20
READY_SECONDS = 30.0
CRDS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)


@dataclass(frozen=True)
class Plane:
    cluster: LiteCluster
    transport: KubernetesTransport
    client: ApiClient
    operator: Component
    metrics_port: int
    fake: Component | None

    @property
    def operator_pid(self) -> int:
        return self.operator.process.pid

    @property
    def pids(self) -> dict[str, int]:
        """Of everything that is part of this benchmark, and of the benchmark itself."""
        cluster = self.cluster
        parts = [cluster.etcd, cluster.apiserver, self.operator, self.fake]
        parts += [cluster.controller_manager, cluster.scheduler]
        return {c.name: c.process.pid for c in parts if c} | {"bench": os.getpid()}


def prepare() -> None:
    """Builds what is missing: that needs the network, which the namespace has not."""
    names = ["etcd", "kube-apiserver", "kubeadm", "kubectl"]
    names += ["kube-controller-manager", "kube-scheduler", "kwok"]
    binaries.ensure(names, Progress())


@asynccontextmanager
async def plane(mode: Mode, operator_flags: Sequence[str]) -> AsyncIterator[Plane]:
    """Ready when this yields: the operator leads, and the fake nodes take pods."""
    full = mode == "full"
    with lite_cluster(
        controller_manager=full,
        scheduler=full,
        apiserver_flags=[f"--advertise-address={isolation.ADDRESS}"],
        controller_manager_flags=CLIENT_LIMITS,
        scheduler_flags=CLIENT_LIMITS,
    ) as cluster:
        transport = KubernetesTransport(login(str(cluster.kubeconfig)))
        client = ApiClient(transport)
        try:
            await _install(client)
            fake = None
            if full:
                fake = kwok.start(cluster)
                await kwok.add_nodes(client, FAKE_NODES)
                await _until("the fake nodes are ready", lambda: _unready_nodes(client), fake)
            operator, metrics_port = await _start_operator(cluster, operator_flags)
            yield Plane(cluster, transport, client, operator, metrics_port, fake)
        finally:
            await transport.close()


async def _install(client: ApiClient) -> None:
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        await client.create(CRDS, yaml.safe_load(file.read_text()), manager=kwok.MANAGER)
    cpu = yaml.safe_load((ROOT / "charts/jax-operator/catalogue/cpu.yaml").read_text())

    async def refused() -> str | None:
        try:
            await client.create(ACCELERATORCLASSES, cpu, manager=kwok.MANAGER)
        except ApiError as error:
            return str(error)
        return None

    await _until("the CRDs are served", refused)


async def _unready_nodes(client: ApiClient) -> str | None:
    nodes = (await client.list_page(NODES)).items
    ready = 0
    for node in nodes:
        conditions = node.get("status", {}).get("conditions") or ()
        is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        ready += is_ready and not node["spec"].get("taints")
    return None if ready == FAKE_NODES else f"{ready} of {FAKE_NODES} are, without taints"


async def _start_operator(cluster: LiteCluster, flags: Sequence[str]) -> tuple[Component, int]:
    metrics_port, health_port = _free_port(), _free_port()
    operator = cluster.launch(
        "operator",
        [
            sys.executable,
            "-m",
            "jaxop.app",
            f"--kubeconfig={cluster.kubeconfig}",
            "--runtime-image=jaxop/runtime:bench",
            f"--metrics-port={metrics_port}",
            f"--health-port={health_port}",
            *flags,
        ],
    )

    async def not_leading() -> str | None:
        return await asyncio.to_thread(_not_leading, f"http://127.0.0.1:{health_port}/readyz")

    await _until("the operator leads", not_leading, operator)
    return operator, metrics_port


def _not_leading(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            said = json.load(answer)
    except (urllib.error.URLError, OSError) as error:
        return f"{url}: {error}"
    return None if said["leading"] else f"{url} says {said}"


async def _until(
    what: str, fault: Callable[[], Awaitable[str | None]], needs: Component | None = None
) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + READY_SECONDS
    while (seen := await fault()) is not None:
        if needs:
            needs.check()
        if clock() > deadline:
            log = last_lines(needs.log) if needs else ""
            raise TimeoutError(f"{what}: not so after {READY_SECONDS:.0f} s: {seen}\n{log}")
        await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
