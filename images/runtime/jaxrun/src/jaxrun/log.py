"""The launcher's own few lines on stderr; written by a thread, as a full pipe would block."""

import os
import queue
import threading
import time

_PREFIX = "jaxrun: "
_MOST_WAITING = 1000

_lines: "queue.Queue[str]" = queue.Queue(_MOST_WAITING)
_started = threading.Event()


def say(text: str) -> None:
    """One line for a person; never blocks, and is dropped when nobody reads stderr."""
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_write, name="jaxrun-log", daemon=True).start()
    try:
        _lines.put_nowait(text)
    except queue.Full:
        return


def flush(seconds: float = 1.0) -> None:
    """Wait until what was said is written, for at most so long."""
    deadline = time.monotonic() + seconds
    while _lines.unfinished_tasks and time.monotonic() < deadline:
        time.sleep(0.002)


def _write() -> None:
    while True:
        text = _lines.get()
        try:
            os.write(2, "".join(f"{_PREFIX}{line}\n" for line in text.splitlines()).encode())
        except OSError:
            pass
        finally:
            _lines.task_done()
