"""How a request ends that has no answer: what the scheduler and the engine say, as its error."""

from jaxrun.serve.batching import Refusal
from jaxrun.serve.errors import (
    DeviceOutOfMemory,
    EngineBroken,
    ModelFailed,
    OutOfMemory,
    RefusalReason,
    Refused,
    ServeError,
)

RETRY_SECONDS = 1.0
"""Where nobody knows better."""


def refused(refusal: Refusal) -> Refused:
    return Refused(refusal.status, refusal.retry_after_seconds, refusal.reason, refusal.message)


def ending(error: BaseException) -> ServeError:
    if isinstance(error, DeviceOutOfMemory):
        return OutOfMemory(str(error))
    if isinstance(error, EngineBroken):
        return Refused(503, RETRY_SECONDS, RefusalReason.UNREADY, str(error))
    if isinstance(error, ServeError):
        return error
    return ModelFailed(f"{type(error).__name__}: {error}")
