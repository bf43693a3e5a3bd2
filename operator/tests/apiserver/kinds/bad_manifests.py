"""Reads bad_manifests.yaml: good manifests, each made bad in one way."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

PROGRAM = {
    "name": "jax",
    "image": "registry.example.com/team/digits:1",
    "command": ["python", "-m", "train"],
}


def a_jaxjob(**accelerator: Any) -> dict[str, Any]:
    """A JaxJob that the API server takes."""
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxJob",
        "metadata": {"name": "digits", "namespace": "kinds"},
        "spec": {
            "accelerator": accelerator or {"class": "cpu", "hosts": 2},
            "template": {"spec": {"containers": [copy.deepcopy(PROGRAM)]}},
        },
    }


def an_accelerator_class(**spec: Any) -> dict[str, Any]:
    """An AcceleratorClass that the API server takes."""
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "AcceleratorClass",
        "metadata": {"name": "acme-npu"},
        "spec": {"vendor": "NVIDIA", "resource": "acme.com/npu", "chipsPerHost": [1, 2]} | spec,
    }


def a_compile_cache(**spec: Any) -> dict[str, Any]:
    """A CompileCache that the API server takes."""
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "CompileCache",
        "metadata": {"name": "team-cache", "namespace": "kinds"},
        "spec": {"storage": {"size": "100Gi"}} | spec,
    }


def a_warmup(**spec: Any) -> dict[str, Any]:
    """A Warmup that the API server takes."""
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "Warmup",
        "metadata": {"name": "digits", "namespace": "kinds"},
        "spec": {
            "compileCache": "team-cache",
            "accelerator": {"class": "cpu", "hosts": 2},
            "template": {"spec": {"containers": [copy.deepcopy(PROGRAM)]}},
        }
        | spec,
    }


def a_jax_runtime(**spec: Any) -> dict[str, Any]:
    """A JaxRuntime that the API server takes."""
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxRuntime",
        "metadata": {"name": "jax-0.12-cpu"},
        "spec": {"image": f"registry.example.com/jax@sha256:{'0123456789abcdef' * 4}"} | spec,
    }


def a_jax_service(**spec: Any) -> dict[str, Any]:
    """A JaxService that the API server takes."""
    server = {"name": "jax", "image": "registry.example.com/team/minilm:1"}
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxService",
        "metadata": {"name": "minilm", "namespace": "kinds"},
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 1},
            "model": {
                "entry": "minilm.serving:model",
                "volume": {"persistentVolumeClaim": {"claimName": "models"}},
            },
            "template": {"spec": {"containers": [server]}},
            "buckets": {"batch": [1, 8, 64], "length": [16, 256]},
        }
        | spec,
    }


BASES = {
    "cpu": a_jaxjob(),
    "tpu": a_jaxjob(**{"class": "tpu-v5e", "topology": "4x4"}),
    "gpu": a_jaxjob(**{"class": "nvidia-h100", "chipsPerHost": 8, "hosts": 4}),
    "class": an_accelerator_class(),
    "cache": a_compile_cache(),
    "warmup": a_warmup(),
    "runtime": a_jax_runtime(),
    "service": a_jax_service(),
}


@dataclass(frozen=True)
class BadManifest:
    """`says` is all that the user is told about it."""

    what: str
    manifest: dict[str, Any]
    by: Literal["OpenAPI", "CEL", "Stalled"]
    says: str


def bad_manifests() -> list[BadManifest]:
    rows = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
    return [
        BadManifest(row["what"], _changed(row), row["by"], " ".join(row["says"].split()))
        for row in rows
    ]


def _changed(row: dict[str, Any]) -> dict[str, Any]:
    manifest = copy.deepcopy(BASES[row["base"]])
    for path, value in row.get("put", {}).items():
        _put(manifest, path.split("/"), value)
    for path in row.get("remove", ()):
        _remove(manifest, path.split("/"))
    return manifest


def _put(target: Any, path: list[str], value: Any) -> None:
    head, rest = path[0], path[1:]
    if isinstance(target, list):
        if int(head) == len(target):
            target.append({})
        _put_at(target, int(head), rest, value)
    else:
        if rest:
            target.setdefault(head, [] if rest[0].isdigit() else {})
        _put_at(target, head, rest, value)


def _put_at(target: Any, key: str | int, rest: list[str], value: Any) -> None:
    if rest:
        _put(target[key], rest, value)
    else:
        target[key] = copy.deepcopy(value)


def _remove(target: Any, path: list[str]) -> None:
    for step in path[:-1]:
        target = target[int(step) if isinstance(target, list) else step]
    del target[path[-1]]
