"""Notices how the interpreter ends, before JAX's shutdown barrier can hang in atexit.

An uncaught exception passes sys.excepthook, still with its traceback. sys.exit(n) passes nothing:
so sys.exit raises a SystemExit that can be watched, and where that one dies with no Python frame
below it, nobody has caught it and n is the exit code. `raise SystemExit(n)` is seen by `unwinding`,
once JAX's world has been entered. What is left (falling off the end, `raise SystemExit` otherwise)
is seen by atexit, with the code unknown. os._exit and signals the launcher sees.
"""

from __future__ import annotations

import _thread
import atexit
import os
import sys

from jaxrun.program import jax_import
from jaxrun.program.reporter import Reporter, reporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any, NoReturn

_MESSAGE_LIMIT = 2000
_TRACEBACK_LIMIT = 4000

_main_thread = _thread.get_ident()
_told = False


def install() -> None:
    """For sitecustomize; does nothing outside of a launcher."""
    line = reporter()
    if line is None:
        return
    _watch_exceptions(line)
    _watch_exit(line)
    if line.top:
        _offer_stack(line)
    jax_import.wait_for_jax(line, _come_before_jax, watch_system_exit)


def watch_system_exit(line: Reporter) -> None:
    """For a process that has come to JAX's world, whose barrier would hide its exit code."""
    from jaxrun.program import unwinding

    def tell(status: Any) -> None:
        if line.pid == os.getpid():
            _tell_exit(line, status)

    try:
        unwinding.watch(tell, _main_thread)
    except Exception:
        return


def _watch_exceptions(line: Reporter) -> None:
    previous = sys.excepthook

    def excepthook(
        kind: type[BaseException], value: BaseException, traceback: TracebackType | None
    ) -> None:
        fatal = _is_end(sys._getframe())
        if fatal:
            _tell_exception(line, value)
        try:
            previous(kind, value, traceback)
        finally:
            if fatal:
                _flush()
                line.send("printed", {}, urgent=True)

    sys.excepthook = excepthook


def _is_end(frame: FrameType | None) -> bool:
    """Whether the interpreter itself called the hook: no module is being run below it."""
    if _thread.get_ident() != _main_thread:
        return False
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return False
        frame = frame.f_back
    return True


def _tell_exception(line: Reporter, value: BaseException) -> None:
    global _told
    if _told:
        return
    _told = True
    try:
        line.send("raised", _described(line, value), urgent=True)
    except Exception:
        line.send("raised", {"type": type(value).__name__, "message": ""}, urgent=True)


def _described(line: Reporter, value: BaseException) -> dict[str, Any]:
    import traceback

    try:
        message = str(value)
    except Exception:
        message = "(its str() failed)"
    where = ""
    for frame in traceback.extract_tb(value.__traceback__):
        if not where or not _is_library(frame.filename):
            where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    text = "".join(traceback.format_exception(type(value), value, value.__traceback__))
    return {
        "type": type(value).__name__,
        "bases": [kind.__name__ for kind in type(value).__mro__][:16],
        "message": message[:_MESSAGE_LIMIT],
        "where": where,
        "traceback": text[-_TRACEBACK_LIMIT:],
        "compiling": bool(line.progress.get("compiling")),
    }


def _is_library(filename: str) -> bool:
    parts = ("site-packages", "dist-packages", f"{os.sep}lib{os.sep}python", "<frozen")
    return any(part in filename for part in parts)


def _watch_exit(line: Reporter) -> None:
    from _weakref import ref  # the same as weakref's, without the import of all the rest

    class WatchedExit(SystemExit):
        def __reduce__(self) -> tuple[type[SystemExit], tuple[Any, ...]]:
            return SystemExit, self.args

    WatchedExit.__name__ = WatchedExit.__qualname__ = "SystemExit"
    WatchedExit.__module__ = "builtins"
    watches: set[Any] = set()

    def watched(status: Any) -> SystemExit:
        # The instance must not stay in any local variable: its traceback would keep it alive.
        instance = WatchedExit() if status is None else WatchedExit(status)

        def died(watch: Any) -> None:
            watches.discard(watch)
            if sys._getframe().f_back is None and _thread.get_ident() == _main_thread:
                _tell_exit(line, status)

        watches.add(ref(instance, died))
        return instance

    def exit(status: Any = None, /) -> NoReturn:
        """Exit the interpreter by raising SystemExit(status)."""
        raise watched(status)

    sys.exit = exit
    atexit.register(_at_exit, line)


def _tell_exit(line: Reporter, status: Any) -> None:
    global _told
    if _told:
        return
    _told = True
    code = 0 if status is None else status if isinstance(status, int) else 1
    _flush()
    line.send("exiting", {"code": code & 0xFF}, urgent=True)


def _at_exit(line: Reporter) -> None:
    if _told or line.pid != os.getpid():
        return
    raised = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if isinstance(raised, BaseException):
        # Somebody replaced sys.excepthook without calling the previous one.
        _tell_exception(line, raised)
        _flush()
        line.send("printed", {}, urgent=True)
    elif line.progress:
        line.note()
        line.send("exiting", {"code": None}, urgent=True)


def _come_before_jax(line: Reporter) -> None:
    """Handlers run last in, first out, and JAX's own, with the barrier, came at its import."""
    atexit.unregister(_at_exit)
    atexit.register(_at_exit, line)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue


def _offer_stack(line: Reporter) -> None:
    """On the launcher's signal, faulthandler writes all stacks into the file named for our pid."""
    import _signal  # type: ignore[import-not-found]  # without signal's enums
    import faulthandler

    number = _signal.SIGRTMIN + 7
    if _signal.getsignal(number) != _signal.SIG_DFL:
        return
    file = open(f"{line.directory}/stack-{line.pid}", "w", encoding="utf-8")  # noqa: SIM115
    faulthandler.register(number, file=file, all_threads=True)
