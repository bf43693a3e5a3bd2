"""How far a process's program is, as its launcher has heard from it.

Also what a member says to the gang; the first one of an epoch says that the program was spawned.
"""

from dataclasses import dataclass, field

from jaxrun.compiled import Compiled


@dataclass(frozen=True)
class Progress:
    """Counts and seconds are totals of the epoch."""

    epoch: int
    jax_importing: bool = False
    jax_imported: bool = False
    initialising: bool = False
    initialised: bool = False
    left_world: bool = False
    exiting: bool = False
    compiling: bool = False
    compile_count: int = 0
    compile_seconds: float = 0.0
    compile_started: bool = False
    data_seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    waiting: str = ""
    """"data" or "checkpoint" while it is in such a span."""
    cache_requests: int = 0
    cache_hits: int = 0
    cache_misses: int = 0
    step: int | None = None
    checkpoint_step: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    compiled: Compiled = Compiled()
    """Only for the process's own launcher: not sent."""
