"""Command lines of etcd, kube-apiserver, kube-controller-manager and kube-scheduler."""

import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import binaries
from e2e.cluster.pki import SERVICE_CIDR, Pki


@dataclass(frozen=True)
class Endpoints:
    """`address` is where the API server is reached; etcd is on loopback."""

    address: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int

    @property
    def etcd(self) -> str:
        return f"http://127.0.0.1:{self.etcd_port}"

    @property
    def api(self) -> str:
        return f"https://{self.address}:{self.api_port}"


def etcd(data: Path, at: Endpoints) -> list[str]:
    """Without fsync: a test cluster does not outlive a crash of its machine."""
    peer = f"http://127.0.0.1:{at.etcd_peer_port}"
    return [
        str(binaries.path("etcd")),
        f"--data-dir={data}",
        f"--listen-client-urls={at.etcd}",
        f"--advertise-client-urls={at.etcd}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver(pki: Pki, at: Endpoints, bind: str, extra: Sequence[str] = ()) -> list[str]:
    """`extra` flags come last, and so win."""
    certs = pki.certificates
    return [
        str(binaries.path("kube-apiserver")),
        f"--etcd-servers={at.etcd}",
        f"--bind-address={bind}",
        f"--secure-port={at.api_port}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={certs}/ca.crt",
        f"--tls-cert-file={certs}/apiserver.crt",
        f"--tls-private-key-file={certs}/apiserver.key",
        f"--kubelet-client-certificate={certs}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={certs}/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={certs}/sa.pub",
        f"--service-account-signing-key-file={certs}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--requestheader-client-ca-file={certs}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        "--profiling=false",
        *extra,
    ]


def controller_manager(pki: Pki, port: int, extra: Sequence[str] = ()) -> list[str]:
    certs = pki.certificates
    return [
        str(binaries.path("kube-controller-manager")),
        f"--kubeconfig={pki.controller_manager}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--use-service-account-credentials=true",
        f"--root-ca-file={certs}/ca.crt",
        f"--service-account-private-key-file={certs}/sa.key",
        "--leader-elect=false",
        "--profiling=false",
        *extra,
    ]


def scheduler(pki: Pki, port: int, extra: Sequence[str] = ()) -> list[str]:
    return [
        str(binaries.path("kube-scheduler")),
        f"--kubeconfig={pki.scheduler}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--leader-elect=false",
        "--profiling=false",
        *extra,
    ]


def not_ready(url: str, pki: Pki | None = None) -> str | None:
    """What is wrong with GET `url`; None if it answers 200."""
    context = None
    if pki is not None:
        context = ssl.create_default_context(cafile=str(pki.certificates / "ca.crt"))
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as answer:
            return None if answer.status == 200 else f"{url} answers {answer.status}"
    except urllib.error.HTTPError as error:
        return f"{url} answers {error.code}: {error.read(300).decode(errors='replace')}"
    except OSError as error:
        return f"{url}: {error}"
