"""A whole cluster on this machine: control plane, DNS, service routing and real kubelets."""

import fcntl
import functools
import json
import os
import platform
import shutil
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import (
    addons,
    binaries,
    cgroups,
    control_plane,
    node,
    packages,
    pinned,
    pki,
    sandbox,
    waiting,
)
from e2e.cluster.accelerators import NODES, NodeRole, play
from e2e.cluster.control_plane import Endpoints
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.paths import CLUSTERS
from e2e.cluster.processes import Component, ProcessId
from e2e.cluster.progress import Progress

BINARIES = (
    "etcd",
    "kube-apiserver",
    "kubeadm",
    "kubectl",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "pause",
    "coredns",
)
PROGRAMS = packages.PROVIDED_BY
READY_SECONDS = 90.0


@dataclass(frozen=True)
class LocalCluster:
    """One cluster by name; its directory holds its keys, logs, data and what was started."""

    name: str = "jaxop"

    @property
    def directory(self) -> Path:
        return CLUSTERS / self.name

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.directory / "log"

    def up(self, progress: Progress, roles: Sequence[NodeRole] = NODES) -> None:
        """Returns once all nodes are Ready. Raises ClusterError, having stopped what it started."""
        _check_machine()
        packages.require(PROGRAMS, progress)
        binaries.ensure(BINARIES, progress)
        with self._locked():
            faults = self.faults()
            if not faults:
                addons.reclaim_volumes(Kubectl(self.kubeconfig))
                progress.say(f"cluster {self.name} is up already; kubeconfig: {self.kubeconfig}")
                return
            if self.directory.joinpath("init.pid").exists():
                progress.say(f"cluster {self.name} is not whole ({faults[0]}): starting anew")
                self._down()
            try:
                self._up(progress, roles)
            except BaseException:
                self._keep_logs()
                self._down()
                raise

    def down(self, progress: Progress) -> None:
        """Removes the cluster, whatever state it is in."""
        if not self.directory.exists():
            progress.say(f"cluster {self.name} is down")
            return
        with self._locked():
            self._down()
        progress.say(f"cluster {self.name} is down: no process, mount or interface is left of it")

    def faults(self) -> list[str]:
        """What keeps it from being whole; empty if all runs."""
        inside = self.recorded_sandbox()
        if inside is None or not inside.alive():
            return ["it is down"]
        if not (self.directory / "components.json").exists():
            return ["its start was cut off"]
        return [
            f"{name} has ended, see {self.logs / name}.log"
            for name, process in self.components().items()
            if not process.alive()
        ]

    def recorded_sandbox(self) -> sandbox.Sandbox | None:
        """What was made last, alive or not."""
        return sandbox.recorded(self.directory / "init.pid", self.cgroup)

    def components(self) -> dict[str, ProcessId]:
        file = self.directory / "components.json"
        recorded = json.loads(file.read_text()) if file.exists() else {}
        return {name: ProcessId(pid, start) for name, (pid, start) in recorded.items()}

    def nodes(self) -> dict[str, list[str]]:
        """Of every node, the wrapper that runs a command in its mount namespace."""
        entering: dict[str, list[str]] = json.loads((self.directory / "nodes.json").read_text())
        return entering

    def record(self, components: Mapping[str, ProcessId]) -> None:
        """Which process each of them now is; the others' stay."""
        ids = {**self.components(), **components}
        plain = {name: (process.pid, process.start_time) for name, process in ids.items()}
        (self.directory / "components.json").write_text(json.dumps(plain))

    def load(self, archive: Path, nodes: Sequence[str], progress: Progress) -> None:
        """Imports an image archive into the named nodes, at the same time."""
        # Two imports of one image at the same time make containerd lose a layer.
        lock = (self.directory / "load.lock").open("w")
        with lock, progress.step(f"loading {archive.name} into {', '.join(nodes)}"):
            fcntl.flock(lock, fcntl.LOCK_EX)
            entering = self.nodes()
            with ThreadPoolExecutor() as pool:
                jobs = [pool.submit(node.import_image, entering[name], archive) for name in nodes]
                for job in jobs:
                    job.result()

    def pin(self, reference: str, nodes: Sequence[str]) -> str:
        entering = self.nodes()
        return pinned.same({name: node.pin_image(entering[name], reference) for name in nodes})

    def _up(self, progress: Progress, roles: Sequence[NodeRole]) -> None:
        shutil.rmtree(self.directory / "old-log", ignore_errors=True)
        network = sandbox.free_network()
        (self.directory / "network").write_text(str(network.number))
        inside = sandbox.create(self.directory / "init.pid", self.logs / "init.log", self.cgroup)
        names = [role.name for role in roles]
        cgroups.create(self.cgroup, names)
        sandbox.connect(inside, network, len(roles))
        at = Endpoints(network.node_address, 6443, 2379, 2380)
        keys = pki.create(self.directory, at.address, at.api_port, names)
        progress.say("starting etcd, kube-apiserver and the nodes' containerd")
        etcd = self._start(inside, "etcd", control_plane.etcd(self.directory / "etcd", at))
        # 0.0.0.0, so that pods reach it through the service's address.
        argv = control_plane.apiserver(keys, at, "0.0.0.0")
        apiserver = self._start(inside, "kube-apiserver", argv)
        components = [etcd, apiserver]
        with ThreadPoolExecutor() as pool:
            starting = [
                pool.submit(
                    node.start,
                    role.name,
                    role,
                    number,
                    network.address_of(number),
                    self.directory / "nodes" / role.name,
                    self.logs,
                    inside,
                    keys,
                    network.pods,
                    f"{self.cgroup}/{role.name}",
                )
                for number, role in enumerate(roles)
            ]
            waiting.until(
                "kube-apiserver is ready",
                lambda: control_plane.not_ready(f"{at.api}/readyz", keys),
                READY_SECONDS,
                needs=components,
            )
            progress.say("kube-apiserver is ready")
            shutil.copy(keys.admin, self.kubeconfig)
            components += self._start_rest(inside, keys, network, names[0])
            kubectl = Kubectl(self.kubeconfig)
            kubectl.apply(addons.manifests(self.directory / "volumes", network.node_address))
            nodes = [each.result() for each in starting]
        components += [component for each in nodes for component in each.components]
        for role in roles:
            waiting.until(
                f"node {role.name} has registered",
                functools.partial(_unregistered, kubectl, role.name),
                READY_SECONDS,
                needs=components,
            )
            play(kubectl, role.name, role)
        waiting.until(
            "all nodes are Ready",
            lambda: _unready(kubectl, names),
            READY_SECONDS,
            needs=components,
            interval_seconds=0.3,
        )
        waiting.until(
            "the cluster DNS is ready",
            lambda: _dns_fault(inside),
            READY_SECONDS,
            needs=components,
        )
        self._record(components, nodes)
        progress.say(f"nodes {', '.join(names)} are Ready; kubeconfig: {self.kubeconfig}")

    def _start_rest(
        self, inside: sandbox.Sandbox, keys: pki.Pki, network: sandbox.Network, first_node: str
    ) -> list[Component]:
        address = network.node_address
        programs = {
            "kube-controller-manager": control_plane.controller_manager(keys, 10257),
            "kube-scheduler": control_plane.scheduler(keys, 10259),
            "kube-proxy": addons.kube_proxy(keys, first_node, network.pods),
            "coredns": addons.coredns(self.directory, keys, address),
        }
        return [self._start(inside, name, argv) for name, argv in programs.items()]

    def _start(self, inside: sandbox.Sandbox, name: str, argv: Sequence[str]) -> Component:
        return inside.start(name, argv, self.logs / f"{name}.log")

    def _record(self, components: Sequence[Component], nodes: Sequence[node.Node]) -> None:
        entering = {each.name: each.namespace.entering() for each in nodes}
        (self.directory / "nodes.json").write_text(json.dumps(entering))
        self.record({each.name: each.id for each in components})

    def _down(self) -> None:
        inside = self.recorded_sandbox()
        if inside is not None:
            sandbox.destroy(inside, self._network())
        cgroups.remove(self.cgroup)
        for entry in self.directory.iterdir():
            if entry.name not in ("old-log", "lock"):
                _remove(entry)

    def _keep_logs(self) -> None:
        """The logs of a start that failed outlive it."""
        shutil.rmtree(self.directory / "old-log", ignore_errors=True)
        if self.logs.exists():
            shutil.copytree(self.logs, self.directory / "old-log")

    def _network(self) -> sandbox.Network | None:
        file = self.directory / "network"
        return sandbox.Network(int(file.read_text())) if file.exists() else None

    @property
    def cgroup(self) -> str:
        """The directory counts too: another cache may have a cluster of the same name."""
        return f"jaxop-{self.name}-{zlib.crc32(str(self.directory).encode()):08x}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ClusterError(
                    f"another `up` or `down` of cluster {self.name} is under way"
                ) from None
            yield


def _check_machine() -> None:
    if platform.system() != "Linux":
        raise ClusterError(
            f"a local cluster needs Linux, and this is {platform.system()}. "
            "Use an existing cluster (JAXOP_KUBECONFIG=path), or install kind and Docker"
        )
    if os.geteuid() != 0:
        raise ClusterError(
            "a local cluster needs root, for its network and mounts. "
            "Run it with sudo, use an existing cluster (JAXOP_KUBECONFIG=path), or install kind"
        )


def _unregistered(kubectl: Kubectl, name: str) -> str | None:
    return kubectl.attempt("get", "node", name).stderr.strip() or None


def _unready(kubectl: Kubectl, names: Sequence[str]) -> str | None:
    states = {}
    for item in kubectl.get("nodes")["items"]:
        conditions = {each["type"]: each for each in item["status"]["conditions"]}
        states[item["metadata"]["name"]] = conditions["Ready"]
    for name in names:
        ready = states.get(name)
        if ready is None:
            return f"node {name} is not registered"
        if ready["status"] != "True":
            return f"node {name}: {ready['message']}"
    return None


def _dns_fault(inside: sandbox.Sandbox) -> str | None:
    """CoreDNS's readiness, asked for from inside, where its loopback is."""
    ask = (
        "exec 3<>/dev/tcp/127.0.0.1/8181 && printf 'GET /ready HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
    )
    try:
        said = inside.run("bash", "-c", ask)
    except ClusterError as error:
        return str(error)
    return None if " 200 " in said.partition("\r\n")[0] else said


def _remove(path: Path) -> None:
    """Mount points of a node that has just died may be busy for a moment."""
    deadline = time.monotonic() + 10
    while path.exists():
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
