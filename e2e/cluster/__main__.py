"""`python -m e2e.cluster up | status | down | kubeconfig`."""

import sys

import click

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.cluster.provider import choose


@click.group(help=__doc__)
def main() -> None:
    pass


named = click.option("--name", default="jaxop", help="One machine can have several clusters.")


@main.command(help="Starts the cluster; does nothing if it is up.")
@named
def up(name: str) -> None:
    choose(name).up(Progress())


@main.command(help="Stops the cluster and removes all that is left of it.")
@named
def down(name: str) -> None:
    choose(name).down(Progress())


@main.command(help="Says what runs, and where its logs are. Exit code 1 if it is not whole.")
@named
def status(name: str) -> None:
    cluster = choose(name)
    faults = cluster.faults()
    if isinstance(cluster, LocalCluster) and (cluster.directory / "components.json").exists():
        for component, process in cluster.components().items():
            state = f"pid {process.pid}" if process.alive() else "ended"
            click.echo(f"{component:26} {state:12} {cluster.logs / component}.log")
    if faults:
        click.echo("\n".join(f"cluster {name}: {fault}" for fault in faults))
        sys.exit(1)
    click.echo(Kubectl(cluster.kubeconfig).run("get", "nodes"), nl=False)
    click.echo(f"export KUBECONFIG={cluster.kubeconfig}")


@main.command(help="Prints the path of the cluster's kubeconfig.")
@named
def kubeconfig(name: str) -> None:
    click.echo(choose(name).kubeconfig)


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except ClusterError as error:
        sys.exit(f"error: {error}")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
