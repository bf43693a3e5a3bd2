"""Manifests in README and docs are what the kinds take, and metrics in them exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jaxop.api import v1alpha1

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
OURS = "jaxop.dev/v1alpha1"
_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_METRIC = re.compile(r"\b((?:jaxrun|jaxop)_(?!dev_)\w+?)(?:_bucket)?\b")


def manifests() -> Iterator[Any]:
    for page in PAGES:
        for block in _YAML.findall(page.read_text()):
            if "apiVersion:" not in block:
                continue
            for document in yaml.safe_load_all(block):
                if document["apiVersion"] == OURS:
                    name = f"{page.name}: {document['kind']} {document['metadata']['name']}"
                    yield pytest.param(document, id=name)


def crd(kind: str) -> dict[str, Any]:
    """The schema of its spec."""
    (path,) = (ROOT / "crds").glob(f"jaxop.dev_{kind.lower()}*.yaml")
    version = yaml.safe_load(path.read_text())["spec"]["versions"][0]
    spec: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


def unknown(value: Any, schema: dict[str, Any], path: str) -> list[str]:
    """Fields that the API server would drop."""
    fields = schema.get("properties")
    if not isinstance(value, dict) or fields is None:
        return []
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return []
    return [
        found
        for name, inner in value.items()
        for found in (
            unknown(inner, fields[name], f"{path}.{name}") if name in fields else [f"{path}.{name}"]
        )
    ]


@pytest.mark.parametrize("manifest", list(manifests()))
def test_a_manifest_is_what_its_kind_takes(manifest: dict[str, Any]) -> None:
    getattr(v1alpha1, manifest["kind"]).model_validate(manifest)
    assert unknown(manifest["spec"], crd(manifest["kind"]), "spec") == []


def test_every_metric_of_an_alert_is_one_that_there_is() -> None:
    known = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    named = set(_METRIC.findall((ROOT / "docs" / "serving.md").read_text()))
    assert len(named) > 8
    assert named <= known
