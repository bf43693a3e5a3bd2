"""Images by digest, as a JaxRuntime names them.

A registry gives an image its digest when it is pushed. Here nothing is pushed: containerd makes the
manifest when it imports an archive, so the digest is the node's to tell, and the name with it has
to be made there. The kubelet then finds it as if it had been pulled.
"""

import re
from collections.abc import Callable

from e2e.cluster.errors import ClusterError

Ctr = Callable[..., str]
"""Runs `ctr` on one node, in the kubelet's namespace, and returns its output."""

_DIGEST = re.compile(r"\bsha256:[0-9a-f]{64}\b")


def pin(ctr: Ctr, reference: str) -> str:
    """Makes the node know an image that it has under its digest, too; returns that name.

    Raises ClusterError if the node does not have the image.
    """
    whole = canonical(reference)
    digest = _DIGEST.search(ctr("images", "list", f"name=={whole}"))
    if digest is None:
        raise ClusterError(f"image {reference} is not on the node: load it first")
    pinned = f"{repository(reference)}@{digest[0]}"
    ctr("images", "tag", "--force", whole, canonical(pinned))
    return pinned


def same(names: dict[str, str]) -> str:
    """The one name that all nodes have. Raises ClusterError where they differ."""
    if len(set(names.values())) != 1:
        told = ", ".join(f"{node} has {name}" for node, name in names.items())
        raise ClusterError(f"the nodes have different images: {told}; load it on all of them")
    return next(iter(names.values()))


def canonical(reference: str) -> str:
    """With the registry that docker means where none is named: `docker.io/jaxop/digits:dev`."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"


def repository(reference: str) -> str:
    """Without tag and digest."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
