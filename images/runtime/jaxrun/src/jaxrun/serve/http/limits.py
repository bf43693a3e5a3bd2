"""How much of a request is read: what the model's largest bucket can need, and not more."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from jaxrun.serve.buckets import BATCH
from jaxrun.serve.model import Model

HEAD_BYTES = 64 * 1024
"""Of the request line and all header fields."""
DISCARDED_BYTES = 64 * 1024 * 1024
"""Read and dropped of a body that is too large, so that its sender gets to read the refusal."""
BODY_SECONDS = 30.0
"""Between two parts of a body."""
ID_CHARACTERS = 256
_TEXT_BYTES_PER_ELEMENT = 32
_LEAST_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """body_bytes: also of a body once it is decompressed. largest: by named dimension."""

    body_bytes: int
    largest: Mapping[str, int]


def limits_of(model: Model) -> Limits:
    """For the model's largest request, as JSON text."""
    largest = {BATCH: model.grid.batches[-1]}
    for family in model.grid.families:
        for dim, size in family:
            largest[dim] = max(size, largest.get(dim, 0))
    elements = sum(
        math.prod(dim if isinstance(dim, int) else largest[dim] for dim in declared.shape)
        for declared in model.inputs.values()
    )
    return Limits(_LEAST_BODY_BYTES + elements * _TEXT_BYTES_PER_ELEMENT, largest)
