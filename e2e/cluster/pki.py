"""Certificates and kubeconfigs of one cluster, written by kubeadm without a cluster running."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from e2e.cluster import binaries
from e2e.cluster.errors import ClusterError

SERVICE_CIDR = "10.96.0.0/16"


@dataclass(frozen=True)
class Pki:
    directory: Path

    @property
    def certificates(self) -> Path:
        return self.directory / "pki"

    @property
    def admin(self) -> Path:
        """In the group system:masters, so that it needs no role binding."""
        return self.directory / "super-admin.conf"

    @property
    def controller_manager(self) -> Path:
        return self.directory / "controller-manager.conf"

    @property
    def scheduler(self) -> Path:
        return self.directory / "scheduler.conf"

    def node(self, name: str) -> Path:
        return self.directory / "nodes" / name / "kubelet.conf"


def create(directory: Path, address: str, port: int, nodes: Sequence[str] = ()) -> Pki:
    """A CA, the API server's certificate, and a kubeconfig for each component and node.

    Raises ClusterError with what kubeadm said.
    """
    directory.mkdir(parents=True, exist_ok=True)
    pki = Pki(directory)
    config = directory / "kubeadm.yaml"
    config.write_text(yaml.safe_dump_all(_configuration(pki, address, port)))
    _phase("certs", "all", config)
    _phase("kubeconfig", "all", config, "--kubeconfig-dir", str(directory))
    for node in nodes:
        where = str(pki.node(node).parent)
        _phase("kubeconfig", "kubelet", config, "--kubeconfig-dir", where, "--node-name", node)
    for kubeconfig in directory.rglob("*.conf"):
        server = f"server: https://{address}:{port}"
        kubeconfig.write_text(re.sub(r"server: https://\S+", server, kubeconfig.read_text()))
    return pki


def _configuration(pki: Pki, address: str, port: int) -> list[dict[str, object]]:
    # kubeadm refuses to advertise a loopback address, so it is told one that nobody has.
    advertised = "192.0.2.1" if address.startswith("127.") else address
    return [
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": advertised, "bindPort": port},
            "nodeRegistration": {"name": "control-plane"},
        },
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "kubernetesVersion": binaries.KUBERNETES,
            "certificatesDir": str(pki.certificates),
            "controlPlaneEndpoint": f"{address}:{port}",
            "encryptionAlgorithm": "ECDSA-P256",
            "networking": {"serviceSubnet": SERVICE_CIDR},
            "apiServer": {"certSANs": ["127.0.0.1", "localhost", address]},
            "etcd": {"external": {"endpoints": ["http://127.0.0.1:2379"]}},
        },
    ]


def _phase(group: str, part: str, config: Path, *args: str) -> None:
    kubeadm = str(binaries.path("kubeadm"))
    argv = [kubeadm, "init", "phase", group, part, "--config", str(config), *args]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"kubeadm init phase {group} {part} failed: {done.stderr.strip()}")
