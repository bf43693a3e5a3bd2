"""What a request can end with instead of an answer: one exception per meaning.

`status` is the HTTP status that says the same. Everything below `ServeError` is expected and has
a message for the client; any other exception is a defect of the server or of the model.
"""

from enum import Enum


class RefusalReason(str, Enum):
    """Why a request was not run; the values are the labels of `jaxrun_serve_refused_total`."""

    QUEUE_FULL = "QueueFull"
    QUEUE_BYTES_FULL = "QueueBytesFull"
    DEADLINE_UNREACHABLE = "DeadlineUnreachable"
    DEADLINE_PASSED = "DeadlinePassed"
    LOADING = "Loading"
    UNREADY = "Unready"
    DRAINING = "Draining"
    FOLLOWER = "Follower"
    OUT_OF_MEMORY = "OutOfMemory"


class ServeError(Exception):
    """Base of all expected errors.

    status: HTTP status. retry_after_seconds: when to come again, None where retrying is no use.
    """

    status: int = 500
    retry_after_seconds: float | None = None

    @property
    def message(self) -> str:
        """What the client reads."""
        return str(self)


class Refused(ServeError):
    """The request was not run; it may be sent again after `retry_after_seconds`.

    status: 429 for a full queue, 503 where the wait is too long or the server is not ready, 504
    where the deadline passed in the queue.
    """

    def __init__(
        self,
        status: int,
        retry_after_seconds: float | None,
        reason: RefusalReason,
        message: str = "",
    ) -> None:
        super().__init__(message or reason.value)
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.reason = reason


class InvalidInput(ServeError):
    """The request does not fit the model's declaration; the message names the field."""

    status = 400


class TooLarge(ServeError):
    """A size is beyond the largest bucket of its dimension."""

    status = 400

    def __init__(self, dim: str, size: int, largest: int) -> None:
        super().__init__(f"{dim} is {size}, the largest bucket has {largest}")
        self.dim = dim
        self.size = size
        self.largest = largest


class OutOfMemory(Refused):
    """The device had no memory for the request, not in a smaller bucket either."""

    def __init__(self, message: str, retry_after_seconds: float | None = 1.0) -> None:
        super().__init__(503, retry_after_seconds, RefusalReason.OUT_OF_MEMORY, message)


class NotFinite(ServeError):
    """An output has NaN or infinity and the model refuses to answer with it."""

    status = 500

    def __init__(self, output: str) -> None:
        super().__init__(f"output {output} has values that are not finite")
        self.output = output


class ModelFailed(ServeError):
    """Executing the model raised what is not the request's fault."""

    status = 500


class DeviceOutOfMemory(ServeError):
    """From the engine: one batch did not fit; a smaller bucket may."""

    status = 503


class EngineBroken(ServeError):
    """From the engine: no further batch can succeed in this process."""

    status = 503


class LoadFailed(ServeError):
    """The model did not load: a bucket that does not compile or fit, a golden that differs."""

    status = 503
