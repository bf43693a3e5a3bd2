"""Where params, inputs and outputs lie: one device, all of this process, or all of the replica.

Without a Sharding in the model, rows are spread over all devices and params are on each. A batch
that the devices do not divide is given to every device whole: no slower than on one of them, and
the same executable serves it without a second copy of the params. In a replica of several hosts
every process has the whole inputs on its host and every output is whole on each process, so that
process 0 can answer alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as _PartitionSpec

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.engine.padding import Array
from jaxrun.serve.errors import LoadFailed
from jaxrun.serve.model import Sharding

_ROWS = "rows"
PartitionSpec: Any = _PartitionSpec
"""Untyped in some versions of JAX."""


class Placement:
    """Of one model. Raises LoadFailed where its mesh is not that of the devices."""

    def __init__(self, sharding: Sharding | None, devices: Sequence[Any]) -> None:
        count = len(devices)
        wanted = sharding or Sharding(mesh={_ROWS: count}, batch=_ROWS)
        size = 1
        for axis_size in wanted.mesh.values():
            size *= axis_size
        if size != count:
            raise LoadFailed(
                f"sharding.mesh {dict(wanted.mesh)} is made of {size} devices; this replica has "
                f"{count} ({devices[0].device_kind})"
            )
        self.devices = tuple(devices)
        local = jax.process_index()
        self.local_device = next(each for each in devices if each.process_index == local)
        self._mesh = jax.make_mesh(
            tuple(wanted.mesh.values()),
            tuple(wanted.mesh),
            axis_types=(AxisType.Auto,) * len(wanted.mesh),
            devices=self.devices,
        )
        self._specs = wanted.params
        self._batch = wanted.batch
        self._everywhere = NamedSharding(self._mesh, PartitionSpec())
        self._of_several_hosts = len({device.process_index for device in devices}) > 1

    def params(self, params: Any) -> Any:
        """The params on the devices, in the order of their tree."""
        shardings = self._param_shardings(params)
        if not self._of_several_hosts:
            return jax.device_put(params, shardings)
        return jax.tree.map(self._global, params, shardings)

    def inputs(self, buffers: Mapping[str, Array], bucket: Bucket) -> dict[str, Any]:
        """The inputs on the devices; returns before they have been read from the host."""
        sharding = self.of_inputs(bucket)
        if not self._of_several_hosts:
            placed: dict[str, Any] = jax.device_put(dict(buffers), sharding)
            return placed
        return {name: self._global(array, sharding) for name, array in buffers.items()}

    def of_inputs(self, bucket: Bucket) -> NamedSharding:
        """Of every input of a bucket: the first dimension is the only one that can be spread."""
        if self._batch is None or bucket.batch % self._mesh.shape[self._batch]:
            return self._everywhere
        return NamedSharding(self._mesh, PartitionSpec(self._batch))

    def of_outputs(self, bucket: Bucket) -> NamedSharding:
        """Of every output of a bucket."""
        return self._everywhere if self._of_several_hosts else self.of_inputs(bucket)

    def _param_shardings(self, params: Any) -> Any:
        def is_spec(node: Any) -> bool:
            return node is None or isinstance(node, PartitionSpec)

        named = jax.tree.map(
            lambda spec: NamedSharding(self._mesh, spec or PartitionSpec()),
            self._specs,
            is_leaf=is_spec,
        )
        try:
            return jax.tree.broadcast(named, params)
        except ValueError as error:
            raise LoadFailed(f"sharding.params is no tree prefix of the params: {error}") from error

    @staticmethod
    def _global(value: Any, sharding: NamedSharding) -> Any:
        if isinstance(value, jax.Array) and value.sharding.is_equivalent_to(sharding, value.ndim):
            return value
        # Without a collective: every process has the whole value on its host.
        host = jax.device_get(value)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def bytes_per_device(placed: Any) -> int:
    """What a tree of placed arrays takes on each device."""
    total = 0
    for leaf in jax.tree.leaves(placed):
        size = leaf.dtype.itemsize
        for dim in leaf.sharding.shard_shape(leaf.shape):
            size *= dim
        total += size
    return total
