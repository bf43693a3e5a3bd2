"""One node: a containerd and a real kubelet, in a mount namespace of their own.

The nodes of a cluster share its network namespace and one address pool for pods, so any pod
reaches any other, and the host reaches them all.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from e2e.cluster import binaries, pinned, sandbox, waiting
from e2e.cluster.accelerators import NodeRole
from e2e.cluster.errors import ClusterError
from e2e.cluster.pki import Pki
from e2e.cluster.processes import Component
from e2e.cluster.sandbox import NodeSandbox

PAUSE_IMAGE = "jaxop.dev/pause:v1"
CLUSTER_DNS = "10.96.0.10"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Node:
    name: str
    directory: Path
    namespace: NodeSandbox
    containerd: Component
    kubelet: Component

    @property
    def components(self) -> Sequence[Component]:
        return (self.containerd, self.kubelet)


def start(
    name: str,
    role: NodeRole,
    number: int,
    address: str,
    directory: Path,
    logs: Path,
    inside: sandbox.Sandbox,
    keys: Pki,
    pods: str,
    cgroup: str,
) -> Node:
    """Starts both programs; the node registers itself with its labels and taints."""
    namespace = sandbox.create_node(inside, directory, logs / f"{name}-holder.log")
    containerd = namespace.start(
        f"{name}-containerd",
        ["containerd", "--config", str(_containerd_config(directory, pods, cgroup))],
        logs / f"{name}-containerd.log",
    )
    _import_pause(namespace, directory, containerd)
    kubelet = namespace.start(
        f"{name}-kubelet",
        [
            "env",
            f"TMPDIR={directory}",
            str(binaries.path("kubelet")),
            f"--config={_kubelet_config(directory, keys, number, address, cgroup, role)}",
            f"--kubeconfig={keys.node(name)}",
            f"--hostname-override={name}",
            f"--node-ip={address}",
            f"--node-labels={','.join(f'{key}={value}' for key, value in role.labels.items())}",
        ],
        logs / f"{name}-kubelet.log",
    )
    return Node(name, directory, namespace, containerd, kubelet)


def import_image(entering: Sequence[str], archive: Path) -> None:
    """Loads an OCI or Docker archive into the node that `entering` leads to."""
    args = ("--namespace=k8s.io", "images", "import", "--no-unpack=false", str(archive))
    try:
        _ctr(entering, *args)
    except ClusterError as error:
        # Its garbage collector can take a layer between two steps of a slow import.
        if "parent snapshot" not in str(error):
            raise
        _ctr(entering, *args)


def pin_image(entering: Sequence[str], reference: str) -> str:
    """Makes an image of the node that `entering` leads to known by its digest; returns that."""
    return pinned.pin(lambda *args: _ctr(entering, "--namespace=k8s.io", *args), reference)


def _containerd_config(directory: Path, pods: str, cgroup: str) -> Path:
    cni = directory / "cni"
    cni.mkdir(parents=True, exist_ok=True)
    (cni / "10-jaxop.conflist").write_text(json.dumps(_cni(directory.parent / "cni", pods)))
    config = directory / "containerd.toml"
    snapshotter = "native" if _filesystem(directory) == "overlayfs" else "overlayfs"
    config.write_text(
        f"""version = 2
oom_score = 0
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
[cgroup]
  path = "/{cgroup}/containerd"
"""
    )
    return config


def _cni(addresses: Path, pods: str) -> dict[str, object]:
    return {
        "cniVersion": "1.0.0",
        "name": "jaxop",
        "plugins": [
            {
                # Routed, not bridged: replies pass the node's firewall rules on their way back,
                # which is what services rest on, without the br_netfilter module.
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": pods}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": str(addresses),
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _kubelet_config(
    directory: Path, keys: Pki, number: int, address: str, cgroup: str, role: NodeRole
) -> Path:
    config = directory / "kubelet.yaml"
    taints = [{"key": t.key, "value": t.value, "effect": t.effect} for t in role.taints]
    config.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "address": address,
                "port": 10250,
                "healthzBindAddress": "127.0.0.1",
                "healthzPort": 10300 + number,
                "authentication": {
                    "anonymous": {"enabled": False},
                    "webhook": {"enabled": True},
                    "x509": {"clientCAFile": str(keys.certificates / "ca.crt")},
                },
                "authorization": {"mode": "Webhook"},
                "cgroupDriver": "cgroupfs",
                "cgroupRoot": f"/{cgroup}",
                "cgroupsPerQOS": True,
                "failCgroupV1": False,
                "failSwapOn": False,
                "clusterDNS": [CLUSTER_DNS],
                "clusterDomain": "cluster.local",
                "resolvConf": "/dev/null",
                "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
                "localStorageCapacityIsolation": False,
                "evictionHard": {"memory.available": "100Mi"},
                "imageGCHighThresholdPercent": 100,
                "imageGCLowThresholdPercent": 99,
                "nodeStatusUpdateFrequency": "5s",
                "registerWithTaints": taints,
                "serializeImagePulls": False,
                "syncFrequency": "10s",
            }
        )
    )
    return config


def _import_pause(namespace: NodeSandbox, directory: Path, containerd: Component) -> None:
    """The image that holds a pod's namespaces, made of the static program that we already have."""
    entering = namespace.entering()
    waiting.until(
        "containerd answers", lambda: _containerd_fault(entering), START_SECONDS, needs=[containerd]
    )
    if PAUSE_IMAGE in _ctr(entering, "--namespace=k8s.io", "images", "list", "--quiet").split():
        return
    archive = pause_archive(directory)
    import_image(entering, archive)
    archive.unlink()


def pause_archive(directory: Path) -> Path:
    """A Docker archive of one layer with one file, written by hand: no build tool is needed."""
    build = directory / "pause-image"
    root = build / "root"
    root.mkdir(parents=True)
    shutil.copy(binaries.path("pause"), root / "pause")
    (root / "pause").chmod(0o755)
    layer = build / "layer.tar"
    _tar(layer, root, "pause")
    digest = _sha256(layer)
    config = {
        "architecture": "amd64" if os.uname().machine == "x86_64" else "arm64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    (build / "config.json").write_text(json.dumps(config))
    (build / "manifest.json").write_text(
        json.dumps([{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}])
    )
    archive = directory / "pause.tar"
    _tar(archive, build, "manifest.json", "config.json", "layer.tar")
    shutil.rmtree(build)
    return archive


def _containerd_fault(entering: Sequence[str]) -> str | None:
    try:
        _ctr(entering, "version")
    except ClusterError as error:
        return str(error)
    return None


def _ctr(entering: Sequence[str], *args: str) -> str:
    argv = [*entering, "ctr", f"--address={CONTAINERD_SOCKET}", *args]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"ctr {' '.join(args)}: {done.stderr.strip()[-1000:]}")
    return done.stdout


def _tar(archive: Path, directory: Path, *names: str) -> None:
    with tarfile.open(archive, "w") as tar:
        for name in names:
            tar.add(directory / name, arcname=name)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _filesystem(path: Path) -> str:
    argv = ["stat", "--file-system", "--format=%T", str(path)]
    return subprocess.run(argv, capture_output=True, text=True).stdout.strip()
