"""What can go wrong once in a schedule: one sort of fault, at one write or at one event.

Each is something that a real network, API server or process does. What is promised for all: once
it is over, the operator reaches the same end as without it.

At write k (counted over all processes of the operator, from 1):

    crash           it is carried out; the operator dies before its answer; the next one starts at
                    once
    outage          the same; the next one starts two minutes later
    stillborn       the operator dies before it is sent; the next one starts after a second
    lost-answer     it is carried out; the connection breaks before the answer
    reset           the connection breaks before it is sent
    409 429 500 503 the server answers so, and does nothing (429: Retry-After 7)
    500-done        the server answers 500 and has carried it out (an etcd time-out)
    late            the operator dies; the next one starts; the write arrives only when the story
                    has gone two steps further
    down            from then on the server answers nobody for 45 s, and all watches break
    stale-all       as crash, and the next operator's first lists are as of 2, 5 or 8 writes before,
                    its watches go on from there, 5 s later
    stale-own       the same, only for the operator's own kinds
    stale-children  the same, only for the others

At event i of the watch of one kind (bookmarks not counted):

    late-event      it and all after it come only when the connection has been broken for 30 s and
                    the watch goes on from the last version seen
    lost-event      it never comes, later ones do; 30 s after it the watch ends with 410 and the
                    kind is listed anew
    gap             it and all after it are lost; 30 s after it the watch ends with 410
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

WriteFault = Literal[
    "crash",
    "outage",
    "stillborn",
    "lost-answer",
    "reset",
    "409",
    "429",
    "500",
    "503",
    "500-done",
    "late",
    "down",
    "stale-all",
    "stale-own",
    "stale-children",
]
EventFault = Literal["late-event", "lost-event", "gap"]

WRITE_FAULTS: Final[tuple[WriteFault, ...]] = get_args(WriteFault)
EVENT_FAULTS: Final[tuple[EventFault, ...]] = get_args(EventFault)

DEADLY: Final[frozenset[str]] = frozenset(
    {"crash", "outage", "stillborn", "late", "stale-all", "stale-own", "stale-children"}
)
"""After these the operator starts anew."""

OUTAGE_SECONDS: Final = 120.0
DOWN_SECONDS: Final = 45.0
EVENT_SECONDS: Final = 30.0
LATE_STEPS: Final = 2
STALE_SECONDS: Final = 5.0
STALE_WRITES: Final = (2, 5, 8)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """`at` counts from 1; `of` is the plural of the kind whose watch it is, "" for writes."""

    sort: str
    at: int
    of: str = ""

    def __str__(self) -> str:
        return f"{self.sort}@{self.of}{':' if self.of else ''}{self.at}"


def parse(text: str) -> Disturbance:
    """`crash@7`, `gap@pods:3`. Raises ValueError."""
    sort, _, place = text.partition("@")
    of, _, number = place.rpartition(":")
    known = EVENT_FAULTS if of else WRITE_FAULTS
    if sort not in known or not number.isdecimal():
        raise ValueError(f"{text}: no such disturbance; like crash@7 or gap@pods:3")
    return Disturbance(sort, int(number), of)
