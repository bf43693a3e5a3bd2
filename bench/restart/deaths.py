"""The four ways to die, each returning the Unix time of the death."""

import signal
import time
from collections.abc import Callable

from bench.pods import Pod
from e2e.cluster import pods
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.processes import ProcessId

VICTIM = 2
"""Neither first nor last."""

FORCED = ("--force", "--grace-period=0", "--wait=false")

Death = Callable[[Kubectl, str, Pod], float]


def program_killed(_kubectl: Kubectl, _namespace: str, pod: Pod) -> float:
    """SIGKILL for the program alone; where nothing launches it, that is the first process."""
    return _kill(program_of(pod.uid))


def launcher_killed(_kubectl: Kubectl, _namespace: str, pod: Pod) -> float:
    """SIGKILL for the container's first process, and so for all of the container."""
    return _kill(pods.launcher(pod.uid))


def pod_force_deleted(kubectl: Kubectl, namespace: str, pod: Pod) -> float:
    died = time.time()
    kubectl.run("delete", "pod", pod.name, f"--namespace={namespace}", *FORCED)
    return died


def pod_deleted(kubectl: Kubectl, namespace: str, pod: Pod) -> float:
    """As `kubectl delete pod` and a drain do it: its program is asked to stop."""
    died = time.time()
    kubectl.run("delete", "pod", pod.name, f"--namespace={namespace}", "--wait=false")
    return died


def program_of(pod_uid: str) -> ProcessId:
    processes = pods.processes(pod_uid)
    if any(process.is_launcher for process in processes):
        return pods.program(pod_uid)
    (program,) = [each.id for each in processes if any("program.py" in arg for arg in each.argv)]
    return program


def _kill(process: ProcessId) -> float:
    died = time.time()
    process.signal(signal.SIGKILL)
    return died


DEATHS: dict[str, tuple[Death, int]] = {
    "program killed": (program_killed, VICTIM),
    "launcher killed": (launcher_killed, VICTIM),
    "pod force-deleted": (pod_force_deleted, VICTIM),
    "pod 0 deleted": (pod_deleted, 0),
}
"""With the process that it happens to."""
