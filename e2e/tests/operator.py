"""The operator's processes: which of them leads, and how to kill it without a word."""

import os
import signal
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from e2e.cluster.kubectl import Kubectl
from e2e.deploy import NAMESPACE
from e2e.tests.namespace import Seen, eventually

LEASE = "jax-operator"
IN_NAMESPACE = f"--namespace={NAMESPACE}"
READY_WITHIN_SECONDS = 90.0
LOGGED_SINCE = "5m"


@dataclass(frozen=True)
class Leader:
    """`identity` is of one process; `since` when it took the Lease."""

    identity: str
    since: datetime

    @property
    def pod(self) -> str:
        return self.identity.rpartition("_")[0]


def leader(kubectl: Kubectl) -> Leader | None:
    """None while nobody leads."""
    spec = kubectl.get("lease", LEASE, IN_NAMESPACE)["spec"]
    if not spec.get("holderIdentity"):
        return None
    return Leader(spec["holderIdentity"], datetime.fromisoformat(spec["acquireTime"]))


def story(kubectl: Kubectl) -> str:
    """What its processes did of late: whether one was started again, or lost the Lease."""
    pods = kubectl.attempt("get", "pods,leases", IN_NAMESPACE, "--output=wide")
    mine = ("--selector=app.kubernetes.io/name=jax-operator", "--prefix", "--tail=-1")
    said = kubectl.attempt("logs", IN_NAMESPACE, *mine, f"--since={LOGGED_SINCE}")
    own = [line for line in said.stdout.splitlines() if "kopf.objects" not in line]
    return "\n".join([pods.stdout, said.stderr, *own])


def all_replicas_are_ready(kubectl: Kubectl) -> None:
    """Waits, as a killed replica comes back by itself."""

    def ready() -> str | Leader:
        status = kubectl.get("deployment", "jax-operator", IN_NAMESPACE)["status"]
        if status.get("readyReplicas") != status.get("replicas"):
            return f"{status.get('readyReplicas', 0)} of {status.get('replicas')} are ready"
        return leader(kubectl) or "nobody leads"

    eventually("all replicas of the operator are ready", ready, READY_WITHIN_SECONDS)


def kill(kubectl: Kubectl, pod: str) -> None:
    """SIGKILL to its processes where they run on this machine; else deletes the pod by force."""
    found: Seen = kubectl.get("pod", pod, IN_NAMESPACE)
    processes = _processes_of(found["metadata"]["uid"])
    for process in processes:
        os.kill(process, signal.SIGKILL)
    if not processes:
        kubectl.run("delete", "pod", pod, IN_NAMESPACE, "--force", "--grace-period=0")


def replace(kubectl: Kubectl, pod: str) -> None:
    """Kills it, and has another pod made: the kubelet would start it again later each time."""
    kill(kubectl, pod)
    kubectl.run("delete", "pod", pod, IN_NAMESPACE, "--force", "--grace-period=0", "--wait=false")


def _processes_of(pod_uid: str) -> list[int]:
    """The pod's processes that run Python: its sandbox lives on, as when a process crashes."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            inside = pod_uid in (entry / "cgroup").read_text().replace("_", "-")
            if inside and b"jaxop" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found
