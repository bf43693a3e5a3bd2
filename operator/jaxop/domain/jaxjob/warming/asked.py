"""The Warmup that a job asks for: of one name for all jobs of the same program."""

import hashlib
import json
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache
from jaxop.api.v1alpha1.jaxjob_status import State
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.compile_cache import digest, warmup_run
from jaxop.domain.jaxjob.pods.runtime import with_runtime
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.validation.validate import validate

NOT_BEGUN: Final[frozenset[State | None]] = frozenset({None, "Pending", "Suspended"})
"""Later than that nobody asks or waits: a restart finds the cache as it is."""

KEPT_SECONDS: Final = 86400
"""How long a Warmup that jobs have asked for stays after its end."""

PREFIX_LENGTH: Final = 23
DIGITS: Final = 12

QUEUEING: Final = "kueue.x-k8s.io/"
"""Labels by which the Warmup's own jobs queue as the one that asks does."""

_VOLATILE: Final = frozenset({"priorityClassName", "terminationGracePeriodSeconds"})
"""Of a pod, what does not change its program."""


def asks(snapshot: Snapshot) -> bool:
    """Whether the job may have to do with a Warmup now."""
    asked, status = snapshot.jaxjob.spec.compile_cache, snapshot.jaxjob.status
    if asked is None or asked.warmup == "None" or warmup_run(snapshot) is not None:
        return False
    if snapshot.jaxjob.spec.suspend:
        return False
    return status.state in NOT_BEGUN and not snapshot.current_jobs


def name_asked_for(snapshot: Snapshot) -> str | None:
    """None where the job asks for none, or cannot be run at all."""
    if not asks(snapshot) or snapshot.compile_cache is None:
        return None
    snapshot = with_runtime(snapshot)
    layout = validate(snapshot)
    return warmup_name(snapshot, layout) if isinstance(layout, SliceLayout) else None


def warmup_name(snapshot: Snapshot, layout: SliceLayout) -> str:
    """At most 36 characters: the first of the CompileCache's name, and a hash."""
    cache = _cache(snapshot)
    spec = snapshot.jaxjob.spec
    same = {
        "cache": cache.metadata.uid,
        "digest": digest(snapshot, layout),
        "runtime": spec.runtime,
        "accelerator": spec.accelerator.to_manifest(),
        "preflight": spec.preflight.to_manifest(),
        "pod": {k: v for k, v in spec.template["spec"].items() if k not in _VOLATILE},
    }
    text = json.dumps(same, sort_keys=True, separators=(",", ":"))
    prefix = cache.metadata.name[:PREFIX_LENGTH].rstrip("-")
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"


def warmup(snapshot: Snapshot, layout: SliceLayout) -> Manifest:
    """It goes with its CompileCache, and belongs to no job."""
    cache, jaxjob = _cache(snapshot), snapshot.jaxjob
    spec: dict[str, Any] = {
        "compileCache": cache.metadata.name,
        "accelerator": jaxjob.spec.accelerator.to_manifest(),
        "preflight": jaxjob.spec.preflight.to_manifest(),
        "template": jaxjob.spec.template,
        "ttlSecondsAfterFinished": KEPT_SECONDS,
    }
    if jaxjob.spec.runtime is not None:
        spec["runtime"] = jaxjob.spec.runtime
    queueing = {k: v for k, v in jaxjob.metadata.labels.items() if k.startswith(QUEUEING)}
    return {
        "apiVersion": cache.api_version,
        "kind": "Warmup",
        "metadata": {
            "name": warmup_name(snapshot, layout),
            "namespace": jaxjob.metadata.namespace,
            "labels": queueing,
            "ownerReferences": [
                {
                    "apiVersion": cache.api_version,
                    "kind": cache.kind,
                    "name": cache.metadata.name,
                    "uid": cache.metadata.uid,
                }
            ],
        },
        "spec": spec,
    }


def _cache(snapshot: Snapshot) -> CompileCache:
    if snapshot.compile_cache is None:
        raise LookupError("without a CompileCache there is nothing to warm")
    return snapshot.compile_cache
