"""Where the API server is and who we are: the `kubernetes` package's configuration, loaded anew
whenever credentials may have changed (token files and exec plugins rotate)."""

import hashlib
import os
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config
from kubernetes.aio.config.kube_config import ENV_KUBECONFIG_PATH_SEPARATOR, load_kube_config

from jaxop.kube.errors import FatalError

CONNECTIONS = 64


class Login(Protocol):
    async def __call__(self) -> Configuration:
        """Reads everything anew. Raises FatalError if there is nothing to read."""
        ...


def login(kubeconfig: str | None = None, context: str | None = None) -> Login:
    """`kubeconfig` if given, else $KUBECONFIG, else the pod's service account, else
    ~/.kube/config."""

    async def load() -> Configuration:
        configuration = Configuration(
            connection_pool_maxsize=CONNECTIONS, client_session_kwargs=_lean_session()
        )
        path = kubeconfig or os.environ.get("KUBECONFIG")
        try:
            if not path and "KUBERNETES_SERVICE_HOST" in os.environ:
                load_incluster_config(configuration)  # type: ignore[no-untyped-call]
                return _with_proxy(configuration)
            path = path or str(Path.home() / ".kube" / "config")
            if not _any_exists(path):
                raise FatalError(
                    f"no cluster to talk to: there is no kubeconfig at {path} and this is not a "
                    "pod with a service account; set KUBECONFIG"
                )
            await load_kube_config(  # type: ignore[no-untyped-call]
                path, context=context, client_configuration=configuration, persist_config=False
            )
        except ConfigException as error:
            raise FatalError(f"cannot log in to the cluster: {error}") from error
        return _with_proxy(configuration)

    return load


def _lean_session() -> dict[str, Any]:
    """With `trust_env` aiohttp looks for a netrc file in a thread, twice for each request; a cookie
    jar it would search each time too."""
    return {"trust_env": False, "cookie_jar": aiohttp.DummyCookieJar()}


def _with_proxy(configuration: Configuration) -> Configuration:
    """Else aiohttp would have found it, each time: HTTPS_PROXY, NO_PROXY."""
    host = urlsplit(configuration.host)
    if not configuration.proxy and not proxy_bypass(host.hostname or ""):
        configuration.proxy = getproxies().get(host.scheme)
    return configuration


def _any_exists(paths: str) -> bool:
    parts = paths.split(ENV_KUBECONFIG_PATH_SEPARATOR)
    return any(part and Path(part).expanduser().is_file() for part in parts)


def tls_identity(configuration: Configuration) -> str:
    """Changes when connections must be made anew rather than only their Authorization header."""
    digest = hashlib.sha256()
    for path in (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file):
        digest.update(Path(path).read_bytes() if path else b"-")
    for setting in ("host", "proxy", "tls_server_name", "verify_ssl"):
        digest.update(repr(getattr(configuration, setting)).encode())
    return digest.hexdigest()
