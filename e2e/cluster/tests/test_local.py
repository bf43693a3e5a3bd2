"""The whole cluster leaves nothing behind: neither when stopped, nor when its start was killed."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.cluster import proc
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress

pytestmark = pytest.mark.e2e
NAME = "leaktest"
SYSTEMS_SHARE = ("20480", "2000")


def footprint() -> dict[str, list[str]]:
    """All that a cluster could leave on the machine, as sorted lines."""
    cgroups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/jaxop-{NAME}*")]
    processes = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
        except (OSError, NotADirectoryError):
            continue
        if f"clusters/{NAME}".encode() in command:
            processes.append(f"{entry.name} {command!r}")
    return {
        "processes": processes,
        "cgroups": sorted(cgroups),
        "mounts": [line for line in _said("mount") if NAME in line],
        "interfaces": [line.split(":")[1] for line in _said("ip", "-o", "link")],
        "routes": _said("ip", "route"),
        "addresses": [line.split()[3] for line in _said("ip", "-o", "address")],
        "firewall": [x for x in _said("iptables-save") if not x.startswith(("#", ":"))],
        "network namespaces": _said("ip", "netns"),
        "kernel": [
            Path(f"/proc/sys/{name}").read_text()
            for name in ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
        ],
    }


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    cluster = LocalCluster(NAME)
    cluster.down(Progress(quiet=True))
    yield cluster
    cluster.down(Progress(quiet=True))


def test_up_twice_down_and_up_again(cluster: LocalCluster) -> None:
    before = footprint()
    cluster.up(Progress())
    kubectl = Kubectl(cluster.kubeconfig)
    kubectl.run("create", "namespace", "first")
    cluster.up(Progress())
    assert kubectl.attempt("get", "namespace", "first").returncode == 0
    assert cluster.faults() == []
    for name in ("etcd", "kube-apiserver", "cpu-kubelet"):
        assert share_of_cpu(proc.only_child(cluster.components()[name].pid)) in SYSTEMS_SHARE
    cluster.down(Progress())
    assert footprint() == before
    cluster.up(Progress())
    assert kubectl.attempt("get", "namespace", "first").returncode == 1
    cluster.down(Progress())
    assert footprint() == before


@pytest.mark.parametrize("after_seconds", [0.2, 0.6, 1.0, 1.5, 2.5, 4.0])
def test_a_start_that_is_killed_leaves_nothing_after_down(
    cluster: LocalCluster, after_seconds: float
) -> None:
    before = footprint()
    up = subprocess.Popen([sys.executable, "-m", "e2e.cluster", "up", f"--name={NAME}"])
    time.sleep(after_seconds)
    up.kill()
    up.wait()
    cluster.down(Progress())
    assert footprint() == before


def test_a_component_that_died_is_named_and_up_makes_the_cluster_whole(
    cluster: LocalCluster,
) -> None:
    cluster.up(Progress())
    subprocess.run(["kill", "-9", str(cluster.components()["kube-scheduler"].pid)], check=True)
    deadline = time.monotonic() + 10
    while not cluster.faults():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert cluster.faults() == [
        f"kube-scheduler has ended, see {cluster.logs / 'kube-scheduler.log'}"
    ]
    cluster.up(Progress())
    assert cluster.faults() == []


def share_of_cpu(pid: int) -> str:
    """The weight of the cgroup that the process is in, on either version."""
    entries = [
        entry.split(":", 2) for entry in Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    ]
    found = {name: path for _, names, path in entries for name in names.split(",")}
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return Path(f"/sys/fs/cgroup/{found['']}/cpu.weight").read_text().strip()
    return Path(f"/sys/fs/cgroup/cpu/{found['cpu']}/cpu.shares").read_text().strip()


def _said(*argv: str) -> list[str]:
    return sorted(subprocess.run(argv, capture_output=True, text=True).stdout.splitlines())
