"""What was seen of a process's end, and what was concluded: plain data, no decisions."""

from dataclasses import dataclass, field
from enum import Enum

from jaxrun.contract import Cause, Scope
from jaxrun.restart_policy import Ledger


class How(str, Enum):
    """The way in which a process stopped taking part."""

    RAISED = "raised"
    """An uncaught exception; the program may hang in JAX's shutdown barrier, so this is the end."""
    EXITED = "exited"
    """A nonzero exit code, seen or announced by sys.exit."""
    SIGNALLED = "signalled"
    LOST = "lost"
    """Its launcher went silent or away."""
    LEFT = "left"
    """It exited 0 while the others go on."""
    STUCK = "stuck"
    """It did not reach jax.distributed.initialize while others wait there."""
    MISMATCH = "mismatch"
    """Its host is not what was asked for."""


@dataclass(frozen=True)
class ExceptionReport:
    """An uncaught exception of the program, as its own interpreter described it."""

    type: str
    message: str
    bases: tuple[str, ...] = ()
    """Names of all classes in the exception's MRO, its own included."""
    where: str = ""
    """file:line of the innermost frame that is the user's own."""
    compiling: bool = False
    """Whether XLA was compiling at that moment."""
    traceback: str = ""


@dataclass(frozen=True)
class MemoryEvidence:
    """What the memory cgroup said when the program died; bytes, None where unknown."""

    oom_kills: int
    limit_bytes: int | None
    peak_bytes: int | None


@dataclass(frozen=True)
class Death:
    """The end of one process's part in an epoch, for a reason other than success."""

    process: int
    host: str
    how: How
    exit_code: int | None = None
    signal: int | None = None
    exception: ExceptionReport | None = None
    memory: MemoryEvidence | None = None
    step: int | None = None
    detail: str = ""
    """Why a launcher is lost, or the Python stack of a stuck process."""


@dataclass(frozen=True)
class StopRequest:
    """A launcher got a stop signal from outside: pod deleted, node drained, preemption."""

    process: int
    host: str
    signal: int


@dataclass(frozen=True)
class Verdict:
    """How a gang ended: what every launcher writes and exits with; cause None is success."""

    cause: Cause | None
    exit_code: int
    message: str
    epoch: int
    process: int | None = None
    host: str | None = None
    signal: int | None = None
    exception: ExceptionReport | None = None
    step: int | None = None
    time: float = 0.0
    """Unix seconds: of the failure, or of the success."""
    scope: Scope = Scope.GANG
    checkpoint_step: int | None = None
    ledger: Ledger = Ledger()
    """As it was before this failure was judged."""
    goodput: dict[str, float] = field(default_factory=dict)
    """The contract's `goodput`; empty where only process 0 knows it."""
