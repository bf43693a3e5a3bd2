"""A real memory cgroup with a limit, of whichever version this machine has."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaxrun.cgroup import own_memory_cgroup


@contextlib.contextmanager
def a_memory_cgroup(limit_bytes: int) -> Iterator[Path]:
    """A child of our own; skips the test where none can be made."""
    own = own_memory_cgroup()
    if own is None:
        pytest.skip("no memory cgroup is mounted here")
    path = own.path / f"jaxrun-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"cannot make a memory cgroup below {own.path}: {error.strerror}")
    try:
        name = "memory.max" if own.version == 2 else "memory.limit_in_bytes"
        try:
            (path / name).write_text(str(limit_bytes))
        except OSError as error:
            pytest.skip(f"cannot limit memory in {path}: {error.strerror}")
        yield path
    finally:
        path.rmdir()
