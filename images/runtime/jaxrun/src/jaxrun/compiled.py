"""What a program has compiled and found in the cache, as its launcher knows and tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxrun.cache.use import CacheUse

if TYPE_CHECKING:
    from jaxrun.gang.protocol import Progress


@dataclass(frozen=True)
class FunctionCompiled:
    """One function, hits of the cache included."""

    name: str
    count: int
    seconds: float


@dataclass(frozen=True)
class Compiled:
    """Beyond what Progress counts for the gang."""

    functions: tuple[FunctionCompiled, ...] = ()
    """The 16 that took longest."""
    recompilations: int = 0
    """After the first report of a step, of functions that had been compiled before."""
    recompiled: str | None = None
    """The last of them, with what changed."""
    read_errors: int = 0
    not_loadable: int = 0
    """Entries that were found, and that only their own devices, which are not here, can load."""
    retrieval_seconds: float = 0.0
    saved_seconds: float = 0.0
    """What the hits would have taken to compile, as their entries say in whole seconds."""
    never_kept: int = 0
    """Compilations that JAX keeps for nobody, as their functions call back into Python."""
    never_kept_functions: tuple[str, ...] = ()
    """At most 4 of them."""


@dataclass(frozen=True)
class FirstStep:
    """How it stood when the first step had been done."""

    seconds: float
    """Since the program's spawn."""
    requests: int
    hits: int
    retrieval_seconds: float
    saved_seconds: float
    never_kept: int = 0


def first_step(progress: Progress, seconds: float) -> FirstStep:
    """`progress` is that of now."""
    told = progress.compiled
    return FirstStep(
        seconds=max(seconds, 0.0),
        requests=progress.cache_requests,
        hits=progress.cache_hits,
        retrieval_seconds=told.retrieval_seconds,
        saved_seconds=told.saved_seconds,
        never_kept=told.never_kept,
    )


def compile_json(progress: Progress) -> dict[str, Any]:
    """The contract's `compile` object."""
    told = progress.compiled
    return {
        "count": progress.compile_count,
        "seconds": progress.compile_seconds,
        "functions": [dict(vars(function)) for function in told.functions],
        "afterFirstStep": {"count": told.recompilations, "last": told.recompiled},
    }


def cache_json(
    progress: Progress, use: CacheUse = CacheUse(), first: FirstStep | None = None
) -> dict[str, Any]:
    """The contract's `cache` object."""
    told = progress.compiled
    return {
        "namespace": use.namespace,
        "problem": use.problem,
        "requests": progress.cache_requests,
        "hits": progress.cache_hits,
        "written": progress.cache_misses,
        "readErrors": told.read_errors,
        "notLoadable": told.not_loadable,
        "retrievalSeconds": told.retrieval_seconds,
        "savedSeconds": told.saved_seconds,
        "linked": use.linked,
        "refused": use.refused,
        "offered": use.offered,
        "offeredBytes": use.offered_bytes,
        "firstStepRequests": first.requests if first is not None else None,
        "firstStepHits": first.hits if first is not None else None,
        "firstStepRetrievalSeconds": first.retrieval_seconds if first is not None else None,
        "firstStepSavedSeconds": first.saved_seconds if first is not None else None,
        "neverKept": told.never_kept,
        "neverKeptFunctions": list(told.never_kept_functions),
        "firstStepNeverKept": first.never_kept if first is not None else None,
    }
