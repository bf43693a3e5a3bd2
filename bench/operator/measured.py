import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.operator.plane import Plane
from bench.operator.process import Usage, machine_busy_seconds, usage


@dataclass(frozen=True)
class Measured:
    """One run. The keys of `values` and `baseline` name their units; `sent` are the operator's
    own requests and `served` everybody's, per job, by verb and kind or resource. `stories` says
    how many jobs went through which states and hosts."""

    title: str
    values: Mapping[str, float]
    baseline: Mapping[str, str]
    sent: Mapping[str, float] = field(default_factory=dict)
    served: Mapping[str, float] = field(default_factory=dict)
    stories: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Spent:
    """In a span of time, once that has ended, by the operator's process and around it."""

    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    resident_mb: float = 0.0
    apiserver_cpu_seconds: float = 0.0
    others_cores: float = 0.0
    """Cores that processes which are no part of this benchmark kept busy, on average."""


@contextmanager
def during(plane: Plane) -> Iterator[Spent]:
    spent = Spent()
    before, began = _look(plane), time.monotonic()
    yield spent
    after, seconds = _look(plane), time.monotonic() - began
    spent.cpu_seconds = after.operator.cpu_seconds - before.operator.cpu_seconds
    spent.peak_mb, spent.resident_mb = after.operator.peak_mb, after.operator.resident_mb
    spent.apiserver_cpu_seconds = after.apiserver - before.apiserver
    others = (after.machine - after.ours) - (before.machine - before.ours)
    spent.others_cores = max(0.0, others / seconds)


@dataclass(frozen=True)
class _Look:
    operator: Usage
    apiserver: float
    ours: float
    machine: float


def _look(plane: Plane) -> _Look:
    ours = {name: usage(pid).cpu_seconds for name, pid in plane.pids.items()}
    return _Look(
        operator=usage(plane.operator_pid),
        apiserver=ours["kube-apiserver"],
        ours=sum(ours.values()),
        machine=machine_busy_seconds(),
    )
