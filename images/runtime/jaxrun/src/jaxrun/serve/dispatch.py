"""Between HTTP and the engine: requests become tickets, tickets become batches, batches answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxrun.serve.state import State

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class InferRequest:
    """One request as the protocol's reader hands it over.

    inputs: by the model's names, without padding, first dimension `rows` each.
    rows: at least 1. deadline: on the clock of `time.monotonic`, None without one.
    priority: smaller goes first, 0 is the default and the highest. id: for messages only.
    """

    inputs: "Mapping[str, np.ndarray[Any, Any]]"
    rows: int
    deadline: float | None = None
    priority: int = 0
    id: str = ""


class Server:
    """Lives from the process's first moment: it is `Loading` until `load` has returned.

    All methods except `statistics` belong to the event loop's thread.
    """

    def __init__(self, settings: "Any" = None, clock: Callable[[], float] = time.monotonic) -> None:
        raise NotImplementedError

    @property
    def state(self) -> State:
        raise NotImplementedError

    async def load(self, make: "Callable[[], Any]") -> None:
        """Runs `make` (imports the factory, returns an Engine) and the engine's `load` in a thread.

        The state counts buckets meanwhile and is Ready afterwards; where either raises it is
        Unready with the reason, and the exception is raised again.
        """
        raise NotImplementedError

    async def infer(self, request: InferRequest) -> "dict[str, np.ndarray[Any, Any]]":
        """Outputs by name, cut to the request's own sizes; cancelling it cancels the request.

        Raises errors.Refused, InvalidInput, TooLarge, OutOfMemory, NotFinite or ModelFailed.
        """
        raise NotImplementedError

    def drain(self) -> None:
        """Refuses new requests from now on; those admitted are still answered."""
        raise NotImplementedError

    async def drained(self, timeout_seconds: float) -> bool:
        """Returns when nothing is queued or in flight: False if the time was over first."""
        raise NotImplementedError

    def statistics(self) -> dict[str, object]:
        """The `serving` object of /status."""
        raise NotImplementedError
