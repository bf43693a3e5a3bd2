"""Waits for `import jax` without importing it.

A finder in front of sys.meta_path lets the others find the few modules that matter and runs a
callback after each was executed; when the last one has been, it takes itself away. What the
callbacks do is in `jax_events`, `jax_devices`, `cache_reads` and `cache_writes`, imported only
then.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from jaxrun.program.reporter import Reporter


def wait_for_jax(
    line: Reporter, on_import: Callable[[Reporter], None], on_world: Callable[[Reporter], None]
) -> None:
    """Install the finder.

    `on_import` is called when `import jax` is complete, `on_world` when the process has come to
    JAX's world.
    """

    def imported(module: ModuleType) -> None:
        from jaxrun.program import jax_devices

        on_import(line)
        line.note(jax_imported=True)
        jax_devices.tell_versions(line, module)

    def monitoring(module: ModuleType) -> None:
        from jaxrun.program import jax_events

        jax_events.listen(line, module)

    def distributed(module: ModuleType) -> None:
        from jaxrun.program import jax_events

        jax_events.watch_world(line, module, on_world)

    def cache(module: ModuleType) -> None:
        from jaxrun.program import cache_reads

        cache_reads.watch_reads(line, module)

    def compiler(module: ModuleType) -> None:
        from jaxrun.program import cache_writes

        cache_writes.watch_writes(module)

    def bridge(module: ModuleType) -> None:
        from jaxrun.program import jax_devices

        jax_devices.watch_backends(line, module)

    finder = _Finder(
        {
            "jax._src.monitoring": monitoring,
            "jax._src.distributed": distributed,
            "jax._src.compilation_cache": cache,
            "jax._src.compiler": compiler,
            "jax._src.xla_bridge": bridge,
            "jax": imported,
        },
        lambda: line.note(jax_importing=True),
    )
    sys.meta_path.insert(0, finder)


class _Finder:
    """`begun` is called when somebody begins to import JAX, which may take a while."""

    def __init__(
        self, callbacks: dict[str, Callable[[ModuleType], None]], begun: Callable[[], None]
    ) -> None:
        self._callbacks = callbacks
        self._begun = begun

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in self._callbacks:
            return None
        if name == "jax":
            self._begun()
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if finder is not self and find is not None else None
            if spec is not None:
                if getattr(spec.loader, "exec_module", None) is not None:
                    spec.loader = _Loader(spec.loader, name, self._executed)
                found: ModuleSpec = spec
                return found
        return None

    def _executed(self, name: str, module: ModuleType) -> None:
        callback = self._callbacks.pop(name, None)
        if name == "jax" and self in sys.meta_path:
            sys.meta_path.remove(self)
        try:
            if callback is not None:
                callback(module)
        except Exception:
            return


class _Loader:
    """The module's own loader, and a word afterwards; the module never sees the difference."""

    def __init__(self, loader: Any, name: str, executed: Callable[[str, ModuleType], None]) -> None:
        self._loader = loader
        self._name = name
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
        self._executed(self._name, module)
