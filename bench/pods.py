"""When pods came, ran and ended: by the clock of this machine, as a watch told it."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from e2e.cluster import binaries
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.processes import DIES_WITH_US

INDEX = "batch.kubernetes.io/job-completion-index"
JAXJOB = "jaxop.dev/jaxjob"


@dataclass
class Pod:
    """Times are Unix seconds of when this process heard of it; None until then."""

    name: str
    uid: str
    index: int | None
    """In its Job; None for a pod that is no part of an Indexed Job."""
    created: float
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None
    running: float | None = None
    ended: float | None = None
    """Its program container is terminated, or the pod is gone."""
    exit_code: int | None = None


class Pods:
    """Of one namespace, the latest last; `all` and `alive` are those of Indexed Jobs."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}
        self._lock = threading.Lock()

    def any(self) -> list[Pod]:
        """Those of Deployments, too."""
        with self._lock:
            return sorted(self._pods.values(), key=lambda pod: pod.created)

    def all(self) -> list[Pod]:
        return [pod for pod in self.any() if pod.index is not None]

    def alive(self) -> list[Pod]:
        return [pod for pod in self.all() if pod.ended is None]

    def of(self, jaxjob: str) -> list[Pod]:
        return [pod for pod in self.all() if pod.labels.get(JAXJOB) == jaxjob]

    def newest(self, index: int) -> Pod | None:
        of_it = [pod for pod in self.all() if pod.index == index]
        return of_it[-1] if of_it else None

    def take(self, kind: str, found: dict[str, Any], now: float) -> None:
        metadata, status = found["metadata"], found.get("status", {})
        uid, labels = metadata["uid"], metadata.get("labels", {})
        index = int(labels[INDEX]) if INDEX in labels else None
        with self._lock:
            pod = self._pods.setdefault(uid, Pod(metadata["name"], uid, index, now, labels))
            pod.address = status.get("podIP") or pod.address
            state = _program_state(status)
            if pod.running is None and ("running" in state or "terminated" in state):
                pod.running = now
            if pod.ended is None and ("terminated" in state or kind == "DELETED"):
                pod.ended = now
            if "terminated" in state:
                pod.exit_code = state["terminated"]["exitCode"]


def _program_state(status: dict[str, Any]) -> dict[str, Any]:
    for container in status.get("containerStatuses", []):
        if container["name"] == "jax":
            state: dict[str, Any] = container["state"]
            return state
    return {}


@contextmanager
def watched(kubectl: Kubectl, namespace: str) -> Iterator[Pods]:
    """All pods of the namespace, until the block ends."""
    pods = Pods()
    argv = [*DIES_WITH_US, str(binaries.path("kubectl")), f"--kubeconfig={kubectl.kubeconfig}"]
    argv += ["get", "pods", f"--namespace={namespace}", "--watch", "--output-watch-events"]
    argv += ["--output=jsonpath={.type} {.object}{'\\n'}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        reader = threading.Thread(target=_read, args=(process, pods), daemon=True)
        reader.start()
        try:
            yield pods
        finally:
            process.kill()
            reader.join()


def _read(process: "subprocess.Popen[str]", pods: Pods) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        kind, _, found = line.partition(" ")
        pods.take(kind, json.loads(found), time.time())
