"""Which JaxJobs a change of a JaxRuntime, a CompileCache or a Warmup wakes: those that name it and
have not made their pods yet, as pods that exist are never changed."""

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
from jaxop.kube.resources import COMPILECACHES, JAXJOBS, JAXRUNTIMES, WARMUPS, Key, key_of
from jaxop.kube.store import IndexFunc, Stores

BY_RUNTIME: Final = "runtime"
BY_CACHE: Final = "compile-cache"

_WITHOUT_PODS: Final = frozenset({None, "Pending", "Queued", "Scheduling", "Restarting"})
"""States of jobs whose pods may yet be made."""

INDEXES: Final[Mapping[str, IndexFunc]] = {BY_RUNTIME: runtime_of, BY_CACHE: cache_of}
"""Of JaxJobs."""


def _wake(index: str, value: str, stores: Stores) -> list[Key]:
    return [
        key_of(job)
        for job in stores[JAXJOBS].by_index(index, value)
        if (job.get("status") or {}).get("state") in _WITHOUT_PODS
    ]


def _wake_users_of_runtime(obj: Manifest, stores: Stores) -> Iterable[Key]:
    return _wake(BY_RUNTIME, obj["metadata"]["name"], stores)


def _wake_users_of_cache(obj: Manifest, stores: Stores) -> Iterable[Key]:
    return _wake(BY_CACHE, name_of_cache(obj), stores)


def _wake_those_who_wait(obj: Manifest, stores: Stores) -> Iterable[Key]:
    """Those that use the same CompileCache: which of them the Warmup is for, they know."""
    return [
        key_of(job)
        for job in stores[JAXJOBS].by_index(BY_CACHE, name_of_cache_to_warm(obj))
        if job["spec"]["compileCache"].get("warmup") == "Wait"
        and (job.get("status") or {}).get("state") in (None, "Pending")
    ]


WATCHES: Final = (
    Watch(JAXRUNTIMES, _wake_users_of_runtime, selector=""),
    Watch(COMPILECACHES, _wake_users_of_cache, selector=""),
    Watch(WARMUPS, _wake_those_who_wait, selector=""),
)
