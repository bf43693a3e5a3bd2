"""What dispatching needs of an engine, so that it can be given a played one."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.errors import NotFinite
from jaxrun.serve.model import Model

if TYPE_CHECKING:
    import numpy as np

    from jaxrun.serve.engine.loading import Loading as EngineLoading
    from jaxrun.serve.engine.loading import MemoryPlan

    Array = np.ndarray[Any, Any]
    Answer = dict[str, Array] | NotFinite
    """Of one request: outputs by name, or why there are none."""


class Runner(Protocol):
    """What is needed of an engine."""

    model: Model
    costs: Mapping[Bucket, float]
    plan: "MemoryPlan"
    broken: str | None
    not_finite: dict[str, int]

    @property
    def compiles_after_ready(self) -> Mapping[tuple[str, str], int]: ...
    @property
    def follows(self) -> bool: ...
    def load(self, told: "Callable[[EngineLoading], None]") -> None: ...
    def run(
        self, bucket: Bucket, rows: "Sequence[Mapping[str, Array]]", begun: Callable[[], None]
    ) -> "Future[list[Answer]]": ...
    def follow(self) -> None: ...
    def close(self) -> None: ...
