"""Which JaxServices a change of a JaxRuntime, CompileCache or Warmup wakes: those that name it."""

from collections.abc import Iterable, Mapping
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.controllers.compile_objects import (
    cache_of,
    name_of_cache,
    name_of_cache_to_warm,
    runtime_of,
)
from jaxop.kube.controller import Watch
from jaxop.kube.resources import COMPILECACHES, JAXRUNTIMES, JAXSERVICES, WARMUPS, Key, key_of
from jaxop.kube.store import IndexFunc, Stores

BY_RUNTIME: Final = "services-runtime"
BY_CACHE: Final = "services-cache"

INDEXES: Final[Mapping[str, IndexFunc]] = {BY_RUNTIME: runtime_of, BY_CACHE: cache_of}
"""Of JaxServices."""


def _wake_users_of_runtime(obj: Manifest, stores: Stores) -> Iterable[Key]:
    return map(key_of, stores[JAXSERVICES].by_index(BY_RUNTIME, obj["metadata"]["name"]))


def _wake_users_of_cache(obj: Manifest, stores: Stores) -> Iterable[Key]:
    return map(key_of, stores[JAXSERVICES].by_index(BY_CACHE, name_of_cache(obj)))


def _wake_those_who_ask(obj: Manifest, stores: Stores) -> Iterable[Key]:
    """Those that use the same CompileCache: which of them the Warmup is for, they know."""
    return [
        key_of(service)
        for service in stores[JAXSERVICES].by_index(BY_CACHE, name_of_cache_to_warm(obj))
        if service["spec"]["compileCache"].get("warmup") in ("Wait", "Background")
    ]


WATCHES: Final = (
    Watch(JAXRUNTIMES, _wake_users_of_runtime, selector=""),
    Watch(COMPILECACHES, _wake_users_of_cache, selector=""),
    Watch(WARMUPS, _wake_those_who_ask, selector=""),
)
