"""The API server and etcd alone, for tests and benchmarks that need no kubelet.

    with lite_cluster(controller_manager=True) as cluster:
        subprocess.run(["kubectl", "--kubeconfig", cluster.kubeconfig, "get", "ns"])

Plain child processes on loopback with free ports and a temporary directory. They get SIGKILL from
the kernel when the thread that started them dies, so nothing survives a crash of the test.
"""

import http.client
import json
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster import binaries, control_plane, pki, waiting
from e2e.cluster.control_plane import Endpoints
from e2e.cluster.errors import ClusterError
from e2e.cluster.processes import DIES_WITH_US, Component, start
from e2e.cluster.progress import Progress

TIMEOUT_SECONDS = 180.0


@dataclass
class LiteCluster:
    """Handles of a running lite cluster; the components may be stopped and started at will."""

    directory: Path
    at: Endpoints
    keys: pki.Pki
    apiserver_flags: Sequence[str]
    etcd: Component
    apiserver: Component
    controller_manager: Component | None = None
    scheduler: Component | None = None
    components: ExitStack = field(default_factory=ExitStack)

    @property
    def kubeconfig(self) -> Path:
        return self.keys.admin

    @property
    def url(self) -> str:
        return self.at.api

    def log(self, component: str) -> Path:
        return self.directory / "log" / f"{component}.log"

    def stop_apiserver(self) -> None:
        self.apiserver.stop()

    def kill_apiserver(self) -> None:
        self.apiserver.kill()

    def start_apiserver(self) -> None:
        self.apiserver = self.launch("kube-apiserver", _apiserver_argv(self))
        self.wait_ready()

    def pause_apiserver(self) -> None:
        self.apiserver.pause()

    def resume_apiserver(self) -> None:
        self.apiserver.resume()

    def pause_etcd(self) -> None:
        self.etcd.pause()

    def resume_etcd(self) -> None:
        self.etcd.resume()

    def compact(self) -> int:
        """Compacts etcd at its newest revision and returns that.

        Watches and lists from before get 410 Gone once the API server's own cache has forgotten
        them: restart it (`stop_apiserver`, `start_apiserver`) to have that at once.
        """
        # A range of one key with nothing in it, for the header that comes with the answer.
        answer = self._etcd("/v3/kv/range", {"key": "AA=="})
        revision = int(answer["header"]["revision"])
        self._etcd("/v3/kv/compaction", {"revision": str(revision), "physical": True})
        return revision

    def launch(self, name: str, argv: Sequence[str]) -> Component:
        component = start(name, argv, self.log(name), DIES_WITH_US, cwd=self.directory)
        self.components.callback(component.kill)
        return component

    def wait_ready(self) -> None:
        waiting.until(
            "the API server is ready",
            lambda: control_plane.not_ready(f"{self.url}/readyz", self.keys),
            TIMEOUT_SECONDS,
            needs=[self.etcd, self.apiserver],
            interval_seconds=0.05,
        )

    def _etcd(self, path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.at.etcd_port, timeout=10)
        connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        said = response.read()
        connection.close()
        if response.status != 200:
            raise ClusterError(f"etcd answers {response.status} to {path}: {said.decode()}")
        answer: dict[str, dict[str, str]] = json.loads(said)
        return answer


@contextmanager
def lite_cluster(
    controller_manager: bool = False,
    scheduler: bool = False,
    apiserver_flags: Sequence[str] = (),
    controller_manager_flags: Sequence[str] = (),
    scheduler_flags: Sequence[str] = (),
    quiet: bool = True,
) -> Iterator[LiteCluster]:
    """A fresh API server, ready when this yields; the extra flags come last and so win.

    Raises ClusterError if a component does not start, with the end of its log.
    """
    progress = Progress(quiet=quiet)
    names = ["etcd", "kube-apiserver", "kubeadm", "kubectl"]
    names += ["kube-controller-manager"] if controller_manager else []
    names += ["kube-scheduler"] if scheduler else []
    binaries.ensure(names, Progress())
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="jaxop-lite-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        ports = _free_ports(5)
        at = Endpoints("127.0.0.1", *ports[:3])
        log = directory / "log"
        etcd = start(
            "etcd", control_plane.etcd(directory / "etcd", at), log / "etcd.log", DIES_WITH_US
        )
        stack.callback(etcd.kill)
        keys = pki.create(directory, at.address, at.api_port)
        argv = control_plane.apiserver(keys, at, "127.0.0.1", _flags(apiserver_flags))
        apiserver = start("kube-apiserver", argv, log / "kube-apiserver.log", DIES_WITH_US)
        stack.callback(apiserver.kill)
        cluster = LiteCluster(directory, at, keys, apiserver_flags, etcd, apiserver)
        stack.enter_context(cluster.components)
        cluster.wait_ready()
        progress.say(f"the API server is ready: {cluster.url}")
        if controller_manager:
            cluster.controller_manager = cluster.launch(
                "kube-controller-manager",
                control_plane.controller_manager(keys, ports[3], controller_manager_flags),
            )
        if scheduler:
            cluster.scheduler = cluster.launch(
                "kube-scheduler", control_plane.scheduler(keys, ports[4], scheduler_flags)
            )
        yield cluster


def _apiserver_argv(cluster: LiteCluster) -> list[str]:
    flags = _flags(cluster.apiserver_flags)
    return control_plane.apiserver(cluster.keys, cluster.at, "127.0.0.1", flags)


def _flags(own: Sequence[str]) -> list[str]:
    """No kubelet, no controllers that make tokens and CA bundles: nothing to mount in pods."""
    # A loopback address cannot be an endpoint of the service "kubernetes".
    return ["--endpoint-reconciler-type=none", "--disable-admission-plugins=ServiceAccount", *own]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
