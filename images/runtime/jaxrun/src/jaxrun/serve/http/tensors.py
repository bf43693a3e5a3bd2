"""One tensor of a request or an answer: between its declaration, JSON data, bytes and an array."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from jaxrun.serve.errors import InvalidInput
from jaxrun.serve.http.datatypes import BINARY_ONLY, DATATYPES, numpy_dtype
from jaxrun.serve.model import Input

Array = np.ndarray[Any, Any]
_NUMBERS = frozenset({int, float})
_INTEGERS = frozenset({int})
_BOOLEANS = frozenset({bool})


class Expected:
    """An input as the model declares it, with what is needed for each request at hand."""

    __slots__ = ("bool", "datatype", "declared", "dtype", "itemsize", "largest", "name", "text")

    def __init__(self, name: str, declared: Input, largest: Mapping[str, int]) -> None:
        self.name = name
        self.declared = declared
        self.dtype = numpy_dtype(declared.dtype)
        self.datatype = DATATYPES[declared.dtype]
        self.itemsize = self.dtype.itemsize
        self.bool = declared.dtype == "bool"
        self.largest = largest
        self.text = "[" + ", ".join(map(str, declared.shape)) + "]"

    def shape(self, said: Mapping[str, Any]) -> tuple[int, ...]:
        """The shape that the request names, if the model takes it together with its datatype.

        Raises InvalidInput.
        """
        name, datatype, shape = self.name, said.get("datatype"), said.get("shape")
        if datatype != self.datatype:
            raise InvalidInput(
                f"input {name}: datatype is {_shown(datatype)}, the model takes {self.datatype}"
            )
        if not isinstance(shape, list) or set(map(type, shape)) - _INTEGERS:
            raise InvalidInput(f"input {name}: shape is {_shown(shape)}, not a list of integers")
        declared = self.declared.shape
        if len(shape) != len(declared):
            raise self._wrong(shape)
        for size, dim in zip(shape, declared, strict=True):
            if isinstance(dim, int):
                if size != dim:
                    raise self._wrong(shape)
            elif size < 1:
                raise InvalidInput(f"input {name}: {dim} is {size}, and must be at least 1")
            elif size > self.largest[dim]:
                raise InvalidInput(
                    f"input {name}: {dim} {size} is more than the largest bucket "
                    f"{self.largest[dim]}"
                )
        return tuple(shape)

    def from_bytes(self, data: memoryview, shape: tuple[int, ...]) -> Array:
        """Elements in row-major order, little-endian; the array shares their memory.

        Raises InvalidInput.
        """
        wanted = math.prod(shape) * self.itemsize
        if len(data) != wanted:
            raise InvalidInput(
                f"input {self.name}: {len(data)} bytes of binary data, but shape {list(shape)} of "
                f"{self.datatype} has {wanted}"
            )
        if self.bool and (np.frombuffer(data, np.uint8) > 1).any():
            raise InvalidInput(f"input {self.name}: binary data of BOOL has bytes beside 0 and 1")
        return np.frombuffer(data, self.dtype).reshape(shape)

    def from_json(self, data: Any, shape: tuple[int, ...]) -> Array:
        """From a flat list, or one nested as `shape`.

        Raises InvalidInput.
        """
        if self.datatype in BINARY_ONLY:
            raise InvalidInput(
                f"input {self.name}: {self.datatype} cannot be given in JSON: send binary data"
            )
        flat, count = self._flat(data, shape), math.prod(shape)
        if len(flat) != count:
            raise InvalidInput(
                f"input {self.name}: data has {len(flat)} elements, but shape {list(shape)} has "
                f"{count}"
            )
        kinds = set(map(type, flat))
        float_like = not self.bool and (self.dtype.kind not in "iu")
        allowed = _BOOLEANS if self.bool else _NUMBERS if float_like else _INTEGERS
        if kinds - allowed:
            odd = next(each for each in flat if type(each) not in allowed)
            raise InvalidInput(
                f"input {self.name}: data has {_shown(odd)}, which is no {self.datatype}"
            )
        return self._array(flat).reshape(shape)

    def _flat(self, data: Any, shape: Sequence[int]) -> list[Any]:
        if not isinstance(data, list):
            raise InvalidInput(f"input {self.name}: data is {_shown(data)}, not a list")
        for depth, size in enumerate(shape[:-1]):
            if not data or type(data[0]) is not list:
                break
            even = {len(row) if type(row) is list else -1 for row in data} == {shape[depth + 1]}
            if (depth == 0 and len(data) != size) or not even:
                raise InvalidInput(
                    f"input {self.name}: data is not nested as its shape {list(shape)}"
                )
            data = list(chain.from_iterable(data))
        flat: list[Any] = data
        return flat

    def _array(self, flat: list[Any]) -> Array:
        try:
            if self.dtype.kind in "iu":
                least, most = np.iinfo(self.dtype).min, np.iinfo(self.dtype).max
                if min(flat) < least or max(flat) > most:
                    odd = min(flat) if min(flat) < least else max(flat)
                    raise InvalidInput(
                        f"input {self.name}: data has {_shown(odd)}, which is no {self.datatype}"
                    )
            with np.errstate(over="ignore"):
                return np.array(flat, dtype=self.dtype)
        except OverflowError:
            raise InvalidInput(
                f"input {self.name}: data has a number that is no {self.datatype}"
            ) from None

    def _wrong(self, shape: Sequence[int]) -> InvalidInput:
        return InvalidInput(
            f"input {self.name}: shape is {_shown(shape)}, the model takes {self.text}"
        )


def json_data(array: Array) -> list[Any]:
    """All elements, row by row; NaN and infinity, which JSON lacks, as None."""
    flat: list[Any] = array.reshape(-1).tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        finite = np.isfinite(array.reshape(-1)).tolist()
        return [value if good else None for value, good in zip(flat, finite, strict=True)]
    return flat


def raw_bytes(array: Array) -> memoryview:
    """All elements, row by row, little-endian; shares the array's memory where it can."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "..."
