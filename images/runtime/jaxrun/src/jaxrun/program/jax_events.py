"""Waits for `import jax` without importing it, then listens to jax.monitoring and initialize.

A finder in front of sys.meta_path lets the others find the few modules that matter and runs a
callback after each was executed; when the last one has been, it takes itself away.
"""

import functools
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from jaxrun.program.reporter import Reporter

_TRACE = "/jax/core/compile/jaxpr_trace_duration"
_LOWERED = "/jax/core/compile/jaxpr_to_mlir_module_duration"
_COMPILED = "/jax/core/compile/backend_compile_duration"
_CACHE = {
    "/jax/compilation_cache/compile_requests_use_cache": "cache_requests",
    "/jax/compilation_cache/cache_hits": "cache_hits",
    "/jax/compilation_cache/cache_misses": "cache_misses",
}


def wait_for_jax(line: Reporter, on_import: Callable[[Reporter], None]) -> None:
    """Install the finder; `on_import` is called when `import jax` is complete."""

    def imported(module: ModuleType) -> None:
        on_import(line)
        line.note(jax_imported=True, jax_version=str(getattr(module, "__version__", "")))

    finder = _Finder(
        {
            "jax._src.monitoring": lambda module: _listen(line, module),
            "jax._src.distributed": lambda module: _watch_world(line, module),
            "jax": imported,
        }
    )
    sys.meta_path.insert(0, finder)


class _Finder:
    def __init__(self, callbacks: dict[str, Callable[[ModuleType], None]]) -> None:
        self._callbacks = callbacks

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in self._callbacks:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if finder is not self and find is not None else None
            if spec is not None:
                if getattr(spec.loader, "exec_module", None) is not None:
                    spec.loader = _Loader(spec.loader, functools.partial(self._executed, name))
                return spec  # type: ignore[no-any-return]
        return None

    def _executed(self, name: str, module: ModuleType) -> None:
        callback = self._callbacks.pop(name, None)
        if name == "jax" and self in sys.meta_path:
            sys.meta_path.remove(self)  # type: ignore[arg-type]
        try:
            if callback is not None:
                callback(module)
        except Exception:
            return


class _Loader:
    """The module's own loader, and a word afterwards; the module never sees the difference."""

    def __init__(self, loader: Any, executed: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._executed = executed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._loader, "create_module", None)
        return create(spec) if create is not None else None

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._executed(module)


def _listen(line: Reporter, monitoring: ModuleType) -> None:
    seen = line.progress

    def on_event(event: str, **_: Any) -> None:
        name = _CACHE.get(event)
        if name is not None:
            seen[name] = seen.get(name, 0) + 1

    def on_duration(event: str, seconds: float, **_: Any) -> None:
        if event == _TRACE:
            if "compile_started" not in seen:
                line.note(compile_started=True)
        elif event == _LOWERED:
            line.note(compile_started=True, compiling=True)
        elif event == _COMPILED:
            line.note(
                compiling=False,
                compile_count=seen.get("compile_count", 0) + 1,
                compile_seconds=seen.get("compile_seconds", 0.0) + seconds,
            )

    monitoring.register_event_listener(_harmless(on_event))
    monitoring.register_event_duration_secs_listener(_harmless(on_duration))


def _harmless(listener: Callable[..., None]) -> Callable[..., None]:
    """A listener's exception would reach user code."""

    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            listener(*args, **kwargs)
        except Exception:
            return

    return wrapped


def _watch_world(line: Reporter, distributed: ModuleType) -> None:
    state: Any = distributed.State
    initialize, shutdown = state.initialize, state.shutdown

    @functools.wraps(initialize)
    def watched_initialize(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Only the program's own process joins the world of all; a one-process world is nobody's.
        line.note(initialising=True)
        result = initialize(self, *args, **kwargs)
        if getattr(self, "client", None) is not None:
            line.initialised = True
            line.note(initialising=True, initialised=True)
        return result

    @functools.wraps(shutdown)
    def watched_shutdown(self: Any, *args: Any, **kwargs: Any) -> Any:
        was_in = getattr(self, "client", None) is not None
        result = shutdown(self, *args, **kwargs)
        if was_in:
            line.note(left_world=True)
        return result

    state.initialize, state.shutdown = watched_initialize, watched_shutdown
