"""One HTTP exchange with the API server: the seam where faults can be injected.

A `Transport` knows nothing of retries, leaders or kinds. Whoever wants to crash the operator after
the k-th write, drop the i-th watch event or serve a stale list wraps these two methods.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Request:
    """`path` starts with /api or /apis; `body` is what becomes JSON; `timeout` is in seconds:
    of the whole exchange for `request`, between two reads for `stream`."""

    method: Method
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"
    timeout: float = 30.0

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    retry_after: float | None = None


class Transport(Protocol):
    async def request(self, request: Request) -> Response:
        """Any answer, also 4xx and 5xx. Raises Unreachable if there was none."""
        ...

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        """The lines of a watch, as they come. Raises ApiError if the watch was refused,
        Unreachable if it broke; ends when the server ends it."""
        ...

    async def close(self) -> None: ...
