"""Which cores are the server's, and which one is the load generator's.

A load generator that shares the server's cores takes the more of them the more it sends: at three
times the capacity the server would have less than at its capacity, and seem to be at fault.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    server: tuple[int, ...]
    load: tuple[int, ...]

    def __str__(self) -> str:
        load = f"the load generator on {_listed(self.load)}"
        return f"servers on core {_listed(self.server)}, {load}"


def split(available: Iterable[int] | None = None) -> Cores:
    """The last of the cores for the load, all others for the server; both get the only one."""
    cores = tuple(sorted(os.sched_getaffinity(0) if available is None else available))
    return Cores(cores[:-1] or cores, cores[-1:])


def pinned(cores: Iterable[int]) -> tuple[str, ...]:
    """The wrapper that runs a command on them."""
    return ("taskset", "--cpu-list", _listed(cores))


def _listed(cores: Iterable[int]) -> str:
    return ",".join(map(str, cores))
