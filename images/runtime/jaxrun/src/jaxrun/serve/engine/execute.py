"""Runs batches in compiled buckets: lay out on the host, dispatch to the devices, fetch, cut.

The three steps are apart so that different threads can do them for different batches. Host buffers
are as many as batches may be in flight; whoever calls sees to it that no more are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxrun.serve.buckets import BATCH, Bucket
from jaxrun.serve.engine import padding
from jaxrun.serve.engine.executable import Executable
from jaxrun.serve.engine.padding import Array, HostBuffers
from jaxrun.serve.engine.sharding import Placement
from jaxrun.serve.model import Model
from jaxrun.serve.sizes import sizes_of


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests that run together, with the sizes of each; none of them is an empty execution."""

    bucket: Bucket
    requests: Sequence[Mapping[str, Array]] = ()
    sizes: Sequence[Mapping[str, int]] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch on the devices; its host buffers may still be read by them."""

    batch: Batch
    buffers: HostBuffers
    outputs: Mapping[str, Any]


class Executor:
    """A model's params and executables on its devices, and host memory for `depth` batches."""

    def __init__(self, model: Model, placement: Placement, params: Any, depth: int) -> None:
        self.executables: dict[Bucket, Executable] = {}
        self._model, self._placement, self._params = model, placement, params
        self._free = [HostBuffers(model.inputs, model.grid) for _ in range(depth)]

    def batch(self, bucket: Bucket, requests: Sequence[Mapping[str, Array]]) -> Batch:
        """Raises InvalidInput or ValueError for requests that the bucket does not hold."""
        if bucket not in self.executables:
            raise ValueError(f"{bucket} is no bucket of model {self._model.name}")
        sizes = [sizes_of(self._model.inputs, request) for request in requests]
        rows = sum(each[BATCH] for each in sizes)
        if rows > bucket.batch:
            raise ValueError(f"{rows} rows are more than bucket {bucket} holds")
        for each in sizes:
            for dim, largest in bucket.family:
                if each[dim] > largest:
                    raise ValueError(f"{dim} {each[dim]} is more than bucket {bucket} holds")
        return Batch(bucket, requests, sizes)

    def take_buffers(self) -> HostBuffers:
        """Free ones, for `dispatch` to return when the batch is over."""
        return self._free.pop()

    def lay_out(self, batch: Batch) -> HostBuffers:
        """The batch's requests, padded, in host buffers."""
        buffers = self.take_buffers()
        try:
            padding.fill(buffers.of(batch.bucket), self._model.inputs, batch.requests)
        except BaseException:
            self._free.append(buffers)
            raise
        return buffers

    def dispatch(self, batch: Batch, buffers: HostBuffers) -> Begun:
        """Transfers and executes; returns before either is done."""
        try:
            inputs = self._placement.inputs(buffers.of(batch.bucket), batch.bucket)
            outputs = self.executables[batch.bucket](self._params, inputs)
            for output in outputs.values():
                output.copy_to_host_async()
        except BaseException:
            self._free.append(buffers)
            raise
        return Begun(batch, buffers, outputs)

    def fetch(self, begun: Begun) -> list[dict[str, Array]]:
        """Waits for the outputs; each request's own part."""
        try:
            outputs = {name: np.asarray(array) for name, array in begun.outputs.items()}
            return padding.cut(outputs, self._model.outputs, begun.batch.sizes)
        finally:
            self._free.append(begun.buffers)

    def execute(self, batch: Batch) -> list[dict[str, Array]]:
        """All steps, one after the other."""
        return self.fetch(self.dispatch(batch, self.lay_out(batch)))
