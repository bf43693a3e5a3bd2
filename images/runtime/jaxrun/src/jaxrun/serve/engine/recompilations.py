"""Compilations after the model is ready: each is a defect, told with its function and shapes.

The engine itself only calls what was compiled in loading. What compiles later is code around it,
such as a route's `before` that uses jax.numpy on shapes that nobody declared.
"""

import threading

from jax import monitoring

from jaxrun.program import lowerings
from jaxrun.program.lowerings import Lowered, function_name

_COMPILED = "/jax/core/compile/backend_compile_duration"
_MOST_KINDS = 64
_MOST_PENDING = 256
_MOST_SHAPES = 8
OTHERS = ("others", "")
"""What is counted under when there are too many kinds."""


class Recompilations:
    """Of one process, from `watch` on. JAX calls listeners for as long as the process lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._pending: dict[str, str] = {}

    def watch(self) -> None:
        """Call once, when everything that should be compiled is."""
        lowerings.watch(self.lowered)
        monitoring.register_event_duration_secs_listener(self._heard)

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """By function and the shapes of its arguments, such as ("tanh", "float32[3]")."""
        with self._lock:
            return dict(self._counts)

    def lowered(self, lowered: Lowered) -> None:
        """`lowered` is about to be compiled."""
        shapes = [argument.shape for argument in lowered.arguments]
        text = ", ".join(shapes[:_MOST_SHAPES]) + (", ..." if len(shapes) > _MOST_SHAPES else "")
        with self._lock:
            if len(self._pending) >= _MOST_PENDING:
                self._pending.clear()
            self._pending[lowered.function] = text

    def compiled(self, function: str) -> None:
        """`function` has been compiled, or read from the cache: time was lost either way."""
        with self._lock:
            kind = (function, self._pending.pop(function, ""))
            if kind not in self._counts and len(self._counts) >= _MOST_KINDS:
                kind = OTHERS
            self._counts[kind] = self._counts.get(kind, 0) + 1

    def _heard(self, event: str, duration_secs: float, **labels: str | int) -> None:
        if event == _COMPILED:
            self.compiled(function_name(str(labels.get("fun_name", ""))))
