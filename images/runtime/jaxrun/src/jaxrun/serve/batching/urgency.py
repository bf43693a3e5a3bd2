"""Who goes first: one number per ticket that never changes while it waits.

Within one priority the earliest deadline goes first. A ticket without a deadline, or with a far
one, counts as due PATIENCE_SECONDS after its arrival; each priority level counts as LEVEL_SECONDS.
So nothing that arrives more than PATIENCE_SECONDS + priority * LEVEL_SECONDS after a ticket of its
family goes before it: that is the bound on starvation, across priorities too.
"""

from jaxrun.serve.batching.ticket import Ticket

PATIENCE_SECONDS = 5.0
LEVEL_SECONDS = 20.0


def due(ticket: Ticket) -> float:
    """The sort key; smaller goes first."""
    return ticket.arrived + budget_seconds(ticket) + ticket.priority * LEVEL_SECONDS


def budget_seconds(ticket: Ticket) -> float:
    """How long the ticket may take before it counts as late; above 0."""
    if ticket.deadline is None:
        return PATIENCE_SECONDS
    return min(max(ticket.deadline - ticket.arrived, 1e-3), PATIENCE_SECONDS)
