"""The model contract: what a factory returns, checked when it is made.

    def model() -> serve.Model: ...

Every ValueError names the field that is wrong and what would be right. Arrays here are numpy's or
JAX's; this module needs neither.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jaxrun.serve.buckets import BATCH, Grid

Arrays = Mapping[str, Any]
DTYPES = (
    "bool",
    *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64"),
)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Input:
    """One named input. Named dimensions of `shape` are bucketed; what is added is `pad`."""

    shape: tuple[int | str, ...]
    dtype: str
    pad: bool | float = 0

    def __post_init__(self) -> None:
        _set(self, "shape", _shape("Input", self.shape))
        if self.dtype not in DTYPES:
            raise ValueError(f"Input.dtype is {self.dtype!r}; it is one of {', '.join(DTYPES)}")
        if not isinstance(self.pad, bool | int | float):
            raise ValueError(f"Input.pad is {self.pad!r}; it is a number or a bool")


@dataclass(frozen=True, slots=True)
class Output:
    """One named output. Named dimensions are cut to the request's own size.

    `dtype` None takes what the function gives.
    """

    shape: tuple[int | str, ...]
    dtype: str | None = None

    def __post_init__(self) -> None:
        _set(self, "shape", _shape("Output", self.shape))
        if self.dtype is not None and self.dtype not in DTYPES:
            raise ValueError(
                f"Output.dtype is {self.dtype!r}; it is None or one of {', '.join(DTYPES)}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """A request and its right answer, verified before the model is ready.

    |answer - outputs| <= atol + rtol * |outputs|, in every element, and nothing is NaN. `outputs`
    may leave out outputs that are not to be compared.
    """

    inputs: Arrays
    outputs: Arrays
    rtol: float = 1e-5
    atol: float = 1e-5

    def __post_init__(self) -> None:
        for name in ("rtol", "atol"):
            tolerance = getattr(self, name)
            if not tolerance >= 0:
                raise ValueError(f"Golden.{name} is {tolerance!r}; it is a number from 0")
        if not self.outputs:
            raise ValueError("Golden.outputs is empty; give at least one output to compare")


@dataclass(frozen=True, slots=True)
class Route:
    """A JSON route of the model's own, POST `path`.

    `before(body)` makes one request's inputs of the decoded JSON body; a ValueError in it is the
    client's fault and its message the answer. `after(outputs)` makes what is encoded as JSON.
    """

    path: str
    before: Callable[[Any], Arrays]
    after: Callable[[Arrays], Any]

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.path == "/":
            raise ValueError(f'Route.path is {self.path!r}; it begins with "/" and names something')
        taken = ("/v2", "/metrics", "/status")
        if any(self.path == own or self.path.startswith(own + "/") for own in taken):
            raise ValueError(f"Route.path is {self.path!r}; {', '.join(taken)} are the server's")
        for name in ("before", "after"):
            if not callable(getattr(self, name)):
                raise ValueError(f"Route.{name} is {getattr(self, name)!r}; it is a function")


@dataclass(frozen=True, slots=True, eq=False)
class Sharding:
    """How a model lies over all devices of its replica, where the default does not do.

    mesh: devices along each named axis; their product is the number of devices.
    params: a tree prefix of `jax.sharding.PartitionSpec` for the params; None puts them all on
        every device.
    batch: the axis over which a batch's rows are spread; None gives all rows to every device.

    Without a Sharding, rows are spread over all devices and params are on each. A batch that an
    axis does not divide is given to every device whole.
    """

    mesh: Mapping[str, int]
    params: Any = None
    batch: str | None = None

    def __post_init__(self) -> None:
        if not self.mesh:
            raise ValueError('Sharding.mesh is empty; give axes, e.g. {"model": 4}')
        for axis, devices in self.mesh.items():
            if isinstance(devices, bool) or not isinstance(devices, int) or devices < 1:
                raise ValueError(f"Sharding.mesh.{axis} is {devices!r}; it is a number from 1")
        if self.batch is not None and self.batch not in self.mesh:
            raise ValueError(
                f"Sharding.batch is {self.batch!r}; it is an axis of the mesh: {list(self.mesh)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A function of (params, inputs), its params, and every shape that it is served in.

    function: `f(params, inputs: dict[str, Array]) -> dict[str, Array]`, pure and jittable. Rows
        must not depend on each other, nor a row's answer on its padding.
    params: a pytree of arrays; put on the device once.
    buckets: sizes of every named dimension; their cross product is compiled before ready.
    donate: the device may put outputs where inputs of the same shape were; not on CPUs.
    refuse_nan: an answer with NaN or infinity in it fails instead of being counted only.
    """

    name: str
    function: Callable[[Any, dict[str, Any]], Mapping[str, Any]]
    params: Any
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    buckets: Mapping[str, Sequence[int]]
    version: str = "1"
    golden: Sequence[Golden] = ()
    routes: Sequence[Route] = ()
    sharding: Sharding | None = None
    refuse_nan: bool = False
    donate: bool = True
    grid: Grid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("name", "version"):
            value = getattr(self, name)
            if not isinstance(value, str) or not _NAME.fullmatch(value):
                raise ValueError(
                    f"{name} is {value!r}; it is made of letters, digits, '.', '_' and '-'"
                )
        if not callable(self.function):
            raise ValueError(f"function is {self.function!r}; it is a function")
        try:
            _set(self, "grid", Grid(self.buckets))
        except TypeError:
            raise ValueError(
                'buckets is no mapping of names to sizes, e.g. {"batch": (1, 2, 4)}'
            ) from None
        _check_tensors("inputs", self.inputs, Input, self.grid)
        _check_tensors("outputs", self.outputs, Output, self.grid)
        used = {dim for tensor in self.inputs.values() for dim in tensor.shape}
        for dim in self.grid.dims:
            if dim not in used:
                raise ValueError(f"buckets.{dim} is no dimension of any input")
        _check_goldens(self)
        paths = [route.path for route in self.routes]
        for path in paths:
            if paths.count(path) > 1:
                raise ValueError(f"routes has {path!r} twice")

    def with_buckets(self, buckets: Mapping[str, Sequence[int]]) -> "Model":
        """This model with these dimensions' sizes instead; others keep theirs."""
        for dim in buckets:
            if dim not in self.buckets:
                known = ", ".join(sorted(self.buckets))
                raise ValueError(f"buckets.{dim} is no dimension of model {self.name}: {known}")
        return replace(self, buckets={**self.buckets, **buckets})


def _set(frozen: object, name: str, value: object) -> None:
    object.__setattr__(frozen, name, value)


def _shape(kind: str, given: Any) -> tuple[int | str, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ValueError(f'{kind}.shape is {given!r}; it is a tuple, e.g. ("batch", 384)')
    shape = tuple(given)
    for dim in shape:
        if isinstance(dim, bool) or not isinstance(dim, int | str) or dim in ("", 0):
            raise ValueError(f"{kind}.shape has {dim!r}; it has numbers from 1 and names")
        if isinstance(dim, int) and dim < 1:
            raise ValueError(f"{kind}.shape has {dim}; name the dimension to bucket it")
    if not shape or shape[0] != BATCH:
        raise ValueError(f'{kind}.shape is {shape}; its first dimension is "batch"')
    if len(set(names := [dim for dim in shape if isinstance(dim, str)])) != len(names):
        raise ValueError(f"{kind}.shape is {shape}; a name is in it twice")
    return shape


def _check_tensors(side: str, tensors: Any, kind: type[Input] | type[Output], grid: Grid) -> None:
    if not isinstance(tensors, Mapping) or not tensors:
        raise ValueError(f"{side} is {tensors!r}; it maps names to {kind.__name__}")
    for name, tensor in tensors.items():
        if not isinstance(tensor, kind):
            raise ValueError(f"{side}.{name} is {tensor!r}; it is of type {kind.__name__}")
        for dim in tensor.shape:
            if isinstance(dim, str) and dim != BATCH and dim not in grid.dims:
                raise ValueError(f"{side}.{name} has dimension {dim!r}, which buckets lacks")


def _check_goldens(model: Model) -> None:
    for number, golden in enumerate(model.golden):
        if not isinstance(golden, Golden):
            raise ValueError(f"golden[{number}] is {golden!r}; it is of type Golden")
        for name in model.inputs:
            if name not in golden.inputs:
                raise ValueError(f"golden[{number}].inputs lacks {name!r}")
        for side, known in (("inputs", model.inputs), ("outputs", model.outputs)):
            for name in getattr(golden, side):
                if name not in known:
                    raise ValueError(f"golden[{number}].{side} has {name!r}, no {side[:-1]}")
