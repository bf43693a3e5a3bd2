"""What makes JAX keep everything that it compiles in the pod's local directory.

Below 0 bytes JAX compares nothing; 0 would let a later JAX put a limit of its own in its place.

On GPU JAX also has XLA keep its autotuning in `xla_gpu_per_fusion_autotune_cache_dir` below the
same directory. On JAX 0.10 that path is a part of every entry's key, on all platforms: as it is
the same path in every pod, all pods have the same keys. It holds no entries, and is not offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jaxrun.contract import JAX_CACHE_DIR, JAX_CACHE_MIN_BYTES, JAX_CACHE_MIN_SECONDS

_ENABLED = "JAX_ENABLE_COMPILATION_CACHE"
_MAX_BYTES = "JAX_COMPILATION_CACHE_MAX_SIZE"
_FALSE = ("n", "no", "f", "false", "off", "0")


@dataclass(frozen=True)
class CacheEnvironment:
    """`variables` for the program; `problem` is why there are none."""

    variables: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None


def cache_environment(local: Path, inherited: Mapping[str, str]) -> CacheEnvironment:
    """The user's own settings win; with a cache of his own he is left alone."""
    problem = _own_cache(inherited)
    if problem is not None:
        return CacheEnvironment(problem=problem)
    wanted = {JAX_CACHE_DIR: str(local), JAX_CACHE_MIN_SECONDS: "0", JAX_CACHE_MIN_BYTES: "-1"}
    return CacheEnvironment({k: v for k, v in wanted.items() if k not in inherited})


def _own_cache(inherited: Mapping[str, str]) -> str | None:
    if JAX_CACHE_DIR in inherited:
        return (
            f"the template sets {JAX_CACHE_DIR} to {inherited[JAX_CACHE_DIR][:200]!r}, and JAX "
            "keeps its cache there: remove it to share one"
        )
    if inherited.get(_ENABLED, "").lower() in _FALSE:
        return f"the template sets {_ENABLED} to {inherited[_ENABLED]!r}: JAX uses no cache"
    if inherited.get(_MAX_BYTES, "-1").strip() != "-1":
        return (
            f"the template sets {_MAX_BYTES}: JAX would lock and evict in the directory, which "
            "links to others cannot bear; remove it to share a cache"
        )
    return None
