"""Requests into a bucket and answers out of it: padding, and cutting off what it added.

Host buffers are made once, for the largest bucket, and used again by every batch: what is in one
must not be written to before its batch has ended, since a device may read it in place.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import ml_dtypes  # noqa: F401  makes bfloat16 a dtype of numpy
import numpy as np

from jaxrun.serve.buckets import BATCH, Bucket, Grid
from jaxrun.serve.model import Input, Output

Array = np.ndarray[Any, np.dtype[Any]]
Sizes = Mapping[str, int]


def shape_in(shape: tuple[int | str, ...], sizes: Sizes) -> tuple[int, ...]:
    """A declared shape with its named dimensions replaced by their sizes."""
    return tuple(sizes[dim] if isinstance(dim, str) else dim for dim in shape)


class HostBuffers:
    """Memory on the host for one batch of any bucket."""

    def __init__(self, inputs: Mapping[str, Input], grid: Grid) -> None:
        self._inputs = inputs
        self._flat = {
            name: np.empty(
                max(prod(shape_in(declared.shape, bucket.sizes)) for bucket in grid.all()),
                declared.dtype,
            )
            for name, declared in inputs.items()
        }

    def of(self, bucket: Bucket) -> dict[str, Array]:
        """One contiguous array per input in the bucket's shape, with whatever was left in it."""
        views = {}
        for name, declared in self._inputs.items():
            shape = shape_in(declared.shape, bucket.sizes)
            views[name] = self._flat[name][: prod(shape)].reshape(shape)
        return views


def fill(
    buffers: Mapping[str, Array],
    inputs: Mapping[str, Input],
    requests: Sequence[Mapping[str, Array]],
) -> None:
    """Lay the requests below each other; every element that is none of theirs becomes `pad`."""
    for name, declared in inputs.items():
        buffer, row = buffers[name], 0
        for request in requests:
            array = request[name]
            part = buffer[row : row + len(array)]
            if array.shape != part.shape:
                part[...] = declared.pad
                part = part[tuple(slice(size) for size in array.shape)]
            part[...] = array
            row += len(array)
        buffer[row:] = declared.pad


def cut(
    outputs: Mapping[str, Array], declared: Mapping[str, Output], requests: Sequence[Sizes]
) -> list[dict[str, Array]]:
    """Each request's own part of the outputs, as copies: the batch's memory is not kept alive."""
    answers: list[dict[str, Array]] = []
    row = 0
    for sizes in requests:
        rows = slice(row, row + sizes[BATCH])
        row += sizes[BATCH]
        answer = {}
        for name, output in declared.items():
            own = tuple(
                slice(sizes[dim]) if isinstance(dim, str) else slice(None)
                for dim in output.shape[1:]
            )
            answer[name] = outputs[name][(rows, *own)].copy()
        answers.append(answer)
    return answers
