"""Credentials of every sort, also when they rotate, on a server that checks them."""

import base64
import json
import stat
from pathlib import Path
from urllib.parse import urlsplit

import certifi
import pytest
import yaml
from jaxop.api.plan import Manifest
from jaxop.kube import transport as transport_module
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import Forbidden, Unauthorized, Unreachable
from jaxop.kube.login import login
from jaxop.kube.resources import CONFIGMAPS, Resource
from jaxop.kube.transport import KubernetesTransport, Request
from kubernetes.aio.config import incluster_config

SERVICEACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
PLUGIN = """#!/bin/sh
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
       "status": {"token": "'$(cat FILE)'"}}'
"""


@pytest.fixture
def no_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "REFRESH_SECONDS", 0)


@pytest.fixture
async def token(client: ApiClient, transport: KubernetesTransport, namespace: str) -> str:
    """Of a service account without any right: Forbidden means that it is known."""
    metadata = {"name": "sa", "namespace": namespace}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    await client.create(SERVICEACCOUNTS, account, manager="test")
    path = SERVICEACCOUNTS.path(namespace, "sa", "token")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = json.loads((await transport.request(Request("POST", path, body=body))).body)
    return str(answer["status"]["token"])


def cluster_of(kubeconfig: Path) -> tuple[str, bytes]:
    """The server's URL and CA certificate."""
    cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    if "certificate-authority-data" in cluster:
        return cluster["server"], base64.b64decode(cluster["certificate-authority-data"])
    return cluster["server"], Path(cluster["certificate-authority"]).read_bytes()


def a_kubeconfig(kubeconfig: Path, directory: Path, user: Manifest) -> Path:
    config = yaml.safe_load(kubeconfig.read_text())
    for each in config["users"]:
        each["user"] = user
    written = directory / "kubeconfig"
    written.write_text(json.dumps(config))
    return written


def with_another_ca(kubeconfig: Path) -> str:
    config = yaml.safe_load(kubeconfig.read_text())
    for each in config["clusters"]:
        each["cluster"].pop("certificate-authority-data", None)
        each["cluster"]["certificate-authority"] = certifi.where()
    return json.dumps(config)


def in_a_pod(kubeconfig: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, ca = cluster_of(kubeconfig)
    (directory / "ca.crt").write_bytes(ca)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(urlsplit(server).hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(urlsplit(server).port))
    token, certificate = str(directory / "token"), str(directory / "ca.crt")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", token)
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", certificate)


@pytest.mark.parametrize("how", ["in a pod", "token file", "exec plugin"])
@pytest.mark.usefixtures("no_throttle")
async def test_a_rotated_token(
    how: str, kubeconfig: Path, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = None
    secret = tmp_path / "token"
    secret.write_text("expired")
    if how == "in a pod":
        in_a_pod(kubeconfig, tmp_path, monkeypatch)
    elif how == "token file":
        path = str(a_kubeconfig(kubeconfig, tmp_path, {"tokenFile": str(secret)}))
    else:
        plugin = tmp_path / "plugin"
        plugin.write_text(PLUGIN.replace("FILE", str(secret)))
        plugin.chmod(stat.S_IRWXU)
        version = "client.authentication.k8s.io/v1"
        run = {"apiVersion": version, "command": str(plugin), "interactiveMode": "Never"}
        path = str(a_kubeconfig(kubeconfig, tmp_path, {"exec": run}))
    transport = KubernetesTransport(login(path))
    client = ApiClient(transport)
    with pytest.raises(Unauthorized):
        await client.list_page(CONFIGMAPS)
    secret.write_text(token)
    with pytest.raises(Forbidden, match=r"system:serviceaccount:test-\w+:sa"):
        await client.list_page(CONFIGMAPS)
    await transport.close()


@pytest.mark.usefixtures("no_throttle")
async def test_a_rotated_certificate_authority(kubeconfig: Path, tmp_path: Path) -> None:
    """The server has a certificate that we do not trust yet: read ours anew, and connect anew."""
    mine = tmp_path / "kubeconfig"
    mine.write_text(with_another_ca(kubeconfig))
    transport = KubernetesTransport(login(str(mine)))
    client = ApiClient(transport, attempts=1)
    with pytest.raises(Unreachable, match="certificate verify failed"):
        await client.list_page(CONFIGMAPS, limit=1)
    mine.write_bytes(kubeconfig.read_bytes())  # noqa: ASYNC240
    assert (await client.list_page(CONFIGMAPS, limit=1)).resource_version
    await transport.close()


async def test_a_proxy_from_the_environment(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    assert (await login(str(kubeconfig))()).proxy == "http://proxy.example:3128"
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    assert (await login(str(kubeconfig))()).proxy is None
