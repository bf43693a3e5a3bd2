"""`python -m jaxop.api.crds write|check|docs`."""

from pathlib import Path

import click

from . import files
from .reference import reference

ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=files.REPOSITORY,
    help="The repository, if not the one that this package is in.",
)


@click.group()
def main() -> None:
    """CRDs and API reference, from the models."""


@main.command()
@ROOT
def write(root: Path) -> None:
    """Write crds/, the chart's copy and docs/api.md."""
    for path in files.write(root):
        click.echo(f"wrote {path.relative_to(root)}")


@main.command()
@ROOT
def check(root: Path) -> None:
    """Fail if a generated file differs from the models."""
    stale = files.stale(root)
    for path in stale:
        click.echo(
            f"{path.relative_to(root)} is not what the models say: run `make crds` and commit it",
            err=True,
        )
    raise SystemExit(1 if stale else 0)


@main.command()
def docs() -> None:
    """Print docs/api.md."""
    click.echo(reference(), nl=False)


if __name__ == "__main__":
    main()
