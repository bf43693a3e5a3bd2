"""The threads that compute on a processor give way to those that answer.

On a CPU, XLA computes on as many threads as there are cores, and what is short, such as refusing a
request, would wait for its turn among them. Linux has a niceness for each thread, which those that
it makes inherit: so a thread that is nicer than the others starts JAX's back ends. Other pods
are not affected, as cgroups divide the cores among them.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import jax

NICENESS = 5
"""About a third of the weight of a thread without any."""

T = TypeVar("T")


def made_nicely(make: Callable[[], T]) -> T:
    """What `make` returns or raises. Whatever touches JAX's devices first may do it in there; if
    it has not, they are started after it, so that it may still configure JAX."""

    def in_a_thread() -> T:
        # Who may not be nicer computes as before. On Linux, this is of the thread alone.
        with suppress(OSError):
            os.nice(NICENESS)
        made = make()
        jax.devices()
        return made

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(in_a_thread).result()
