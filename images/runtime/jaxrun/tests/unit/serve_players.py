"""A played engine: it holds batches until the test ends them. No device, no JAX, no time."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.engine.loading import Loading, MemoryPlan
from jaxrun.serve.errors import NotFinite
from jaxrun.serve.model import Input, Model, Output

Array = np.ndarray[Any, Any]


def a_model(batches: Sequence[int] = (1, 2, 4, 8), lengths: Sequence[int] = (16, 64)) -> Model:
    """y is the sum of each row of ids."""
    return Model(
        name="sums",
        function=lambda params, inputs: {"y": inputs["ids"].sum(1)},
        params={},
        inputs={"ids": Input(("batch", "length"), "int32")},
        outputs={"y": Output(("batch",))},
        buckets={"batch": tuple(batches), "length": tuple(lengths)},
    )


class APlayedEngine:
    """held: batches that were given to it and are not ended, the oldest first."""

    def __init__(self, model: Model, costs: Mapping[Bucket, float] | None = None) -> None:
        self.model = model
        self.costs: Mapping[Bucket, float] = costs or {
            bucket: 0.001 * bucket.batch for bucket in model.grid.all()
        }
        self.plan = MemoryPlan(1000, None, 2, {})
        self.broken: str | None = None
        self.not_finite: dict[str, int] = {}
        self.compiles_after_ready: dict[tuple[str, str], int] = {}
        self.follows = False
        self.closed = False
        self.load_error: Exception | None = None
        self.loads: Callable[[Callable[[Loading], None]], None] = lambda told: None
        self.held: list[tuple[Bucket, Sequence[Mapping[str, Array]], Future[Any]]] = []
        self.ran: list[tuple[Bucket, list[int]]] = []

    def load(self, told: Callable[[Loading], None]) -> None:
        self.loads(told)
        if self.load_error is not None:
            raise self.load_error

    def run(
        self, bucket: Bucket, rows: Sequence[Mapping[str, Array]], begun: Callable[[], None]
    ) -> Future[Any]:
        future: Future[Any] = Future()
        begun()
        self.held.append((bucket, rows, future))
        self.ran.append((bucket, [len(each["ids"]) for each in rows]))
        return future

    def follow(self) -> None:
        raise AssertionError("this player follows nobody")

    def close(self) -> None:
        self.closed = True

    def answer(self) -> None:
        """Ends the oldest batch well."""
        _, rows, future = self.held.pop(0)
        future.set_result([{"y": each["ids"].sum(1)} for each in rows])

    def answer_not_finite(self) -> None:
        """Ends the oldest batch, with an answer for its first request that the model refuses."""
        _, rows, future = self.held.pop(0)
        answers: list[Any] = [{"y": each["ids"].sum(1)} for each in rows]
        answers[0] = NotFinite("y")
        future.set_result(answers)

    def fail(self, error: Exception) -> None:
        """Ends the oldest batch badly."""
        self.held.pop(0)[2].set_exception(error)
