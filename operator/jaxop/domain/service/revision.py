"""A revision: all of a spec that makes one pod differ from another, and its hash.

    in the hash        accelerator, model, template, runtime and what it supplies to a pod, buckets,
                       batching, preflight, compileCache.name, drainSeconds
    not in it          replicas, rollout, slo, revisionHistoryLimit, compileCache.warmup and
                       compileCache.onWarmupFailure

What has its default value is left out, so that an operator that knows more fields finds the same
hash. The same part of the spec is kept as the data of a ControllerRevision: going back to a
revision is writing it into the spec again (`restored`).

A JaxRuntime that an admin changes makes new revisions of the services that name it. What only the
operator decides (its own image, an AcceleratorClass's tolerations) makes none: pods that exist stay
as they were made.
"""

import copy
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.common import KubeModel
from jaxop.api.v1alpha1.jax_runtime import JaxRuntimeSpec
from jaxop.api.v1alpha1.jaxservice import JaxServiceSpec

DIGITS: Final = 8

POD_FIELDS: Final = (
    "accelerator",
    "model",
    "template",
    "runtime",
    "buckets",
    "batching",
    "preflight",
    "drainSeconds",
)
"""Of the spec, as a manifest has them; compileCache is there in part."""

_NOT_FOR_PODS: Final = "accelerators"
"""Of a JaxRuntime: where it is verified."""


@dataclass(frozen=True, slots=True)
class Revision:
    """`spec` has the rest of the fields as they are in the service now."""

    hash: str
    data: Manifest
    """Of its ControllerRevision: `{"spec": ..., "runtime": ... or absent}`."""
    spec: JaxServiceSpec
    runtime: JaxRuntimeSpec | None = None


def of_spec(spec: JaxServiceSpec, runtime: JaxRuntimeSpec | None) -> Revision:
    """`runtime`: what spec.runtime names."""
    data: Manifest = {"spec": _pod_part(spec)}
    if runtime is not None:
        supplied = _in_short(runtime)
        supplied.pop(_NOT_FOR_PODS, None)
        data["runtime"] = supplied
    return Revision(hash_of(data), data, spec, runtime)


def of_data(hash_: str, data: Manifest, now: JaxServiceSpec) -> Revision:
    """An earlier one, from its ControllerRevision; `now` is the spec as it is.

    Raises:
        ValueError: the data are not a revision's (pydantic's ValidationError is one).
    """
    spec = JaxServiceSpec.model_validate(restored(now.to_manifest(), data))
    supplied = data.get("runtime")
    runtime = JaxRuntimeSpec.model_validate(supplied) if supplied is not None else None
    return Revision(hash_, data, spec, runtime)


def restored(spec: Manifest, data: Manifest) -> Manifest:
    """A service's spec with the pods of an earlier revision; all else stays as it is. `data` are
    those of its ControllerRevision."""
    earlier = copy.deepcopy(data.get("spec") or {})
    result = {name: value for name, value in spec.items() if name not in POD_FIELDS}
    cache = earlier.pop("compileCache", None)
    result.pop("compileCache", None)
    if cache is not None:
        result["compileCache"] = {**(spec.get("compileCache") or {}), **cache}
    return result | earlier


def hash_of(data: Manifest) -> str:
    """The first digits of the SHA-256 of the data as canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _pod_part(spec: JaxServiceSpec) -> dict[str, Any]:
    short = _in_short(spec)
    part: dict[str, Any] = {name: short[name] for name in POD_FIELDS if name in short}
    if spec.compile_cache is not None:
        part["compileCache"] = {"name": spec.compile_cache.name}
    return part


def _in_short(model: KubeModel) -> dict[str, Any]:
    """Without what has its default value."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
