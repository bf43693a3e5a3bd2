"""What reaches a launcher's queue from its own pod; the rest is the gang's words."""

from dataclasses import dataclass

from jaxrun.evidence import Death
from jaxrun.gang.protocol import Start


@dataclass(frozen=True)
class Lost:
    """The connection to the gang is gone."""

    reason: str


@dataclass(frozen=True)
class Asked:
    """Somebody outside wants us to stop."""

    signal: int


@dataclass(frozen=True)
class Cleared:
    """Nothing is left of the program."""


@dataclass(frozen=True)
class Checked:
    """The host was looked at, and this is what is wrong with it."""

    start: Start
    death: Death | None


@dataclass(frozen=True)
class Overdue:
    """Asked to stop long ago, and the gang has not said how to end."""
