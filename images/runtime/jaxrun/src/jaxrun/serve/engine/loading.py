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
    """What is needed on each device, against what it has; None where it does not tell.

    depth: batches in flight, each of which holds its inputs and outputs.
    """

    parameter_bytes: int
    limit_bytes: int | None
    depth: int
    buckets: Mapping[Bucket, Need]

    def bytes_of(self, bucket: Bucket) -> int:
        """All that is on a device while `depth` batches of this bucket are in flight.

        Executions do not overlap on a device, so temporary memory counts once.
        """
        need = self.buckets[bucket]
        code_bytes = sum(each.code_bytes for each in self.buckets.values())
        in_flight_bytes = self.depth * (need.input_bytes + need.output_bytes)
        return self.parameter_bytes + code_bytes + need.temporary_bytes + in_flight_bytes


def predicted_seconds_left(seconds: float, ready: int, total: int) -> float | None:
    """As long for each bucket to come as for those that are ready; None before the first."""
    return seconds / ready * (total - ready) if ready else None
