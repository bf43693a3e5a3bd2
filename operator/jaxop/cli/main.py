"""Commands, flags and exit codes of `jaxop` and `kubectl jax`.

Exit codes: 0 all is well, or may become so by itself; 1 the job failed, it or the service is
stalled, or there is nothing to go back to; 2 wrong usage; 3 there is no such object; 4 the cluster
cannot be asked.
"""

import shutil
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final

import click

from jaxop import __version__
from jaxop.cli.cluster import Where, impatient, patient
from jaxop.cli.explain import explain as explain_job
from jaxop.cli.explain import is_in_trouble
from jaxop.cli.explain_service import explain_service, service_is_in_trouble
from jaxop.cli.fetch import fetch
from jaxop.cli.fetch_service import fetch_service
from jaxop.cli.rollback import CannotRollBackError, carry_out, plan_rollback, told

IN_TROUBLE: Final = 1

JOBS: Final = ("jaxjob", "jaxjobs", "jj")
SERVICES: Final = ("jaxservice", "jaxservices", "jsvc")


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """-n, --kubeconfig and --context, given to the command as `where`."""

    @click.option("-n", "--namespace", help="Namespace; by default the kubeconfig context's.")
    @click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="Path to use.")
    @click.option("--context", help="Context in the kubeconfig.")
    @wraps(command)
    def with_where(
        *given: Any,
        namespace: str | None,
        kubeconfig: str | None,
        context: str | None,
        **more: Any,
    ) -> None:
        command(*given, where=Where(namespace, kubeconfig, context), **more)

    return with_where


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """What the JAX operator knows of your jobs and services. Also a kubectl plugin: kubectl jax."""


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"jaxop {__version__}")


@main.command()
@click.argument("kind", type=click.Choice((*JOBS, *SERVICES)), metavar="KIND")
@click.argument("name")
@cluster_options
def explain(kind: str, name: str, where: Where) -> None:
    """Tell how a job or a service stands, why, and what to do next: jaxop explain jaxjob NAME, or
    jaxservice NAME.

    Exits with 1 if the job failed or either is stalled, 3 if there is none, 4 if the cluster cannot
    be asked.
    """
    lines, in_trouble = (_explained_job if kind in JOBS else _explained_service)(name, where)
    for line in lines:
        click.echo(line)
    if in_trouble:
        sys.exit(IN_TROUBLE)


@main.command()
@click.argument("kind", type=click.Choice(SERVICES), metavar="KIND")
@click.argument("name")
@click.option("--to-revision", type=click.IntRange(min=1), help="Its number; else the one before.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@cluster_options
def rollback(kind: str, name: str, to_revision: int | None, dry_run: bool, where: Where) -> None:
    """Go back to an earlier revision: jaxop rollback jaxservice NAME.

    Sets the spec as it was then, with your own rights; spec.replicas and how to roll out stay as
    they are. Exits with 1 if there is no such revision, 3 if there is no such service, 4 if the
    cluster cannot be asked.
    """
    namespace = where.namespace
    what = f"JaxService {namespace}/{name}"
    try:
        planned = where.ask(
            what, lambda line: plan_rollback(patient(line), namespace, name, to_revision)
        )
        for line in (what, *told(planned)):
            click.echo(line)
        if not dry_run:
            where.ask(what, lambda line: carry_out(patient(line), namespace, name, planned))
    except CannotRollBackError as error:
        click.echo(f"jaxop: {error}", err=True)
        sys.exit(IN_TROUBLE)
    if not dry_run:
        click.echo(f"It is rolled out now: jaxop explain jaxservice {name} -n {namespace}")


def _explained_job(name: str, where: Where) -> tuple[Iterable[str], bool]:
    namespace = where.namespace
    known = where.ask(
        f"JaxJob {namespace}/{name}", lambda line: fetch(patient(line), namespace, name)
    )
    lines = explain_job(known, datetime.now(UTC), _width())
    return lines, is_in_trouble(known.jaxjob.status)


def _explained_service(name: str, where: Where) -> tuple[Iterable[str], bool]:
    namespace = where.namespace
    known = where.ask(
        f"JaxService {namespace}/{name}",
        lambda line: fetch_service(patient(line), namespace, name, pods=impatient(line)),
    )
    lines = explain_service(known, datetime.now(UTC), _width())
    return lines, service_is_in_trouble(known.service.status)


def _width() -> int:
    return min(120, shutil.get_terminal_size((100, 24)).columns)
