"""What a launcher tells of compiling and of the cache: the contract's `compile` and `cache`."""

from dataclasses import dataclass
from typing import Any

from jaxrun.cache.use import CacheUse
from jaxrun.program_progress import Progress


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
