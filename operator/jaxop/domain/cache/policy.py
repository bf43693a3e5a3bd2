"""What the keeper is told, in a ConfigMap: how much to keep, how long, and what is in use.

A namespace that comes into use is told at once. One that is no longer used may wait for others:
the keeper keeps it for an hour anyway, and the API server is spared a write for each pod that ends.
"""

import json
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache
from jaxop.domain import contract
from jaxop.domain.cache import names
from jaxop.domain.cache.snapshot import Snapshot
from jaxop.domain.quantity import whole_bytes

FILE: Final = PurePosixPath(contract.KEEPER_POLICY).name
REMOVALS_SECONDS: Final = 60.0
"""Removals are told at most this often."""
USED_PERCENT: Final = 80
"""Of a volume whose size the CompileCache names, and no other limit."""


def in_use_to_tell(snapshot: Snapshot, now: datetime) -> tuple[frozenset[str], float | None]:
    """And in how many seconds to look again, where something waits."""
    wanted, told = snapshot.in_use, snapshot.told_in_use
    if told is None or snapshot.told_at is None or not wanted < told:
        return wanted, None
    wait = REMOVALS_SECONDS - (now - snapshot.told_at).total_seconds()
    return (told, wait) if 0 < wait <= REMOVALS_SECONDS else (wanted, None)


def max_bytes(cache: CompileCache) -> int | None:
    """None: as the keeper finds the volume."""
    if cache.spec.retention.max_size is not None:
        return whole_bytes(cache.spec.retention.max_size)
    if cache.spec.storage.size is not None:
        return whole_bytes(cache.spec.storage.size) * USED_PERCENT // 100
    return None


def policy(cache: CompileCache, in_use: frozenset[str]) -> Manifest:
    content = {
        "version": contract.VERSION,
        "maxBytes": max_bytes(cache),
        "unusedSeconds": cache.spec.retention.unused_seconds,
        "inUse": sorted(in_use),
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": names.keeper(cache.metadata.name),
            "namespace": cache.metadata.namespace,
            "labels": names.labels(cache.metadata.name),
        },
        "data": {FILE: json.dumps(content)},
    }
