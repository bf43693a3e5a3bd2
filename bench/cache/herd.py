"""Several jobs at once, all with the same program, on a cache that is empty."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.cache import jobs
from bench.cache.cpu import KEEPER, Read, metered
from bench.cache.measured import Herd, Start, Warming
from bench.cache.starts import Starts
from bench.namespace import bench_namespace, into
from e2e.cluster import waiting
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.tests.jaxjobs import JaxJobBuilder

READY_SECONDS = 120.0


@dataclass(frozen=True)
class Way:
    name: str
    contents: tuple[dict[str, Any], ...]
    job: Callable[[str, jobs.Size], JaxJobBuilder]


WAYS = {
    "none": Way("no cache", (), jobs.alone),
    "plain": Way("plain JAX, shared volume", (jobs.shared_claim(),), jobs.on_shared_volume),
    "ours": Way("CompileCache, one Warmup", (jobs.compile_cache(),), jobs.warmed),
}


@dataclass(frozen=True)
class Herding:
    kubectl: Kubectl
    read_cpu: Read
    size: jobs.Size
    count: int
    give_up_seconds: float

    def run(self, key: str) -> tuple[Herd, Start | None]:
        """And, where there is a CompileCache, one more start when it is warm."""
        way = WAYS[key]
        with bench_namespace(self.kubectl, key, *way.contents) as (namespace, pods):
            starts = Starts(self.kubectl, namespace, pods, self.give_up_seconds)
            if key == "ours":
                self._until_usable(namespace)
            names = [f"gpt{number}" for number in range(self.count)]
            with metered(pods, self.read_cpu) as meter:
                applied = self._apply(way, namespace, *names)
                started = starts.ended_at_first_step(names, applied)
            cpu = meter.by_owner()
            warming = None
            if key == "ours":
                first_pod = min(p.created for n in names for p in pods.of(n)) - applied
                warming = self._warming(namespace, cpu, first_pod)
            wall = max(start.seconds for start in started)
            herd = Herd(way.name, started, wall, sum(cpu.values()), warming)
            if warming is None:
                return herd, None
            applied = self._apply(way, namespace, "warm")
            (warm,) = starts.ended_at_first_step(["warm"], applied)
            return herd, warm

    def _apply(self, way: Way, namespace: str, *names: str) -> float:
        """Unix time of it."""
        applied = time.time()
        manifests = [way.job(name, self.size).manifest for name in names]
        self.kubectl.apply(into(namespace, *manifests))
        return applied

    def _until_usable(self, namespace: str) -> None:
        here = f"--namespace={namespace}"

        def fault() -> str | None:
            status = self.kubectl.get("compilecache", jobs.CACHE, here).get("status", {})
            ready = status.get("state") == "Ready" and status.get("usable")
            return None if ready else f"{status.get('state')}: {status.get('message')}"

        waiting.until("the CompileCache is Ready", fault, READY_SECONDS)

    def _warming(self, namespace: str, cpu: Mapping[str, float], seconds: float) -> Warming:
        warmups = self.kubectl.get("warmups", f"--namespace={namespace}")["items"]
        if len(warmups) != 1:
            raise ClusterError(f"{len(warmups)} Warmups were made, not one")
        name, status = warmups[0]["metadata"]["name"], warmups[0]["status"]
        if status["state"] != "Ready":
            raise ClusterError(f"Warmup {name} is {status['state']}: {status.get('message')}")
        verified = status["verification"]
        return Warming(
            seconds=seconds,
            cpu_seconds=sum(s for job, s in cpu.items() if job.startswith(f"{name}-")),
            keeper_cpu_seconds=cpu.get(KEEPER, 0.0),
            compile_seconds=status["compileSeconds"],
            compilations=status["entries"] + verified["requests"] - verified["hits"],
            verified=verified["summary"],
            tries=status["run"] + 1,
        )
