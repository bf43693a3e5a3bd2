"""The program's line to its launcher: messages over a local socket, dropped rather than waited for.

Progress is sent whole every time, so a dropped message is repaired by the next. Only news of the
interpreter's end is worth up to a second of waiting.
"""

from __future__ import annotations

import _thread
import os
import time

from jaxrun.program.spans import Spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CHANNEL = "JAXRUN_CHANNEL"
"""The launcher's directory for this program: the socket `reports`, the file `flag`."""
TOP = "JAXRUN_TOP_PID"
"""The outermost Python process; those below it, such as data loaders, are not the program."""
_URGENT_SECONDS = 1.0


class Reporter:
    """This process's reporter; in a forked child it is silent."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.pid = os.getpid()
        self.main_thread = _thread.get_ident()
        self.top = os.environ.setdefault(TOP, str(self.pid)) == str(self.pid)
        self.initialised = False
        self.progress: dict[str, Any] = {}
        self.spans = Spans(self)
        self._socket: Any = None
        self._broken = False

    @property
    def speaks(self) -> bool:
        """Whether the launcher wants to hear of it: it is the program, or in its world."""
        return (self.top or self.initialised) and self.pid == os.getpid() and not self._broken

    def note(self, **progress: Any) -> None:
        """Progress of whatever kind, sent at once."""
        self.progress.update(progress)
        self.send("progress", self.progress)

    def send(self, kind: str, body: dict[str, Any], urgent: bool = False) -> None:
        """One message; never raises."""
        if not self.speaks:
            return
        try:
            self._send(kind, body, urgent)
        except Exception:
            self._broken = True

    def _send(self, kind: str, body: dict[str, Any], urgent: bool) -> None:
        import json  # imported late: most Python processes never get here

        head = {"kind": kind, "top": self.top, "initialised": self.initialised}
        packet = json.dumps({**head, **body}).encode()
        if self._socket is None:
            import socket

            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._socket.setblocking(False)
            self._socket.connect(f"{self.directory}/reports")
        deadline = time.monotonic() + _URGENT_SECONDS
        while True:
            try:
                self._socket.send(packet)
                return
            except (BlockingIOError, InterruptedError):
                if not urgent or time.monotonic() > deadline:
                    return
                time.sleep(0.005)


_reporter: Reporter | None = None


def reporter() -> Reporter | None:
    """The one of this process; None outside of a launcher."""
    global _reporter
    if _reporter is None:
        directory = os.environ.get(CHANNEL)
        if directory:
            _reporter = Reporter(directory)
    return _reporter
