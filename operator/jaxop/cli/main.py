"""Commands, flags and exit codes of `jaxop` and `kubectl jax`.

Exit codes: 0 all is well, or may become so by itself; 1 the job failed or is stalled; 2 wrong
usage; 3 there is no such object; 4 the cluster cannot be asked.
"""

import asyncio
import shutil
import sys
from datetime import UTC, datetime
from typing import Any, Final

import click
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.kube_config import list_kube_config_contexts

from jaxop import __version__
from jaxop.cli.explain import explain as explanation
from jaxop.cli.explain import is_in_trouble
from jaxop.cli.fetch import Known, fetch
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import KubeError, NotFound
from jaxop.kube.login import login
from jaxop.kube.transport import KubernetesTransport

IN_TROUBLE: Final = 1
NOT_FOUND: Final = 3
NO_CLUSTER: Final = 4

KINDS: Final = ("jaxjob", "jaxjobs", "jj")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """What the JAX operator knows of your jobs. Also a kubectl plugin: kubectl jax."""


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"jaxop {__version__}")


@main.command()
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("name")
@click.option("-n", "--namespace", help="Namespace; that of the kubeconfig's context if absent.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="Path to use.")
@click.option("--context", help="Context in the kubeconfig.")
def explain(
    kind: str, name: str, namespace: str | None, kubeconfig: str | None, context: str | None
) -> None:
    """Tell what a job did, why, and what to do next: jaxop explain jaxjob NAME.

    Exits with 1 if the job failed or is stalled, 3 if there is none, 4 if the cluster cannot be
    asked.
    """
    namespace = namespace or _default_namespace(kubeconfig, context)
    try:
        known = asyncio.run(_fetch(namespace, name, kubeconfig, context))
    except NotFound as error:
        click.echo(f"jaxop: no JaxJob {namespace}/{name}: {error.message}", err=True)
        sys.exit(NOT_FOUND)
    except KubeError as error:
        click.echo(f"jaxop: {error}", err=True)
        sys.exit(NO_CLUSTER)
    width = min(120, shutil.get_terminal_size((100, 24)).columns)
    for line in explanation(known, datetime.now(UTC), width):
        click.echo(line)
    if is_in_trouble(known.jaxjob.status):
        sys.exit(IN_TROUBLE)


async def _fetch(namespace: str, name: str, kubeconfig: str | None, context: str | None) -> Known:
    transport = KubernetesTransport(login(kubeconfig, context))
    try:
        return await fetch(ApiClient(transport, timeout=10.0, attempts=2), namespace, name)
    finally:
        await transport.close()


def _default_namespace(kubeconfig: str | None, context: str | None) -> str:
    try:
        contexts, active = list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError):
        return "default"
    chosen: dict[str, Any] = next((c for c in contexts if c["name"] == context), active) or {}
    return str((chosen.get("context") or {}).get("namespace") or "default")
