"""The values that go into and come out of the scheduler."""

from dataclasses import dataclass

from jaxrun.serve.buckets import Bucket, Family
from jaxrun.serve.errors import RefusalReason


@dataclass(frozen=True, slots=True)
class Limits:
    """max_queue: requests that may wait. max_queue_bytes: bytes of their inputs.

    max_delay_seconds: the most that a request waits on an idle device for company.
    depth: batches that may be in flight, the executing one included.
    """

    max_queue: int = 256
    max_queue_bytes: int = 64 * 2**20
    max_delay_seconds: float = 0.005
    depth: int = 2


@dataclass(frozen=True, slots=True)
class Ticket:
    """One request in the queue. id is unique among those queued and in flight.

    rows: from 1 to the largest batch. bytes: of its inputs. arrived and deadline: seconds on the
    clock of `now`. priority: from 0, smaller goes first.
    """

    id: int
    rows: int
    family: Family
    bytes: int
    arrived: float
    deadline: float | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Admitted:
    """The ticket waits; `predicted_seconds` from now its batch is done."""

    predicted_seconds: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a ticket does not run, with the HTTP status, and when to come again."""

    status: int
    retry_after_seconds: float
    reason: RefusalReason
    message: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a ticket, from `first`; all of them unless a retry splits the ticket."""

    ticket: Ticket
    first: int
    rows: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One batch for the device. retry: it runs again what a larger bucket had no memory for."""

    bucket: Bucket
    pieces: tuple[Piece, ...]
    retry: bool = False

    @property
    def rows(self) -> int:
        return sum(piece.rows for piece in self.pieces)

    @property
    def padding_rows(self) -> int:
        return self.bucket.batch - self.rows

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        return tuple(piece.ticket for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again at `until`, or as soon as a ticket is offered or a batch is done."""

    until: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """A queued ticket whose deadline has passed: nobody waits for it any more."""

    ticket: Ticket
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failed batch means: tickets that run again by themselves, and those that end here.

    unready: the device has had no memory too often in a row.
    """

    retried: tuple[Ticket, ...]
    lost: tuple[Ticket, ...]
    unready: bool
