"""A model on its devices: loaded once, then asked for batches."""

import os
import sys
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.engine import world
from jaxrun.serve.engine.execute import Batch, Begun, Executor
from jaxrun.serve.engine.finite import not_finite
from jaxrun.serve.engine.followers import Follower, Leader, PeerLost, in_order
from jaxrun.serve.engine.load import Told, load
from jaxrun.serve.engine.loading import MemoryPlan
from jaxrun.serve.engine.out_of_memory import IN_A_ROW, Streak, is_out_of_memory
from jaxrun.serve.engine.padding import Array
from jaxrun.serve.engine.pipeline import Pipeline
from jaxrun.serve.engine.recompilations import Recompilations
from jaxrun.serve.errors import (
    DeviceOutOfMemory,
    EngineBroken,
    ModelFailed,
    NotFinite,
    ServeError,
)
from jaxrun.serve.model import Model

Answer = dict[str, Array] | NotFinite
"""One request's outputs; NotFinite where the model refuses them, which its batch survives."""


class Engine:
    """`load` it, then `run` batches from any thread; `close` waits for those in flight.

    depth: batches in flight. limit_bytes: of memory on each device, where it does not tell itself.
    devices: all of the replica's, by default JAX's. lost: called from a thread when a process of a
    replica of several hosts is gone, and has to end this one; by default it does so at once.

    costs: seconds of each bucket, measured in loading. broken: why no batch can run any more.
    not_finite: answers with NaN or infinity so far, by output. out_of_memory: batches so far.
    output_dtypes: what the function gives, for metadata.
    """

    def __init__(
        self,
        model: Model,
        depth: int = 2,
        limit_bytes: int | None = None,
        devices: Sequence[Any] | None = None,
        compile_threads: int | None = None,
        lost: Callable[[PeerLost], None] | None = None,
    ) -> None:
        self.model = model
        self.costs: Mapping[Bucket, float] = {}
        self.plan = MemoryPlan(0, limit_bytes, depth, {})
        self.output_dtypes: Mapping[str, str] = {}
        self.broken: str | None = None
        self.not_finite: dict[str, int] = dict.fromkeys(model.outputs, 0)
        self.out_of_memory = 0
        self._depth = depth
        self._limit_bytes = limit_bytes
        self._devices = devices
        self._compile_threads = compile_threads
        self._end = lost or end_the_process
        self._peer: Leader | Follower | None = None
        self._executor: Executor
        self._pipeline: Pipeline[Batch, Begun, list[Answer]] | None = None
        self._streak = Streak()
        self._recompilations = Recompilations()

    @property
    def compiles_after_ready(self) -> Mapping[tuple[str, str], int]:
        """Defects, by function and the shapes of its arguments."""
        return self._recompilations.counts

    @property
    def follows(self) -> bool:
        """Whether another process of the replica serves, and this one has to `follow` it."""
        return isinstance(self._peer, Follower)

    def load(self, told: Told) -> None:
        """Blocks until every bucket has executed and every golden is right.

        Raises LoadFailed: a bucket that does not fit, compile or execute, or a wrong answer; and
        PeerLost in a replica of several hosts.
        """
        self._peer = world.meet(self._lost)
        loaded = load(
            self.model, told, self._depth, self._limit_bytes, self._devices, self._compile_threads
        )
        self._executor, self.plan = loaded.executor, loaded.plan
        self.costs, self.output_dtypes = loaded.costs, loaded.output_dtypes
        self._recompilations.watch()
        if not self.follows:
            self._pipeline = Pipeline(self._depth, self._begin, self._finish)

    def run(
        self,
        bucket: Bucket,
        rows: Sequence[Mapping[str, Array]],
        begun: Callable[[], None] = lambda: None,
    ) -> "Future[list[Answer]]":
        """One mapping of inputs per request, each with rows of its own; the answers in their order.
        `begun` is called in another thread once the devices have the batch.

        Never blocks. The future's errors: DeviceOutOfMemory, where a smaller bucket may do;
        ModelFailed; EngineBroken. Raises InvalidInput or ValueError for requests that the bucket
        does not hold.
        """
        if self._pipeline is None:
            raise RuntimeError("the engine is not loaded, or follows another process")
        return self._pipeline.submit(self._executor.batch(bucket, rows), begun)

    def follow(self) -> None:
        """Runs what the leader runs, blocking, until it says goodbye.

        Raises PeerLost where the leader is gone, and what executing a batch raises: in both cases
        this process is out of step and has to end.
        """
        if not isinstance(self._peer, Follower):
            raise RuntimeError("the engine is not loaded, or leads its replica")
        running: deque[Begun] = deque()
        while (begun := self._next(self._peer)) is not None:
            running.append(begun)
            if len(running) == self._depth:
                self._executor.fetch(running.popleft())
        for begun in running:
            self._executor.fetch(begun)

    def close(self) -> None:
        """Returns when every batch that was submitted is over; followers then end as well."""
        if self._pipeline is not None:
            self._pipeline.close()
        if isinstance(self._peer, Leader):
            self._peer.goodbye()

    def _next(self, leader: Follower) -> Begun | None:
        buffers, buckets = self._executor.take_buffers(), self.model.grid.all()
        number = leader.receive(lambda number: in_order(buffers.of(buckets[number])))
        if number is None:
            return None
        return self._executor.dispatch(Batch(buckets[number]), buffers)

    def _begin(self, batch: Batch) -> Begun:
        if self.broken is not None:
            raise EngineBroken(self.broken)
        try:
            buffers = self._executor.lay_out(batch)
            if isinstance(self._peer, Leader):
                number = self.model.grid.all().index(batch.bucket)
                self._peer.send(number, in_order(buffers.of(batch.bucket)))
            return self._executor.dispatch(batch, buffers)
        except Exception as error:
            raise self._failure(batch, error) from error

    def _finish(self, begun: Begun) -> list[Answer]:
        try:
            answers = self._executor.fetch(begun)
        except Exception as error:
            raise self._failure(begun.batch, error) from error
        self._streak.fitted()
        return [self._checked(answer) for answer in answers]

    def _checked(self, answer: dict[str, Array]) -> Answer:
        bad = [name for name, array in answer.items() if not_finite(array)]
        for name in bad:
            self.not_finite[name] += 1
        return NotFinite(bad[0]) if bad and self.model.refuse_nan else answer

    def _failure(self, batch: Batch, error: Exception) -> ServeError:
        said = f"bucket {batch.bucket}: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        if isinstance(self._peer, Leader):
            # Whatever it is, the followers are no longer in step.
            lost = error if isinstance(error, PeerLost) else PeerLost(f"failed here alone: {said}")
            self._lost(lost)
            return EngineBroken(str(lost))
        if not is_out_of_memory(error):
            return ModelFailed(said)
        self.out_of_memory += 1
        if self._streak.exhausted():
            self.broken = f"{IN_A_ROW} batches in a row ran out of device memory; the last: {said}"
        return DeviceOutOfMemory(said)

    def _lost(self, lost: PeerLost) -> None:
        if self.broken is None:
            self.broken = str(lost)
            self._end(lost)


def end_the_process(cause: PeerLost) -> None:
    """At once: nothing that waits for the lost process's devices would ever return."""
    traceback.print_exception(cause)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
