"""Faults of a local cluster, made on purpose and undone when the block ends.

    with stopped(cluster, "kube-apiserver"): ...   it is dead; afterwards a new process of it runs
    with paused(cluster, "etcd"): ...              it hangs; afterwards it goes on
    with node_lost(cluster, "tpu"): ...            kubelet, containerd and all pods of it hang

To the others a machine that hangs is one that is gone: nothing of it answers. What it does when it
comes back is the harder half.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster import cgroups, proc
from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from e2e.cluster.processes import ProcessId, start, wait_gone

GONE_SECONDS = 20.0


@contextmanager
def paused(cluster: LocalCluster, *components: str) -> Iterator[None]:
    """They hang: what they are asked is never answered, and connections stay."""
    with _hanging([_program(cluster, name) for name in components]):
        yield


@contextmanager
def stopped(cluster: LocalCluster, component: str) -> Iterator[None]:
    """It is killed; afterwards it is started as it was. Returns before that one is ready."""
    program = _program(cluster, component)
    argv, env = _command(program.pid), _environment(program.pid)
    program.signal(signal.SIGKILL)
    if not wait_gone(program, GONE_SECONDS):
        raise ClusterError(f"{component}, process {program.pid}, does not go away after SIGKILL")
    try:
        yield
    finally:
        log = cluster.logs / f"{component}.log"
        entering = [*cgroups.entering_system(cluster.cgroup), *_entering(cluster, component)]
        again = start(component, argv, log, entering, env)
        cluster.record({component: again.id})


@contextmanager
def node_lost(cluster: LocalCluster, node: str) -> Iterator[None]:
    """Nothing of the node does anything any more: no heartbeat, and no pod runs on."""
    below = f"/{cluster.cgroup}/{node}/"
    pods = [ProcessId.of(pid) for pid in proc.parents() if below in _cgroups(pid)]
    names = [f"{node}-kubelet", f"{node}-containerd"]
    with _hanging([*(_program(cluster, name) for name in names), *pods]):
        yield


@contextmanager
def _hanging(programs: list[ProcessId]) -> Iterator[None]:
    try:
        for program in programs:
            program.signal(signal.SIGSTOP)
        yield
    finally:
        parents = proc.parents()
        for program in programs:
            # nsenter stops itself with its child, and continues that when it is continued.
            above = parents.get(program.pid, 0)
            if proc.program(above) == "nsenter":
                ProcessId.of(above).signal(signal.SIGCONT)
            program.signal(signal.SIGCONT)


def _program(cluster: LocalCluster, component: str) -> ProcessId:
    """The recorded process is the one that entered the cluster's namespaces; this is its child."""
    recorded = cluster.components()
    if component not in recorded:
        raise ClusterError(f"no component is called {component}; there are {', '.join(recorded)}")
    return ProcessId.of(proc.only_child(recorded[component].pid))


def _entering(cluster: LocalCluster, component: str) -> list[str]:
    """The wrapper into the namespaces that the component runs in."""
    for node, entering in cluster.nodes().items():
        if component in (f"{node}-kubelet", f"{node}-containerd"):
            return entering
    inside = cluster.recorded_sandbox()
    if inside is None:
        raise ClusterError(f"cluster {cluster.name} is down")
    return inside.entering()


def _command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]


def _environment(pid: int) -> dict[str, str]:
    variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    pairs = (variable.partition("=") for variable in variables if variable)
    return {name: value for name, _, value in pairs if os.environ.get(name) != value}


def _cgroups(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""
