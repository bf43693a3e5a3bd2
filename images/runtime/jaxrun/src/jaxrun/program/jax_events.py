"""Listens to jax.monitoring, and to a process's coming to and leaving of JAX's world.

Compile time is what jax.monitoring calls backend_compile_duration: hits of the cache included.
Checkpoint time is what Orbax tells of saves and restores as long as they block the program; it
does so in process 0.
"""

import _thread
import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from jaxrun.program import cache_writes, lowerings
from jaxrun.program.compilations import Compilations
from jaxrun.program.reporter import Reporter

_TRACE = "/jax/core/compile/jaxpr_trace_duration"
_LOWERED = "/jax/core/compile/jaxpr_to_mlir_module_duration"
_COMPILED = "/jax/core/compile/backend_compile_duration"
_CACHE = {
    "/jax/compilation_cache/compile_requests_use_cache": "cache_requests",
    "/jax/compilation_cache/cache_hits": "cache_hits",
    "/jax/compilation_cache/cache_misses": "cache_misses",
}
_SAVED = "/jax/compilation_cache/compile_time_saved_sec"
_RETRIEVED = "/jax/compilation_cache/cache_retrieval_time_sec"
# Orbax 0.12, of Checkpointer and AsyncCheckpointer, below CheckpointManager too; the names with
# /jax/checkpoint are also those of earlier versions. The same time told twice is counted once.
_SAVES_AND_RESTORES = frozenset(
    {
        "/jax/orbax/write/start",
        "/jax/orbax/write/async/start",
        "/jax/orbax/read/start",
        "/jax/orbax/read/async/start",
    }
)
_BLOCKED = frozenset(
    {
        "/jax/orbax/write/blocking_duration_secs",
        "/jax/orbax/write/async/blocking_duration_secs",
        "/jax/orbax/read/blocking_duration_secs",
        "/jax/orbax/read/async/blocking_duration_secs",
        "/jax/checkpoint/write/async/blocking_duration_secs",
        "/jax/checkpoint/write/wait_for_prev_duration_secs",
    }
)


def listen(line: Reporter, monitoring: ModuleType) -> None:
    """Count compilations, their seconds, by function, and the cache's answers."""
    seen = line.progress
    compilations = Compilations(seen)
    spans = line.spans
    compiling: set[int] = set()
    """Threads from a lowering to the compilation's end."""

    def on_event(event: str, **_: Any) -> None:
        name = _CACHE.get(event)
        if name is not None:
            seen[name] = seen.get(name, 0) + 1
        elif event in _SAVES_AND_RESTORES and spans.here:
            spans.begun("checkpoint")

    def on_duration(event: str, seconds: float, **labels: Any) -> None:
        if event == _TRACE:
            if "compile_started" not in seen:
                line.note(compile_started=True)
        elif event == _LOWERED:
            compiling.add(_thread.get_ident())
            line.note(compile_started=True, compiling=True)
        elif event in _BLOCKED:
            if spans.here:
                spans.took("checkpoint", seconds)
        elif event == _SAVED:
            # What compiling took, as the entry says in whole seconds, less what reading it took.
            seen["cache_saved_seconds"] = seen.get("cache_saved_seconds", 0.0) + seconds
        elif event == _RETRIEVED:
            for name in ("cache_saved_seconds", "cache_retrieval_seconds"):
                seen[name] = seen.get(name, 0.0) + seconds
        elif event == _COMPILED:
            if spans.here:
                spans.took("", seconds)
            name = str(labels.get("fun_name", ""))
            compilations.compiled(name, seconds)
            cache_writes.count(seen, lowerings.function_name(name))
            compiling.discard(_thread.get_ident())
            if compiling:
                # One that has lowered and ended without compiling is not waited for.
                compiling.intersection_update(sys._current_frames())
            line.note(
                compiling=bool(compiling),
                compile_count=seen.get("compile_count", 0) + 1,
                compile_seconds=seen.get("compile_seconds", 0.0) + seconds,
            )

    lock = _thread.RLock()
    monitoring.register_event_listener(_harmless(on_event, lock))
    monitoring.register_event_duration_secs_listener(_harmless(on_duration, lock))
    lowerings.watch(_harmless(compilations.lowered, lock))


def _harmless(listener: Callable[..., None], lock: Any) -> Callable[..., None]:
    """A listener's exception would reach user code; some programs compile in several threads."""

    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            with lock:
                listener(*args, **kwargs)
        except Exception:
            return

    return wrapped


def watch_world(
    line: Reporter, distributed: ModuleType, on_entry: Callable[[Reporter], None]
) -> None:
    """See jax.distributed.initialize begin and complete, and shutdown pass its barrier.

    `on_entry` is called when this process has come to the world.
    """
    state: Any = distributed.State
    initialize, shutdown = state.initialize, state.shutdown

    @functools.wraps(initialize)
    def watched_initialize(self: Any, *args: Any, **kwargs: Any) -> Any:
        line.note(initialising=True)
        result = initialize(self, *args, **kwargs)
        if getattr(self, "client", None) is not None:
            line.initialised = True
            line.note(initialising=True, initialised=True)
            on_entry(line)
        return result

    @functools.wraps(shutdown)
    def watched_shutdown(self: Any, *args: Any, **kwargs: Any) -> Any:
        was_in = getattr(self, "client", None) is not None
        result = shutdown(self, *args, **kwargs)
        if was_in:
            line.note(left_world=True)
        return result

    state.initialize, state.shutdown = watched_initialize, watched_shutdown
