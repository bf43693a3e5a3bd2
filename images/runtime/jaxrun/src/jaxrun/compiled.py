"""What a program has compiled and found in the cache, beyond what the gang is told of it."""

from dataclasses import dataclass


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
