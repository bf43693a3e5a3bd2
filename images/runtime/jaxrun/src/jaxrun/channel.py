"""The launcher's end of what the program says: a directory with a socket, a flag, a stack file."""

import asyncio
import json
import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jaxrun.program.flag import Flag

_PACKET_LIMIT = 256 * 1024
_MOST_CONNECTIONS = 256
_CREDENTIALS = struct.Struct("3i")

OnMessage = Callable[[int, dict[str, Any]], None]
"""Called with the sender's process id and its message."""


class NoChannelError(OSError):
    """No writable directory for the socket."""


class Channel:
    """One per epoch, so that no process of an earlier one can be heard."""

    def __init__(self, on_message: OnMessage) -> None:
        self.directory = _private_directory()
        self.flag = Flag.create(str(self.directory / "flag"))
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._connections: dict[int, tuple[socket.socket, int]] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.setblocking(False)
        self._listener.bind(str(self.directory / "reports"))
        self._listener.listen(64)
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def drain(self) -> None:
        """Take in what was sent before the program died."""
        self._accept()
        for number in list(self._connections):
            self._receive(number)

    def stacks(self) -> dict[int, str]:
        """What faulthandler wrote, by process id; a process that can be asked has its file."""
        found = {}
        for path in self.directory.glob("stack-*"):
            with suppress(OSError, ValueError):
                text = path.read_text(encoding="utf-8", errors="replace")
                found[int(path.name.partition("-")[2])] = text
        return found

    def close(self) -> None:
        """Stop listening and remove the directory."""
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
        for number in list(self._connections):
            self._drop(number)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if len(self._connections) >= _MOST_CONNECTIONS:
                connection.close()
                continue
            connection.setblocking(False)
            raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            pid: int = _CREDENTIALS.unpack(raw)[0]
            self._connections[connection.fileno()] = (connection, pid)
            self._loop.add_reader(connection.fileno(), self._receive, connection.fileno())

    def _receive(self, number: int) -> None:
        connection, pid = self._connections[number]
        for _ in range(1000):
            try:
                packet = connection.recv(_PACKET_LIMIT)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                packet = b""
            if not packet:
                self._drop(number)
                return
            with suppress(ValueError, RecursionError):
                message = json.loads(packet)
                if isinstance(message, dict):
                    self._on_message(pid, message)

    def _drop(self, number: int) -> None:
        connection, _ = self._connections.pop(number)
        self._loop.remove_reader(number)
        connection.close()


def _private_directory() -> Path:
    """Somewhere that can be written even where the root file system cannot."""
    tried = [os.environ.get("JAXRUN_RUNTIME_DIR"), "/dev/shm", tempfile.gettempdir()]  # noqa: S108
    for parent in tried:
        if parent:
            with suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="jaxrun-", dir=parent))
    raise NoChannelError(f"none of {', '.join(filter(None, tried))} is writable")
