"""Does a ticket come in? Decided at its arrival, from what stands before it in device-seconds."""

from collections.abc import Iterable

from jaxrun.serve.batching.costs import Costs
from jaxrun.serve.batching.queue import FamilyQueue
from jaxrun.serve.batching.ticket import Admitted, Limits, Refusal, Ticket
from jaxrun.serve.batching.urgency import due
from jaxrun.serve.errors import RefusalReason

SOONEST_RETRY_SECONDS = 0.1


def predicted_seconds(
    ticket: Ticket, queues: Iterable[FamilyQueue], costs: Costs, committed_seconds: float
) -> float:
    """From now until the batch of the ticket is done.

    committed_seconds: device-seconds left of batches in flight. What is queued before the ticket
    counts as the batches that clear it most cheaply; what is less urgent does not count.
    """
    key = due(ticket)
    seconds = committed_seconds
    own_rows = ticket.rows
    for queue in queues:
        if queue.family == ticket.family:
            own_rows += queue.rows_before(key)
        else:
            seconds += costs.planned_seconds(queue.family, queue.rows_before(key))
    return seconds + costs.planned_seconds(ticket.family, own_rows)


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


def promise(ticket: Ticket, predicted: float, now: float) -> Admitted | Refusal:
    """Admitted where the predicted time does not exceed what the ticket has left."""
    if ticket.deadline is None or now + predicted <= ticket.deadline:
        return Admitted(predicted)
    left = ticket.deadline - now
    if left <= 0:
        return passed(predicted)
    return Refusal(
        503,
        max(predicted - left, SOONEST_RETRY_SECONDS),
        RefusalReason.DEADLINE_UNREACHABLE,
        f"an answer takes {predicted:.3f} s and the request has {left:.3f} s left",
    )


def passed(retry_after_seconds: float = 0.0) -> Refusal:
    """For a ticket whose deadline is over."""
    return Refusal(
        504,
        max(retry_after_seconds, SOONEST_RETRY_SECONDS),
        RefusalReason.DEADLINE_PASSED,
        "the request's deadline has passed",
    )


def unreachable(late_seconds: float) -> Refusal:
    """For a queued ticket whose deadline comes before the end of any batch that it can be in."""
    return Refusal(
        503,
        max(late_seconds, SOONEST_RETRY_SECONDS),
        RefusalReason.DEADLINE_UNREACHABLE,
        f"the answer would be {late_seconds:.3f} s late",
    )
