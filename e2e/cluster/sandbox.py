"""The namespaces that a local cluster lives in, and that take it along when they end.

One init process holds a network, a mount and a process namespace. Everything else is started
inside them. When the init dies, the kernel kills every process in there, and with the last of them
go the mounts, the bridge, the pods' interfaces, the firewall rules, and the veth pair whose other
end is on the host: nothing has to be undone, however far it had come.

What the kernel leaves are empty cgroups, which are only directories: `cgroups.py` removes them.

The host sees the cluster through the veth pair: `host_address` <-> `node_address`, and a route to
the pods.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import binaries, cgroups, proc
from e2e.cluster.errors import ClusterError
from e2e.cluster.processes import Component, ProcessId, start, wait_gone


@dataclass(frozen=True)
class Network:
    """Addresses of the `number`th cluster on this machine, 0 to 255."""

    number: int

    @property
    def host_address(self) -> str:
        return f"10.240.{self.number}.1"

    @property
    def node_address(self) -> str:
        """Of the control plane, and of the first node; the others' follow it."""
        return f"10.240.{self.number}.2"

    def address_of(self, node: int) -> str:
        return f"10.240.{self.number}.{2 + node}"

    @property
    def pods(self) -> str:
        return f"10.244.{self.number}.0/24"

    @property
    def interface(self) -> str:
        return f"jaxop{self.number}"


@dataclass(frozen=True)
class Sandbox:
    """`outer` waits for the init and kills it when it is killed itself; what is started inside is
    of the system of the cluster whose cgroup this is."""

    outer: ProcessId
    cgroup: str

    @property
    def init_pid(self) -> int:
        return proc.only_child(self.outer.pid)

    def alive(self) -> bool:
        return self.outer.alive()

    def entering(self) -> list[str]:
        """The wrapper that runs a command inside."""
        return ["nsenter", f"--target={self.init_pid}", "--net", "--mount", "--pid", "--"]

    def run(self, *argv: str) -> str:
        """Runs a command inside to its end. Raises ClusterError with what it said."""
        return _run([*self.entering(), *argv])

    def start(
        self, name: str, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> Component:
        return start(
            name, argv, log, [*cgroups.entering_system(self.cgroup), *self.entering()], env
        )


@dataclass(frozen=True)
class NodeSandbox:
    """A mount namespace inside the sandbox: a node's own /run, /var/lib and /var/log."""

    holder: Component
    cgroup: str

    def entering(self) -> list[str]:
        holder = proc.only_child(self.holder.process.pid)
        return ["nsenter", f"--target={holder}", "--net", "--mount", "--pid", "--"]

    def start(self, name: str, argv: Sequence[str], log: Path) -> Component:
        return start(name, argv, log, [*cgroups.entering_system(self.cgroup), *self.entering()])


def create(pid_file: Path, log: Path, cgroup: str) -> Sandbox:
    """Starts the init. Its id is in `pid_file` before there is anything to clean up; `cgroup` must
    be there before anything is started inside."""
    script = 'echo "$$ $(cut -d" " -f22 /proc/$$/stat)" > "$1"; shift; exec "$@"'
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    init = [str(binaries.path("pause"))]
    component = start(
        "init", [*unshare, *init], log, wrapper=["sh", "-c", script, "sh", str(pid_file)]
    )
    deadline = time.monotonic() + 10
    while True:
        component.check()
        sandbox = recorded(pid_file, cgroup)
        if sandbox is not None and proc.children(sandbox.outer.pid):
            init_pid = sandbox.init_pid
            if proc.exe(init_pid) == binaries.path("pause").resolve():
                break
        if time.monotonic() > deadline:
            raise ClusterError(f"the cluster's init did not start; see {log}")
        time.sleep(0.01)
    sandbox.run("mount", "--make-rshared", "/")
    _shield_kernel_settings(sandbox, pid_file.parent / "sysctl")
    return sandbox


def _shield_kernel_settings(sandbox: Sandbox, directory: Path) -> None:
    """Puts files with the values that kubelet wants over those of the machine, which are global."""
    wanted = {"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}
    directory.mkdir(parents=True, exist_ok=True)
    for name, value in wanted.items():
        file = directory / name.replace("/", ".")
        file.write_text(f"{value}\n")
        sandbox.run("mount", "--bind", str(file), f"/proc/sys/{name}")


def recorded(pid_file: Path, cgroup: str) -> Sandbox | None:
    """The sandbox whose id is in `pid_file`, alive or not."""
    try:
        pid, start_time = pid_file.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return Sandbox(ProcessId(int(pid), int(start_time)), cgroup)


def connect(sandbox: Sandbox, network: Network, nodes: int) -> None:
    """The veth pair, the nodes' addresses, and the host's route to the pods."""
    inside = "eth0"
    peer = ["peer", "name", inside, "netns", str(sandbox.init_pid)]
    _run(["ip", "link", "add", network.interface, "type", "veth", *peer])
    _run(["ip", "address", "add", f"{network.host_address}/24", "dev", network.interface])
    _run(["ip", "link", "set", network.interface, "up"])
    sandbox.run("ip", "link", "set", "lo", "up")
    for node in range(max(nodes, 1)):
        sandbox.run("ip", "address", "add", f"{network.address_of(node)}/24", "dev", inside)
    sandbox.run("ip", "link", "set", inside, "up")
    sandbox.run("ip", "route", "add", "default", "via", network.host_address)
    sandbox.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    _run(["ip", "route", "add", network.pods, "via", network.node_address])


def free_network() -> Network:
    """The first whose interface and addresses nobody has."""
    taken = _run(["ip", "-o", "address"]) + _run(["ip", "-o", "route"])
    for number in range(256):
        network = Network(number)
        if f"10.240.{number}." not in taken and f"10.244.{number}." not in taken:
            return network
    raise ClusterError("all of 10.240.0.0/16 and 10.244.0.0/16 is in use on this machine")


def create_node(sandbox: Sandbox, directory: Path, log: Path) -> NodeSandbox:
    """`directory` gets what the node writes: its images, its volumes, its pods' logs."""
    binds = {"lib": "/var/lib", "log": "/var/log", "run": "/run"}
    for name in binds:
        (directory / name).mkdir(parents=True, exist_ok=True)
    script = "; ".join(
        [
            "set -e",
            *(f"mount --bind '{directory / name}' {target}" for name, target in binds.items()),
            "mount --make-rshared /",
            f"exec {binaries.path('pause')}",
        ]
    )
    argv = ["unshare", "--mount", "--propagation=private", "sh", "-c", script]
    holder = sandbox.start("holder", argv, log)
    deadline = time.monotonic() + 10
    while not any(
        proc.exe(child) == binaries.path("pause").resolve()
        for child in proc.children(holder.process.pid)
    ):
        holder.check()
        if time.monotonic() > deadline:
            raise ClusterError(f"the node's namespace did not come up; see {log}")
        time.sleep(0.01)
    return NodeSandbox(holder, sandbox.cgroup)


def destroy(sandbox: Sandbox, network: Network | None) -> None:
    """Kills the init, and so everything in the sandbox, and waits until it is gone.

    Raises ClusterError if it will not die.
    """
    if sandbox.alive():
        _kill(sandbox)
    if network is not None and Path(f"/sys/class/net/{network.interface}").exists():
        # The kernel would remove it with the namespace, a moment later; this is now.
        with contextlib.suppress(ClusterError):
            _run(["ip", "link", "delete", network.interface])


def _kill(sandbox: Sandbox) -> None:
    init = ProcessId.of(sandbox.init_pid)
    waiters = _waiters(init.pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(init.pid, signal.SIGKILL)
    sandbox.outer.signal(signal.SIGKILL)
    for process in (init, sandbox.outer, *waiters):
        if not wait_gone(process, 20):
            raise ClusterError(f"process {process.pid} does not go away after SIGKILL")


def _waiters(init_pid: int) -> list[ProcessId]:
    """The processes outside that wait for one inside, and end with it: nsenter's."""
    parents = proc.parents()
    namespace = proc.process_namespace(init_pid)
    inside = {pid for pid in parents if proc.process_namespace(pid) == namespace}
    outside = {parents[each] for each in inside} - inside
    return [ProcessId.of(pid) for pid in outside if proc.program(pid) == "nsenter"]


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
