"""Does a ticket come in? Decided at its arrival, from what stands before it in device-seconds."""

from collections.abc import Iterable
from dataclasses import dataclass

from jaxrun.serve.batching.costs import Costs
from jaxrun.serve.batching.queue import FamilyQueue
from jaxrun.serve.batching.ticket import Admitted, Limits, Refusal, Ticket
from jaxrun.serve.batching.urgency import due
from jaxrun.serve.errors import RefusalReason

SOONEST_RETRY_SECONDS = 0.1
# Other tickets' work may fill at most so much of the time that a ticket has. The rest covers
# executions that take longer than expected; and as the ticket's own work does not count here, long
# requests are not refused before short ones.
MOST_PART = 0.6
LEAST_PART = 0.3
# About one promise in (1 - BROKEN) / (KEPT * the part's distance from MOST_PART) breaks under
# lasting overload.
BROKEN = 0.98
KEPT = 0.0002
# Of the time that a ticket has, so much is kept for executions that take longer than expected.
RESERVE = 0.05


class Promises:
    """How much of a ticket's time is promised away: less after promises that did not hold."""

    __slots__ = ("part",)

    def __init__(self) -> None:
        self.part = MOST_PART

    def kept(self, count: int) -> None:
        """So many tickets with a deadline were answered in time."""
        self.part += min(KEPT * count, 1.0) * (MOST_PART - self.part)

    def broken(self, count: int) -> None:
        """So many were not."""
        self.part = max(self.part * BROKEN**count, LEAST_PART)

    def until(self, deadline: float, now: float) -> float:
        """When a ticket with this deadline is to be answered, by the plan."""
        return deadline - RESERVE * (deadline - now)


@dataclass(frozen=True, slots=True)
class Prediction:
    """before_seconds: until the device has done what goes before the ticket. seconds: until the
    ticket's own batch is done."""

    before_seconds: float
    seconds: float


def predict(
    ticket: Ticket, queues: Iterable[FamilyQueue], costs: Costs, committed_seconds: float
) -> Prediction:
    """committed_seconds: device-seconds left of batches in flight. What is queued before the
    ticket counts as the batches that clear it most cheaply; what is less urgent does not count.
    """
    key = due(ticket)
    others, family_rows = committed_seconds, 0
    for queue in queues:
        if queue.family == ticket.family:
            family_rows = queue.rows_before(key)
        else:
            others += costs.planned_seconds(queue.family, queue.rows_before(key))
    return Prediction(
        others + costs.planned_seconds(ticket.family, family_rows),
        others + costs.planned_seconds(ticket.family, family_rows + ticket.rows),
    )


def room(
    ticket: Ticket, queued: int, queued_bytes: int, limits: Limits, clear_seconds: float
) -> Refusal | None:
    """A refusal where the queue has no room. clear_seconds: device-seconds until it is empty."""
    retry = max(clear_seconds, SOONEST_RETRY_SECONDS)
    if queued >= limits.max_queue:
        return Refusal(
            429, retry, RefusalReason.QUEUE_FULL, f"the queue holds {limits.max_queue} requests"
        )
    if queued_bytes + ticket.bytes > limits.max_queue_bytes:
        return Refusal(
            429,
            retry,
            RefusalReason.QUEUE_BYTES_FULL,
            f"the queue holds {queued_bytes} bytes and the request has {ticket.bytes}; "
            f"the most is {limits.max_queue_bytes}",
        )
    return None


def promise(ticket: Ticket, predicted: Prediction, part: float, now: float) -> Admitted | Refusal:
    """Admitted where the prediction leaves the ticket's deadline in reach. part: of `Promises`."""
    if ticket.deadline is None:
        return Admitted(predicted.seconds)
    left = ticket.deadline - now
    if left <= 0:
        return passed(predicted.seconds)
    over = max(predicted.seconds - left, predicted.before_seconds - part * left)
    if over <= 0:
        return Admitted(predicted.seconds)
    return unreachable(
        over,
        f"an answer takes about {predicted.seconds:.3f} s and the request has {left:.3f} s left",
    )


def passed(retry_after_seconds: float = 0.0) -> Refusal:
    """For a ticket whose deadline is over."""
    return Refusal(
        504,
        max(retry_after_seconds, SOONEST_RETRY_SECONDS),
        RefusalReason.DEADLINE_PASSED,
        "the request's deadline has passed",
    )


def unreachable(over_seconds: float, message: str) -> Refusal:
    """For a ticket whose answer would come so much too late, or make others' late."""
    return Refusal(
        503,
        max(over_seconds, SOONEST_RETRY_SECONDS),
        RefusalReason.DEADLINE_UNREACHABLE,
        message,
    )
