"""What runs next on the device, and what is not worth starting: decisions only.

Nothing here knows a clock, a thread, an array or a protocol: `now` and durations are arguments, in
seconds of any one monotonic clock. `dispatch` and `flights` beside this package do the I/O.

A `Ticket` is offered to the `Scheduler` and is `Admitted` or gets a `Refusal` (`admission`). One
with a deadline that is admitted has a place in the `timetable`, which no later decision takes away.
It waits in its family's queue (`queue`), whose order is by urgency (`urgency`). `next` says which
`Dispatch` goes to the device, or until when to `Wait` (`choice`, `patience`), from what batches
cost by measurement (`costs`), how few device-seconds clear a queue (`plan`), and how often requests
come (`arrivals`). Exactly one of these ends each admitted ticket: finished, failed, dropped at its
deadline (`expiry`), cancelled.
"""

from jaxrun.serve.batching.scheduler import Scheduler
from jaxrun.serve.batching.ticket import (
    Admitted,
    Dispatch,
    Dropped,
    Failure,
    Limits,
    Piece,
    Refusal,
    Ticket,
    Wait,
)

__all__ = [
    "Admitted",
    "Dispatch",
    "Dropped",
    "Failure",
    "Limits",
    "Piece",
    "Refusal",
    "Scheduler",
    "Ticket",
    "Wait",
]
