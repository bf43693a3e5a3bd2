"""Where the generated files are, writing them, and telling which are stale."""

from pathlib import Path

import yaml

from .definitions import definitions
from .reference import reference

REPOSITORY = Path(__file__).resolve().parents[4]
HEADER = "# Generated from the models in operator/jaxop/api/v1alpha1 by `make crds`: edit those.\n"


class _Dumper(yaml.SafeDumper):
    """No anchors for a schema that occurs twice, and lists indented as people write them."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def generated(root: Path = REPOSITORY) -> dict[Path, str]:
    """What every generated file should contain."""
    files = {}
    for name, definition in definitions().items():
        text = HEADER + yaml.dump(
            definition, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True
        )
        for folder in ("crds", "charts/jax-operator-crds/files"):
            files[root / folder / name] = text
    files[root / "docs" / "api.md"] = reference()
    return files


def write(root: Path = REPOSITORY) -> list[Path]:
    """Write all files; returns those that changed."""
    changed = stale(root)
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(generated(root)[path])
    return changed


def stale(root: Path = REPOSITORY) -> list[Path]:
    """The files that are missing or differ from the models."""
    return [
        path
        for path, text in generated(root).items()
        if not path.is_file() or path.read_text() != text
    ]
