"""What launchers say to each other, as data; version and size limits.

A connection: the server sends Challenge, the member Hello, the server Welcome or Refused; from
then on both send Beat at least every heartbeat interval, and whatever else happens.
Every message about a run of the program carries its epoch; the other side drops stale ones.
"""

from dataclasses import dataclass, replace

from jaxrun.compiled import Compiled
from jaxrun.contract import GangState
from jaxrun.evidence import Death, StopRequest, Verdict
from jaxrun.gang import wire
from jaxrun.gang.memory import Memory
from jaxrun.program_progress import Progress

VERSION = 2
HANDSHAKE_LIMIT_BYTES = 32 * 1024
LINE_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True)
class Challenge:
    """Server, first line: prove that you know the token."""

    nonce: str
    version: int = VERSION


@dataclass(frozen=True)
class Hello:
    """Member: who I am, and the proof over both nonces and all of this."""

    nonce: str
    job: str
    attempt: int
    process: int
    num_processes: int
    host: str
    memory: Memory = Memory()
    via: str = ""
    """The address that knocked, if that is where I am; else nobody could pass this on."""
    version: int = VERSION
    proof: str = ""


@dataclass(frozen=True)
class Welcome:
    """Server: you are in, and I know the token too."""

    proof: str
    host: str


@dataclass(frozen=True)
class Refused:
    """Server: you are not in. `retry` when waiting may help."""

    reason: str
    retry: bool = False


@dataclass(frozen=True)
class Beat:
    """Both, every heartbeat interval."""


@dataclass(frozen=True)
class GangView:
    """Server: what the gang as a whole is doing, whenever that changes."""

    state: GangState
    joined: int
    missing: tuple[int, ...]


@dataclass(frozen=True)
class Start:
    """Server: spawn the program; all get the same epoch and coordinator port."""

    epoch: int
    coordinator_port: int
    restarts: int = 0


@dataclass(frozen=True)
class PleaseStop:
    """Server: somebody was asked from outside to stop; how many should_stop calls were made?"""

    epoch: int
    request: StopRequest


@dataclass(frozen=True)
class StopAt:
    """Server: should_stop answers True from this call on, the same call in every process."""

    epoch: int
    call: int


@dataclass(frozen=True)
class DumpStack:
    """Server: where is your program?"""

    epoch: int


@dataclass(frozen=True)
class Stop:
    """Server: the epoch is over, kill the program; then say Idle."""

    epoch: int


@dataclass(frozen=True)
class Remember:
    """Server: what to tell my successor, should I be lost."""

    memory: Memory


@dataclass(frozen=True)
class End:
    """Server: how it ended for all or, by its scope, for you; write it, say Bye, exit."""

    verdict: Verdict


@dataclass(frozen=True)
class Died:
    """Member: the program is as good as dead, though it may still have to be killed."""

    epoch: int
    death: Death


@dataclass(frozen=True)
class Gone:
    """Member: the program has been reaped. `death` if it died of itself; `in_world` if it left
    JAX's world without its shutdown barrier; neither exit code nor signal if it was never spawned.
    """

    epoch: int
    exit_code: int | None
    signal: int | None
    in_world: bool = False
    step: int | None = None
    death: Death | None = None


@dataclass(frozen=True)
class Idle:
    """Member: of this epoch's program and all that it started nothing is left."""

    epoch: int


@dataclass(frozen=True)
class StopAsked:
    """Member: I got a stop signal from outside, and will spawn nothing any more."""

    signal: int


@dataclass(frozen=True)
class Calls:
    """Member: my program has called should_stop so often."""

    epoch: int
    count: int


@dataclass(frozen=True)
class Stack:
    """Member: where the program is, as Python's faulthandler tells; empty if it does not."""

    epoch: int
    text: str


@dataclass(frozen=True)
class Bye:
    """Member: I have the verdict, and leave."""


FromServer = (
    Challenge
    | Welcome
    | Refused
    | Beat
    | GangView
    | Start
    | PleaseStop
    | StopAt
    | DumpStack
    | Stop
    | Remember
    | End
)
FromMember = Hello | Beat | Progress | Died | Gone | Idle | StopAsked | Calls | Stack | Bye

_FROM_SERVER: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Challenge, Welcome, Refused, Beat, GangView, Start, PleaseStop, StopAt, DumpStack, Stop,
        Remember, End
    )
}  # fmt: skip
_FROM_MEMBER: dict[str, type] = {
    kind.__name__: kind
    for kind in (Hello, Beat, Progress, Died, Gone, Idle, StopAsked, Calls, Stack, Bye)
}


def encode(message: FromServer | FromMember) -> bytes:
    """One line, newline included."""
    if isinstance(message, Progress):
        message = replace(message, compiled=Compiled())
    return wire.dump_line(type(message).__name__, message)


def decode_from_server(line: bytes) -> FromServer:
    """Raises wire.WireError."""
    message: FromServer = wire.load_line(line, _FROM_SERVER)
    return message


def decode_from_member(line: bytes) -> FromMember:
    """Raises wire.WireError."""
    message: FromMember = wire.load_line(line, _FROM_MEMBER)
    return message
