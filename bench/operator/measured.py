from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.operator.plane import Plane
from bench.operator.process import usage


@dataclass(frozen=True)
class Measured:
    """One run. The keys of `values` and `baseline` name their units; `sent` are the operator's
    own requests and `served` everybody's, per job, by verb and kind or resource."""

    title: str
    values: Mapping[str, float]
    baseline: Mapping[str, str]
    sent: Mapping[str, float] = field(default_factory=dict)
    served: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Spent:
    """By the operator's process in a span of time, once that has ended."""

    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    resident_mb: float = 0.0


@contextmanager
def during(plane: Plane) -> Iterator[Spent]:
    spent = Spent()
    before = usage(plane.operator_pid)
    yield spent
    after = usage(plane.operator_pid)
    spent.cpu_seconds = after.cpu_seconds - before.cpu_seconds
    spent.peak_mb, spent.resident_mb = after.peak_mb, after.resident_mb
