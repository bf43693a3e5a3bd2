"""What an engine tells of its loading, and how it plans the device's memory."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxrun.serve.buckets import Bucket


@dataclass(frozen=True, slots=True)
class Loading:
    """`ready` of `total` buckets have executed, `bucket` as the last, after `seconds` of loading.

    At the beginning `bucket` is None; `predicted_seconds_left` is None until one has been timed.
    """

    ready: int
    total: int
    bucket: Bucket | None
    seconds: float
    predicted_seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Need:
    """What one bucket's executable takes on each device while it runs, beside the params."""

    temporary_bytes: int
    output_bytes: int
    input_bytes: int
    code_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What is needed on each device, against what it has; None where it does not tell."""

    parameter_bytes: int
    limit_bytes: int | None
    buckets: Mapping[Bucket, Need]
