"""The cluster as kind makes it, where kind and a container engine work."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import binaries, pinned
from e2e.cluster.accelerators import NODES, NodeRole, play
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.paths import CLUSTERS
from e2e.cluster.progress import Progress


def works() -> bool:
    """Whether there is a kind and an engine that answers it."""
    return shutil.which("kind") is not None and _engine() is not None


def _engine() -> str | None:
    for engine in ("docker", "podman"):
        if shutil.which(engine):
            done = subprocess.run([engine, "info"], capture_output=True)
            if done.returncode == 0:
                return engine
    return None


@dataclass(frozen=True)
class KindCluster:
    name: str = "jaxop"

    @property
    def kubeconfig(self) -> Path:
        return CLUSTERS / f"kind-{self.name}" / "kubeconfig"

    def up(self, progress: Progress) -> None:
        binaries.ensure(["kubectl"], progress)
        if self._exists():
            progress.say(f"kind cluster {self.name} is up already; kubeconfig: {self.kubeconfig}")
            return
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        with progress.step(f"kind creates cluster {self.name}"):
            _kind(
                *("create", "cluster", f"--name={self.name}", "--wait=180s", "--config=-"),
                f"--kubeconfig={self.kubeconfig}",
                stdin=json.dumps(_config(NODES)),
            )
        kubectl = Kubectl(self.kubeconfig)
        for role in NODES:
            play(kubectl, self._node(role.name), role)

    def down(self, progress: Progress) -> None:
        _kind("delete", "cluster", f"--name={self.name}", f"--kubeconfig={self.kubeconfig}")
        shutil.rmtree(self.kubeconfig.parent, ignore_errors=True)
        progress.say(f"kind cluster {self.name} is deleted")

    def faults(self) -> list[str]:
        return [] if self._exists() else ["it is down"]

    def load(self, archive: Path, nodes: Sequence[str], progress: Progress) -> None:
        with progress.step(f"kind loads {archive.name} into {', '.join(nodes)}"):
            names = ",".join(self._node(node) for node in nodes)
            _kind("load", "image-archive", str(archive), f"--name={self.name}", f"--nodes={names}")

    def pin(self, reference: str, nodes: Sequence[str]) -> str:
        return pinned.same({name: pinned.pin(self._ctr(name), reference) for name in nodes})

    def _ctr(self, role: str) -> pinned.Ctr:
        def ctr(*args: str) -> str:
            argv = [
                _engine() or "docker",
                "exec",
                self._node(role),
                "ctr",
                "--namespace=k8s.io",
                *args,
            ]
            done = subprocess.run(argv, capture_output=True, text=True)
            if done.returncode != 0:
                raise ClusterError(f"{' '.join(argv)} failed: {done.stderr.strip()[-2000:]}")
            return done.stdout

        return ctr

    def _node(self, role: str) -> str:
        """kind calls its workers worker, worker2, worker3, in the order of the configuration."""
        number = [each.name for each in NODES].index(role) + 1
        return f"{self.name}-worker{number if number > 1 else ''}"

    def _exists(self) -> bool:
        return self.name in _kind("get", "clusters").split()


def _config(roles: Sequence[NodeRole]) -> dict[str, object]:
    workers = [
        {
            "role": "worker",
            "labels": dict(role.labels),
            "kubeadmConfigPatches": [
                json.dumps(
                    {
                        "kind": "JoinConfiguration",
                        "nodeRegistration": {
                            "taints": [
                                {"key": t.key, "value": t.value, "effect": t.effect}
                                for t in role.taints
                            ]
                        },
                    }
                )
            ],
        }
        for role in roles
    ]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane"}, *workers],
    }


def _kind(*args: str, stdin: str | None = None) -> str:
    done = subprocess.run(["kind", *args], input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"kind {' '.join(args)} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout
