"""Replicas of JaxServices, played: each loads its buckets one by one and then is ready.

What a replica says follows from its pod and the time alone. A model whose entry begins with
`broken` never gets further than its first bucket.
"""

from datetime import datetime
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.kube.resources import PODS
from virtual_time import virtual_loop
from world import End, Workload, World, phase, started_at

SERVICE, JAXJOB = "jaxop.dev/jaxservice", "jaxop.dev/jaxjob"
BUCKETS: Final = 4
BUCKET_SECONDS: Final = 5.0


class ReplicasAnd:
    """A `world.Workload`: replicas of one host, and whatever else runs."""

    world: World

    def __init__(self, others: Workload) -> None:
        self._others = others

    def end_of(self, pod: Manifest) -> End | None:
        return None if is_replica(pod) else self._others.end_of(pod)

    def end_when_deleted(self, pod: Manifest) -> End:
        return End(0) if is_replica(pod) else self._others.end_when_deleted(pod)

    def is_ready(self, pod: Manifest) -> bool:
        if not is_replica(pod):
            return self._others.is_ready(pod)
        if (loaded := _loaded(pod)) == BUCKETS:
            return True
        if not (_is_broken(pod) and loaded):
            virtual_loop().call_later(BUCKET_SECONDS, self.world.poke)
        return False


def report(world: World, ip: str) -> Manifest | None:
    """What the launcher at this address answers."""
    for pod in world.all(PODS):
        found = (pod.get("status") or {}).get("podIP") == ip and phase(pod) == "Running"
        if found and is_replica(pod):
            return _report(pod)
    return None


def is_replica(pod: Manifest) -> bool:
    """Of one host; see `gang_replicas` for the others."""
    labels = pod["metadata"].get("labels") or {}
    return SERVICE in labels and JAXJOB not in labels


def serving(loaded: int) -> Manifest:
    """contract.json, `serving`, with so many buckets executed."""
    return {
        "model": "played",
        "version": "1",
        "state": "Ready" if loaded == BUCKETS else "Loading",
        "reason": None,
        "bucketsReady": loaded,
        "bucketsTotal": BUCKETS,
        "secondsLeft": (BUCKETS - loaded) * BUCKET_SECONDS,
        "loadSeconds": BUCKETS * BUCKET_SECONDS if loaded == BUCKETS else None,
        "readyAt": None,
        "requestsPerSecond": 0.0,
        "latency": {"p50Seconds": None, "p95Seconds": None, "p99Seconds": None},
        "queued": 0,
        "queuedSeconds": 0.0,
        "inFlight": 0,
        "requests": 0,
        "refused": 0,
        "failed": 0,
        "utilization": 0.0,
        "padding": 0.0,
        "compilesAfterReady": 0,
        "parametersBytes": 0,
    }


def _report(pod: Manifest) -> Manifest:
    return {
        "version": 1,
        "job": "",
        "attempt": 0,
        "epoch": 1,
        "processId": 0,
        "numProcesses": 1,
        "state": "Running",
        "joined": 1,
        "missing": [],
        "serving": serving(_loaded(pod)),
    }


def _loaded(pod: Manifest) -> int:
    """Buckets that have executed."""
    since = started_at(pod)
    if not since:
        return 0
    seconds = (virtual_loop().now() - datetime.fromisoformat(since)).total_seconds()
    done = min(BUCKETS, int(seconds / BUCKET_SECONDS))
    return min(1, done) if _is_broken(pod) else done


def _is_broken(pod: Manifest) -> bool:
    containers = {c["name"]: c for c in pod["spec"]["containers"]}
    return any(word.startswith("broken") for word in containers["jax"].get("command") or ())
