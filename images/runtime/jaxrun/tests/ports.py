"""Ports for servers under test, which no other test gives to its own meanwhile.

Each test run has a block of ports, by a lock that ends with its process. They lie below those that
the kernel gives to connections, and below Kubernetes' node ports.
"""

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import IO

_FIRST = 20000
_BLOCK = 400
_BLOCKS = 25

_locks: list[IO[str]] = []
_block: list[int] = []
_next = 0


def free_ports(count: int) -> list[int]:
    """Ports in a row that nobody listens on, and that were not given away lately."""
    global _next
    if not _block:
        _block.extend(_a_block())
    for _ in range(_BLOCK):
        if _next + count > _BLOCK:
            _next = 0
        row = _block[_next : _next + count]
        _next += count
        if all(map(_is_free, row)):
            return row
    raise OSError(f"no {count} ports in a row are free from {_block[0]} to {_block[-1]}")


def _a_block() -> range:
    locks = Path(tempfile.gettempdir()) / f"jaxrun-test-ports-{os.getuid()}"
    locks.mkdir(exist_ok=True)
    for first in range(_FIRST, _FIRST + _BLOCKS * _BLOCK, _BLOCK):
        lock = (locks / str(first)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _locks.append(lock)
        return range(first, first + _BLOCK)
    raise OSError(f"{_BLOCKS} test runs have all ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections that have ended keep nobody from listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
