"""A namespace for one run of a benchmark, and its pods as they come and go."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.pods import Pods, watched
from e2e.cluster.kubectl import Kubectl

LABELS = {"jaxop.dev/e2e": "bench"}


@contextmanager
def bench_namespace(
    kubectl: Kubectl, way: str, *contents: dict[str, Any]
) -> Iterator[tuple[str, Pods]]:
    """Empty but for the contents; its deletion has begun afterwards."""
    name = f"bench-{way}-{secrets.token_hex(2)}"
    metadata = {"name": name, "labels": LABELS}
    kubectl.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
    try:
        if contents:
            kubectl.apply(into(name, *contents))
        with watched(kubectl, name) as pods:
            yield name, pods
    finally:
        kubectl.run("delete", "namespace", name, "--wait=false")


def into(namespace: str, *manifests: dict[str, Any]) -> list[dict[str, Any]]:
    there = {"namespace": namespace}
    return [{**each, "metadata": {**each["metadata"], **there}} for each in manifests]
