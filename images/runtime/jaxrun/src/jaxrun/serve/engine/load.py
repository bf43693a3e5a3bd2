"""From a model to an executor that has executed every bucket: what ready means.

In order: params to the devices, then for each bucket, the largest first, compile (several at once),
plan its memory, execute it; then verify goldens and measure each bucket. In a replica of several
hosts every process does the same in the same order, so that their devices meet.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.engine import executable, golden, memory
from jaxrun.serve.engine.execute import Batch, Executor
from jaxrun.serve.engine.loading import Loading, MemoryPlan, predicted_seconds_left
from jaxrun.serve.engine.sharding import Placement, bytes_per_device
from jaxrun.serve.errors import InvalidInput, LoadFailed, TooLarge
from jaxrun.serve.model import Golden, Model
from jaxrun.serve.sizes import sizes_of

Told = Callable[[Loading], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """costs: seconds that each bucket takes, transfers included."""

    executor: Executor
    plan: MemoryPlan
    costs: dict[Bucket, float]
    output_dtypes: dict[str, str]


def load(
    model: Model,
    told: Told,
    depth: int,
    limit_bytes: int | None = None,
    devices: Sequence[Any] | None = None,
    compile_threads: int | None = None,
) -> Loaded:
    """Raises LoadFailed: a bucket that does not fit, compile or execute, or a wrong golden."""
    began, buckets = time.monotonic(), model.grid.all()
    told(Loading(0, len(buckets), None, 0.0, None))
    executable.check_dtypes(model)
    placement = Placement(model.sharding, jax.devices() if devices is None else devices)
    params = placement.params(model.params)
    limit = limit_bytes or memory.limit_of(placement.local_device)
    plan = MemoryPlan(bytes_per_device(params), limit, depth, {})
    executor = Executor(model, placement, params, depth)
    dtypes: dict[str, str] = {}
    # The largest first: what does not fit is known early, and time left is not promised short.
    compiling = executable.compile_all(
        model, buckets[::-1], params, placement, compile_threads or executable.threads()
    )
    with closing(compiling):
        for ready, compiled in enumerate(compiling, 1):
            bucket = compiled.bucket
            need = memory.need_of(compiled.compiled, plan.parameter_bytes)
            plan = replace(plan, buckets={**plan.buckets, bucket: need})
            memory.refuse_what_cannot_fit(plan, bucket)
            executor.executables[bucket] = compiled
            dtypes.update(compiled.output_dtypes)
            _execute_first(executor, bucket)
            seconds = time.monotonic() - began
            left = predicted_seconds_left(seconds, ready, len(buckets))
            told(Loading(ready, len(buckets), bucket, seconds, left))
    for number, right in enumerate(model.golden):
        _verify(executor, model, number, right)
    costs = {bucket: _seconds(executor, bucket) for bucket in buckets}
    return Loaded(executor, plan, costs, dtypes)


def _execute_first(executor: Executor, bucket: Bucket) -> None:
    try:
        executor.execute(Batch(bucket))
    except Exception as error:
        raise LoadFailed(f"bucket {bucket} does not execute: {error}") from error


def _verify(executor: Executor, model: Model, number: int, right: Golden) -> None:
    inputs = {
        name: np.asarray(array, model.inputs[name].dtype) for name, array in right.inputs.items()
    }
    try:
        bucket = model.grid.bucket_of(sizes_of(model.inputs, inputs))
    except (InvalidInput, TooLarge) as error:
        raise LoadFailed(f"golden[{number}].inputs: {error}") from error
    (answer,) = executor.execute(executor.batch(bucket, (inputs,)))
    golden.verify(number, right, answer)


def _seconds(executor: Executor, bucket: Bucket) -> float:
    """Of a second execution, when no compilation takes the host's time."""
    began = time.monotonic()
    executor.execute(Batch(bucket))
    return time.monotonic() - began
