"""The cluster that a command talks to, and how a command ends that cannot."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.kube_config import list_kube_config_contexts

from jaxop.kube.client import ApiClient
from jaxop.kube.errors import KubeError, NotFound
from jaxop.kube.login import login
from jaxop.kube.transport import KubernetesTransport, Transport

NOT_FOUND: Final = 3
NO_CLUSTER: Final = 4

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Where:
    """`namespace` None means that of the kubeconfig's context."""

    given_namespace: str | None
    kubeconfig: str | None
    context: str | None

    @property
    def namespace(self) -> str:
        return self.given_namespace or _default_namespace(self.kubeconfig, self.context)

    def ask(self, what: str, question: Callable[[Transport], Awaitable[T]]) -> T:
        """Ends the process with NOT_FOUND where there is no such `what`, with NO_CLUSTER where it
        cannot be asked."""
        try:
            return asyncio.run(self._ask(question))
        except NotFound as error:
            click.echo(f"jaxop: no {what}: {error.message}", err=True)
            sys.exit(NOT_FOUND)
        except KubeError as error:
            click.echo(f"jaxop: {error}", err=True)
            sys.exit(NO_CLUSTER)

    async def _ask(self, question: Callable[[Transport], Awaitable[T]]) -> T:
        transport = KubernetesTransport(login(self.kubeconfig, self.context))
        try:
            return await question(transport)
        finally:
            await transport.close()


def patient(transport: Transport) -> ApiClient:
    return ApiClient(transport, timeout=10.0, attempts=2)


def impatient(transport: Transport) -> ApiClient:
    """For what can be done without."""
    return ApiClient(transport, timeout=3.0, attempts=1)


def _default_namespace(kubeconfig: str | None, context: str | None) -> str:
    try:
        contexts, active = list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError):
        return "default"
    chosen: dict[str, Any] = next((c for c in contexts if c["name"] == context), active) or {}
    return str((chosen.get("context") or {}).get("namespace") or "default")
