"""What the gang's decisions ask the server to do."""

from dataclasses import dataclass

from jaxrun.gang.protocol import FromServer


@dataclass(frozen=True)
class Send:
    """To one process, or to all members where `to` is None."""

    message: FromServer
    to: int | None = None


@dataclass(frozen=True)
class Log:
    """One line for a person."""

    text: str


@dataclass(frozen=True)
class Drop:
    """Close the connection to a member that is counted as lost."""

    process: int


Output = Send | Log | Drop
