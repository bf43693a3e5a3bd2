"""What the server can be, from its process's start to its end."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loading:
    """Buckets are being compiled and executed; seconds_left is None while nobody knows."""

    ready: int = 0
    total: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """Every bucket has executed."""


@dataclass(frozen=True, slots=True)
class Unready:
    """Serves nothing; reason says since what."""

    reason: str


@dataclass(frozen=True, slots=True)
class Draining:
    """Finishes what was admitted, admits nothing."""


State = Loading | Ready | Unready | Draining
