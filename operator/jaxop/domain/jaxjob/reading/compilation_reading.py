"""What a launcher says of compiling and of the cache -> a view. Nothing here raises."""

from collections.abc import Mapping
from typing import Any, Final

from jaxop.domain.jaxjob.views import CompilationReport
from jaxop.domain.json_values import mapping, seconds, text, whole

MAX_NAMESPACE: Final = 64
MAX_RECOMPILED: Final = 512
MAX_FUNCTION: Final = 128
MAX_FUNCTIONS: Final = 4


def read_status(body: Mapping[str, Any]) -> CompilationReport | None:
    """Of /status; None from a launcher that tells nothing of the cache."""
    compiled = mapping(body.get("compile"))
    again = mapping(compiled.get("afterFirstStep"))
    return _read(
        body,
        compile_seconds=compiled.get("seconds"),
        recompilations=whole(again.get("count")) or 0,
        last_recompilation=text(again.get("last"), MAX_RECOMPILED) or None,
    )


def read_record(body: Mapping[str, Any]) -> CompilationReport | None:
    """Of a termination message, which says nothing of recompilations."""
    return _read(body, compile_seconds=body.get("compileSeconds"))


def _read(
    body: Mapping[str, Any],
    *,
    compile_seconds: object,
    recompilations: int | None = None,
    last_recompilation: str | None = None,
) -> CompilationReport | None:
    cache = mapping(body.get("cache"))
    if not cache:
        return None
    return CompilationReport(
        namespace=text(cache.get("namespace"), MAX_NAMESPACE) or None,
        problem=text(cache.get("problem")) or None,
        requests=whole(cache.get("requests")) or 0,
        hits=whole(cache.get("hits")) or 0,
        read_errors=whole(cache.get("readErrors")) or 0,
        not_loadable=whole(cache.get("notLoadable")) or 0,
        linked=whole(cache.get("linked")) or 0,
        refused=whole(cache.get("refused")) or 0,
        offered=whole(cache.get("offered")) or 0,
        offered_bytes=whole(cache.get("offeredBytes")) or 0,
        retrieval_seconds=seconds(cache.get("retrievalSeconds")) or 0.0,
        saved_seconds=seconds(cache.get("savedSeconds")) or 0.0,
        first_step_requests=whole(cache.get("firstStepRequests")),
        first_step_hits=whole(cache.get("firstStepHits")),
        first_step_retrieval_seconds=seconds(cache.get("firstStepRetrievalSeconds")),
        first_step_saved_seconds=seconds(cache.get("firstStepSavedSeconds")),
        first_step_seconds=seconds(body.get("firstStepSeconds")),
        compile_seconds=seconds(compile_seconds) or 0.0,
        recompilations=recompilations,
        last_recompilation=last_recompilation,
        never_kept=whole(cache.get("neverKept")) or 0,
        never_kept_functions=_functions(cache.get("neverKeptFunctions")),
        first_step_never_kept=whole(cache.get("firstStepNeverKept")),
    )


def _functions(said: object) -> tuple[str, ...]:
    names = said[:MAX_FUNCTIONS] if isinstance(said, list) else []
    return tuple(text(name, MAX_FUNCTION) for name in names if isinstance(name, str) and name)
