"""Which namespaces go: whole ones, the longest unused first, and never one that may be in use."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from jaxrun.cache.files import sync_directory
from jaxrun.cache.keeper.census import Namespace
from jaxrun.cache.keeper.policy import Policy
from jaxrun.cache.layout import TRASH, temporary_name

SAFE_SECONDS = 3600.0
"""For so long after its last use nothing evicts a namespace."""
PATIENCE_SECONDS = 120.0
"""For so long a decision has to stand: a new policy is slower to come here than a pod to start."""


def to_evict(
    namespaces: Sequence[Namespace], policy: Policy, now: float, spared: Collection[str] = ()
) -> list[str]:
    """Digests, in this order; `now` is in Unix seconds. A last use in the future was just now."""
    going: list[str] = []
    total = sum(namespace.size_bytes for namespace in namespaces)
    for namespace in sorted(namespaces, key=lambda each: (each.last_used, each.digest)):
        unused = now - namespace.last_used
        if namespace.digest in policy.in_use or namespace.digest in spared or unused < SAFE_SECONDS:
            continue
        too_much = policy.most_bytes is not None and total > policy.most_bytes
        if too_much or unused > policy.unused_seconds:
            going.append(namespace.digest)
            total -= namespace.size_bytes
    return going


def evict(volume: Path, published: Path, digest: str) -> None:
    """Gone at once for everybody who looks; the bytes follow when the trash is emptied.

    Raises:
        OSError: it cannot be moved.
    """
    os.rename(published / digest, volume / TRASH / temporary_name())  # noqa: PTH104 - not over what is there
    sync_directory(published)
