"""Does a request fit the model, and how large is it?"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from jaxrun.serve.errors import InvalidInput
from jaxrun.serve.model import Arrays, Input


def sizes_of(inputs: Mapping[str, Input], arrays: Arrays) -> dict[str, int]:
    """The size of every named dimension of one request, `batch` (its rows) among them.

    Raises InvalidInput where an array is missing, unknown, or of another dtype or shape. Whether
    there is a bucket for the sizes is the grid's to say.
    """
    for name in arrays:
        if name not in inputs:
            raise InvalidInput(f"input {name!r} is unknown; the model has {', '.join(inputs)}")
    sizes: dict[str, int] = {}
    for name, declared in inputs.items():
        if name not in arrays:
            raise InvalidInput(f"input {name!r} is missing")
        array = arrays[name]
        if _name_of(array.dtype) != declared.dtype:
            raise InvalidInput(f"input {name!r} is {array.dtype}; it must be {declared.dtype}")
        if len(array.shape) != len(declared.shape):
            raise _misshapen(name, array.shape, declared)
        for dim, size in zip(declared.shape, array.shape, strict=True):
            if isinstance(dim, int):
                if size != dim:
                    raise _misshapen(name, array.shape, declared)
            elif size < 1:
                raise InvalidInput(f"input {name!r} has no {dim}: shape {list(array.shape)}")
            elif sizes.setdefault(dim, size) != size:
                raise InvalidInput(
                    f"input {name!r} has {dim} {size}; another input has {dim} {sizes[dim]}"
                )
    return sizes


@functools.lru_cache(maxsize=64)
def _name_of(dtype: Any) -> str:
    """numpy makes the name up each time, in Python."""
    return str(dtype)


def _misshapen(name: str, shape: Sequence[int], declared: Input) -> InvalidInput:
    wanted = "[" + ", ".join(map(str, declared.shape)) + "]"
    return InvalidInput(f"input {name!r} has shape {list(shape)}; it must be {wanted}")
