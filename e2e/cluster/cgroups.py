"""The cgroups of a cluster: made before anything of it starts, removed after all of it is gone.

<cluster>/<node>    where a kubelet puts its pods
<cluster>/system    the control plane and the kubelets, which outweigh all pods
"""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from e2e.cluster.errors import ClusterError

CGROUPS = Path("/sys/fs/cgroup")
SYSTEM = "system"
WEIGHT = {"cpu.shares": "20480", "cpu.weight": "2000"}
"""Twenty times the default, by version. Without it, all pods of a cluster would get as much of a
busy machine's CPU as a single process beside them; and two programs that compile would keep the API
server from answering for as long as the operator tries to renew its Lease."""


def _directories(name: str) -> list[Path]:
    """`name` in every cgroup hierarchy: one directory on cgroup v2, one a controller on v1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / name]
    hierarchies = [path for path in CGROUPS.iterdir() if (path / "cgroup.procs").exists()]
    return [hierarchy.resolve() / name for hierarchy in hierarchies]


def create(cluster: str, nodes: Iterable[str]) -> None:
    for name in (cluster, *(f"{cluster}/{node}" for node in nodes)):
        for directory in _directories(name):
            directory.mkdir(parents=True, exist_ok=True)
            _delegate(directory)
            _copy_cpuset(directory)
    # Nothing is delegated there: on cgroup v2 only a leaf may have processes.
    for directory in _directories(f"{cluster}/{SYSTEM}"):
        directory.mkdir(exist_ok=True)
        _copy_cpuset(directory)
    for name in (cluster, f"{cluster}/{SYSTEM}"):
        for directory in _directories(name):
            _weigh(directory)


def entering_system(cluster: str) -> list[str]:
    """The wrapper that runs a command as a part of the cluster's system."""
    script = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"'
    directories = [str(directory) for directory in _directories(f"{cluster}/{SYSTEM}")]
    return ["sh", "-ec", script, "sh", *directories, "--"]


def pod_cpu_seconds(name: str, pod_uid: str) -> float | None:
    """What all containers of a pod below `name` have used; None while there is no such cgroup."""
    unified = (CGROUPS / "cgroup.controllers").exists()
    top = (CGROUPS if unified else (CGROUPS / "cpuacct").resolve()) / name
    for pattern in (f"*/kubepods/*/pod{pod_uid}", f"*/kubepods/pod{pod_uid}"):
        for directory in top.glob(pattern):
            with contextlib.suppress(OSError):
                return _cpu_seconds(directory, unified)
    return None


def _cpu_seconds(directory: Path, unified: bool) -> float:
    if not unified:
        return int((directory / "cpuacct.usage").read_text()) / 1e9
    lines = (directory / "cpu.stat").read_text().splitlines()
    return int(dict(line.split() for line in lines)["usage_usec"]) / 1e6


def remove(name: str) -> None:
    """Removes `name` and all below it; the processes in them must be gone."""
    for top in _directories(name):
        for directory, _, _ in os.walk(top, topdown=False):
            deadline = time.monotonic() + 10
            while True:
                try:
                    Path(directory).rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError as error:
                    # The kernel is not done with processes that were killed a moment ago.
                    if time.monotonic() > deadline:
                        raise ClusterError(f"{directory} cannot be removed: {error}") from error
                    time.sleep(0.05)


def _delegate(directory: Path) -> None:
    """On cgroup v2 the controllers must be enabled from the root down."""
    if not (CGROUPS / "cgroup.controllers").exists():
        return
    parents = [parent for parent in directory.parents if parent.is_relative_to(CGROUPS)]
    for parent in [*reversed(parents), directory]:
        available = (parent / "cgroup.controllers").read_text().split()
        wanted = " ".join(f"+{controller}" for controller in available)
        with contextlib.suppress(OSError):
            (parent / "cgroup.subtree_control").write_text(wanted)


def _weigh(directory: Path) -> None:
    for name, weight in WEIGHT.items():
        if (directory / name).exists():
            (directory / name).write_text(weight)


def _copy_cpuset(directory: Path) -> None:
    """On cgroup v1 a new cpuset is empty and takes no process until it has CPUs and memory."""
    for parent in [*reversed(directory.parents), directory]:
        for name in ("cpuset.cpus", "cpuset.mems"):
            own, above = parent / name, parent.parent / name
            if own.exists() and above.exists() and not own.read_text().strip():
                own.write_text(above.read_text())
