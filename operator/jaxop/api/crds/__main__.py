"""`python -m jaxop.api.crds write|check|docs`."""

import click

from . import files
from .reference import reference


@click.group()
def main() -> None:
    """CRDs and API reference, from the models."""


@main.command()
def write() -> None:
    """Write crds/, the chart's copy and docs/api.md."""
    for path in files.write():
        click.echo(f"wrote {path.relative_to(files.REPOSITORY)}")


@main.command()
def check() -> None:
    """Fail if a generated file differs from the models."""
    stale = files.stale()
    for path in stale:
        click.echo(
            f"{path.relative_to(files.REPOSITORY)} is not what the models say: run `make crds` "
            "and commit it",
            err=True,
        )
    raise SystemExit(1 if stale else 0)


@main.command()
def docs() -> None:
    """Print docs/api.md."""
    click.echo(reference(), nl=False)


main()
