"""A model on its devices: loaded once, then asked for batches."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxrun.serve.buckets import BATCH, Bucket
from jaxrun.serve.engine import executable, golden, memory, padding
from jaxrun.serve.engine.executable import Executable
from jaxrun.serve.engine.finite import not_finite
from jaxrun.serve.engine.loading import Loading, MemoryPlan, Need, predicted_seconds_left
from jaxrun.serve.engine.out_of_memory import IN_A_ROW, Streak, is_out_of_memory
from jaxrun.serve.engine.padding import Array, HostBuffers
from jaxrun.serve.engine.pipeline import Pipeline
from jaxrun.serve.engine.recompilations import Recompilations
from jaxrun.serve.engine.sharding import Placement, bytes_per_device
from jaxrun.serve.errors import (
    DeviceOutOfMemory,
    EngineBroken,
    LoadFailed,
    ModelFailed,
    NotFinite,
    ServeError,
)
from jaxrun.serve.model import Model
from jaxrun.serve.sizes import sizes_of

Answer = dict[str, Array] | NotFinite
"""One request's outputs; NotFinite where the model refuses them, which its batch survives."""


@dataclass(frozen=True, slots=True)
class _Batch:
    bucket: Bucket
    requests: Sequence[Mapping[str, Array]]
    sizes: Sequence[dict[str, int]]


@dataclass(frozen=True, slots=True)
class _Begun:
    batch: _Batch
    buffers: HostBuffers
    outputs: Mapping[str, Any]


class Engine:
    """`load` it, then `run` batches from any thread; `close` waits for those in flight.

    depth: batches in flight. limit_bytes: of memory on each device, where it does not tell itself.
    devices: all of the replica's, by default JAX's.
    """

    def __init__(
        self,
        model: Model,
        depth: int = 2,
        limit_bytes: int | None = None,
        devices: Sequence[Any] | None = None,
        compile_threads: int | None = None,
    ) -> None:
        self.model = model
        self.costs: dict[Bucket, float] = {}
        self.plan = MemoryPlan(0, limit_bytes, depth, {})
        self.output_dtypes: dict[str, str] = {}
        self.broken: str | None = None
        self.not_finite: dict[str, int] = dict.fromkeys(model.outputs, 0)
        self.out_of_memory = 0
        self._depth = depth
        self._limit_bytes = limit_bytes
        self._devices = devices
        self._compile_threads = compile_threads or executable.threads()
        self._executables: dict[Bucket, Executable] = {}
        self._params: Any = None
        self._placement: Placement
        self._buffers = [HostBuffers(model.inputs, model.grid) for _ in range(depth)]
        self._streak = Streak()
        self._recompilations = Recompilations()
        self._pipeline: Pipeline[_Batch, _Begun, list[Answer]] | None = None

    @property
    def compiles_after_ready(self) -> Mapping[tuple[str, str], int]:
        """Defects, by function and the shapes of its arguments."""
        return self._recompilations.counts

    def load(self, told: Callable[[Loading], None]) -> None:
        """Blocks until every bucket has executed and every golden is right.

        Raises LoadFailed: a bucket that does not fit, compile or execute, or a wrong answer.
        """
        began, buckets = time.monotonic(), self.model.grid.all()
        told(Loading(0, len(buckets), None, 0.0, None))
        executable.check_dtypes(self.model)
        self._place_params()
        # The largest first: what does not fit is known early, and time left is not promised short.
        compiling = executable.compile_all(
            self.model,
            buckets[::-1],
            self._params,
            self._placement,
            self._compile_threads,
        )
        for ready, compiled in enumerate(compiling, 1):
            bucket = compiled.bucket
            self._executables[bucket] = compiled
            self.output_dtypes = dict(compiled.output_dtypes)
            self._plan(bucket, memory.need_of(compiled.compiled, self.plan.parameter_bytes))
            self._execute_first(bucket)
            seconds = time.monotonic() - began
            left = predicted_seconds_left(seconds, ready, len(buckets))
            told(Loading(ready, len(buckets), bucket, seconds, left))
        self._verify_goldens()
        self._measure()
        self._recompilations.watch()
        self._pipeline = Pipeline(self._depth, self._begin, self._finish)

    def run(self, bucket: Bucket, rows: Sequence[Mapping[str, Array]]) -> "Future[list[Answer]]":
        """One mapping of inputs per request, each with rows of its own; the answers in their order.

        Never blocks. The future's errors: DeviceOutOfMemory, where a smaller bucket may do;
        ModelFailed; EngineBroken. Raises ValueError for requests that the bucket does not hold.
        """
        if self._pipeline is None:
            raise RuntimeError("the engine is not loaded")
        if self.broken is not None:
            refused: Future[list[Answer]] = Future()
            refused.set_exception(EngineBroken(self.broken))
            return refused
        return self._pipeline.submit(self._batch(bucket, rows))

    def close(self) -> None:
        """Returns when every batch that was submitted is over."""
        if self._pipeline is not None:
            self._pipeline.close()

    def _place_params(self) -> None:
        devices = jax.devices() if self._devices is None else self._devices
        self._placement = Placement(self.model.sharding, devices)
        self._params = self._placement.params(self.model.params)
        limit = self._limit_bytes or memory.limit_of(jax.local_devices()[0])
        self.plan = MemoryPlan(bytes_per_device(self._params), limit, self._depth, {})

    def _plan(self, bucket: Bucket, need: Need) -> None:
        plan = self.plan
        self.plan = MemoryPlan(
            plan.parameter_bytes, plan.limit_bytes, plan.depth, {**plan.buckets, bucket: need}
        )
        memory.refuse_what_cannot_fit(self.plan, bucket)

    def _execute_first(self, bucket: Bucket) -> None:
        try:
            self._execute(_Batch(bucket, (), ()))
        except Exception as error:
            raise LoadFailed(f"bucket {bucket} does not execute: {error}") from error

    def _measure(self) -> None:
        """Each bucket once more, now that no compilation takes the host's time."""
        for bucket in self.model.grid.all():
            began = time.monotonic()
            self._execute(_Batch(bucket, (), ()))
            self.costs[bucket] = time.monotonic() - began

    def _verify_goldens(self) -> None:
        for number, right in enumerate(self.model.golden):
            inputs = {
                name: np.asarray(array, self.model.inputs[name].dtype)
                for name, array in right.inputs.items()
            }
            try:
                sizes = sizes_of(self.model.inputs, inputs)
                bucket = self.model.grid.bucket_of(sizes)
            except ServeError as error:
                raise LoadFailed(f"golden[{number}].inputs: {error}") from error
            (answer,) = self._execute(_Batch(bucket, (inputs,), (sizes,)))
            if isinstance(answer, NotFinite):
                raise LoadFailed(f"golden[{number}]: {answer}")
            golden.verify(number, right, answer)

    def _execute(self, batch: _Batch) -> list[Answer]:
        return self._finish(self._begin(batch))

    def _batch(self, bucket: Bucket, requests: Sequence[Mapping[str, Array]]) -> _Batch:
        if bucket not in self._executables:
            raise ValueError(f"{bucket} is no bucket of model {self.model.name}")
        sizes = [sizes_of(self.model.inputs, request) for request in requests]
        rows = sum(each[BATCH] for each in sizes)
        if rows > bucket.batch:
            raise ValueError(f"{rows} rows are more than bucket {bucket} holds")
        for each in sizes:
            for dim, largest in bucket.family:
                if each[dim] > largest:
                    raise ValueError(f"{dim} {each[dim]} is more than bucket {bucket} holds")
        return _Batch(bucket, requests, sizes)

    def _begin(self, batch: _Batch) -> _Begun:
        buffers = self._buffers.pop()
        try:
            views = buffers.of(batch.bucket)
            padding.fill(views, self.model.inputs, batch.requests)
            inputs = self._placement.inputs(views, batch.bucket)
            outputs = self._executables[batch.bucket](self._params, inputs)
            for output in outputs.values():
                output.copy_to_host_async()
        except BaseException as error:
            self._buffers.append(buffers)
            raise self._failure(batch, error) from error
        return _Begun(batch, buffers, outputs)

    def _finish(self, begun: _Begun) -> list[Answer]:
        batch = begun.batch
        try:
            outputs = {name: np.asarray(array) for name, array in begun.outputs.items()}
        except BaseException as error:
            raise self._failure(batch, error) from error
        else:
            self._streak.fitted()
            answers = padding.cut(outputs, self.model.outputs, batch.sizes)
            return [self._checked(answer) for answer in answers]
        finally:
            self._buffers.append(begun.buffers)

    def _checked(self, answer: dict[str, Array]) -> Answer:
        refused: NotFinite | None = None
        for name, array in answer.items():
            if not_finite(array):
                self.not_finite[name] += 1
                refused = refused or NotFinite(name)
        return refused if refused is not None and self.model.refuse_nan else answer

    def _failure(self, batch: _Batch, error: BaseException) -> BaseException:
        if not isinstance(error, Exception):
            return error
        if not is_out_of_memory(error):
            return ModelFailed(f"bucket {batch.bucket} failed: {type(error).__name__}: {error}")
        self.out_of_memory += 1
        said = str(error).partition("\n")[0]
        if self._streak.exhausted():
            self.broken = f"{IN_A_ROW} batches in a row ran out of device memory; the last: {said}"
        return DeviceOutOfMemory(f"bucket {batch.bucket}: {said}")
