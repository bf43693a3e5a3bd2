"""The cgroups that kubelets put pods in: made before they start, removed after they are gone."""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from e2e.cluster.errors import ClusterError

CGROUPS = Path("/sys/fs/cgroup")
WEIGHT = {"cpu.shares": "20480", "cpu.weight": "2000"}
"""Twenty times the default, by version. With it, all pods of a cluster would get as much of a busy
machine's CPU as a single process beside them."""


def _directories(name: str) -> list[Path]:
    """`name` in every cgroup hierarchy: one directory on cgroup v2, one a controller on v1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / name]
    hierarchies = [path for path in CGROUPS.iterdir() if (path / "cgroup.procs").exists()]
    return [hierarchy.resolve() / name for hierarchy in hierarchies]


def create(names: Iterable[str]) -> None:
    for name in names:
        for directory in _directories(name):
            directory.mkdir(parents=True, exist_ok=True)
            _delegate(directory)
            _copy_cpuset(directory)
            _weigh(directory.parent if "/" in name else directory)


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
