"""What every cluster has beside its control plane: service routing, DNS, volumes."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from e2e.cluster import binaries
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.node import CLUSTER_DNS
from e2e.cluster.pki import Pki

STORAGE_CLASS = "local"
VOLUMES = 24


def kube_proxy(keys: Pki, node: str, pods: str) -> list[str]:
    """One serves all nodes: they share a network namespace. Conntrack's limits are the host's."""
    return [
        str(binaries.path("kube-proxy")),
        f"--kubeconfig={keys.admin}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={pods}",
        f"--hostname-override={node}",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
        "--healthz-bind-address=127.0.0.1:10256",
        "--metrics-bind-address=127.0.0.1:10249",
    ]


def coredns(directory: Path, keys: Pki, address: str) -> list[str]:
    corefile = directory / "Corefile"
    corefile.write_text(
        f""".:53 {{
    bind {address}
    errors
    ready 127.0.0.1:8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {keys.admin}
        pods insecure
        ttl 1
    }}
    cache 5 {{
        denial 100 1
    }}
}}
"""
    )
    return [str(binaries.path("coredns")), "-conf", str(corefile)]


def manifests(directory: Path, node_address: str) -> list[dict[str, Any]]:
    """The rights of the API server's kubelet client, the DNS service, and volumes."""
    return [_kubelet_client_rights(), *_dns(node_address), *_volumes(directory)]


def _kubelet_client_rights() -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "kubeadm:cluster-admins"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [
            {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Group",
                "name": "kubeadm:cluster-admins",
            }
        ],
    }


def _dns(node_address: str) -> list[dict[str, Any]]:
    """CoreDNS is a process beside kubelet, so its endpoint is written by hand."""
    metadata = {"name": "kube-dns", "namespace": "kube-system"}
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"clusterIP": CLUSTER_DNS, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "kube-dns"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [node_address], "conditions": {"ready": True}}],
            "ports": ports,
        },
    ]


def _volumes(directory: Path) -> Sequence[dict[str, Any]]:
    """ReadWriteMany volumes of the default storage class, each a directory that all nodes share."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "Immediate",
    }
    volumes: list[dict[str, Any]] = []
    for number in range(VOLUMES):
        path = directory / f"volume-{number}"
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
        volumes.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"volume-{number}"},
                "spec": {
                    "storageClassName": STORAGE_CLASS,
                    "capacity": {"storage": "10Gi"},
                    "accessModes": ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "hostPath": {"path": str(path), "type": "Directory"},
                },
            }
        )
    return [storage_class, *volumes]


def reclaim_volumes(kubectl: Kubectl) -> None:
    """Empties the volumes whose claims are gone and offers them again."""
    for volume in kubectl.get("persistentvolumes")["items"]:
        if volume["spec"].get("storageClassName") != STORAGE_CLASS:
            continue
        if volume["status"]["phase"] != "Released":
            continue
        path = Path(volume["spec"]["hostPath"]["path"])
        for entry in path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        patch = json.dumps({"spec": {"claimRef": None}})
        kubectl.run("patch", "persistentvolume", volume["metadata"]["name"], f"--patch={patch}")
