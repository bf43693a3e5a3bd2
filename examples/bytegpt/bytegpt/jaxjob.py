"""What the program tells the JAX operator, if it runs under it; otherwise nothing happens."""

from contextlib import AbstractContextManager, nullcontext

import jax

try:
    from jaxrun import checkpointed, devices, report, should_stop, span, warm
except ImportError:

    def devices() -> list[jax.Device]:
        return jax.devices()

    def report(**values: float) -> None: ...
    def checkpointed(step: int) -> None: ...
    def should_stop() -> bool:
        return False

    def span(kind: str) -> AbstractContextManager[None]:
        return nullcontext()

    def warm(function: jax.stages.Wrapped, *arguments: object) -> jax.stages.Compiled:
        return function.lower(*arguments).compile()


__all__ = ["checkpointed", "devices", "report", "should_stop", "span", "warm"]
