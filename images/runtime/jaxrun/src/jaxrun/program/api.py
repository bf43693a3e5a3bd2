"""What a program may call; see `jaxrun` itself."""

from __future__ import annotations

import os
import time

from jaxrun.program.reporter import CHANNEL, reporter
from jaxrun.program.spans import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any, TypeVar

    from jaxrun.program.flag import Flag
    from jaxrun.program.reporter import Reporter
    from jaxrun.program.spans import Spans

    T = TypeVar("T")

_SEND_INTERVAL_SECONDS = 0.1
_AGREEMENT_SECONDS = 5.0
_MOST_METRICS = 32
_INFINITY = float("inf")

_flag: Flag | None = None
_flag_pid = 0
_sent_at = 0.0
_waiting: dict[str, Any] = {}


def report(step: int | None = None, **metrics: Any) -> None:
    """Say which step has been done, with up to 32 named numbers such as the loss.

    Cheap enough for every step. A JAX array is never waited for: its number is sent by a later
    report, once it is there.
    """
    try:
        _report(step, metrics)
    except Exception:
        return


def checkpointed(step: int) -> None:
    """Say that a checkpoint of this step is complete: what a failure cannot take away any more."""
    try:
        line = reporter()
        if line is not None:
            line.note(checkpoint_step=int(step))
    except Exception:
        return


def should_stop() -> bool:
    """Whether to save and leave the training loop: this job's pods are about to be stopped.

    Call it once per step in every process: it turns True at the same call in all of them, so no
    process is left alone in a collective. Stays True. False outside of a launcher.
    """
    try:
        return _should_stop()
    except Exception:
        return False


class span:  # noqa: N801 - reads as a verb: with jaxrun.span("data")
    """A context: seconds inside it are told as waiting for "data", or as spent on a "checkpoint".

        with jaxrun.span("data"):
            batch = next(batches)
        with jaxrun.span("checkpoint"):
            save(state, step)

    They then count in the job's goodput as such, and not as productive steps. A few microseconds
    each; only the main thread is counted, as other threads work beside the steps. Of spans inside
    each other the inner one has its time. Other names count as nothing. Saves and restores by
    Orbax are told without a span.
    """

    __slots__ = ("_kind", "_since", "_spans")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._spans: Spans | None = None
        self._since = 0.0

    def __enter__(self) -> None:
        try:
            line = reporter()
            if line is not None and self._kind in KINDS and line.spans.here:
                self._spans = line.spans
                self._since = self._spans.begin(self._kind)
        except Exception:
            return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._spans is not None:
                spans, self._spans = self._spans, None
                spans.end(self._kind, self._since)
        except Exception:
            return


def data(batches: Iterable[T]) -> Iterator[T]:
    """The same items, with the time that each is waited for told as `span("data")` would."""
    source = iter(batches)
    while True:
        with span("data"):
            try:
                batch = next(source)
            except StopIteration:
                return
        yield batch


def warm(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Compile a jitted or plain function for such arguments, without running it.

    Arguments are arrays, `jax.ShapeDtypeStruct`s or pytrees of them: it needs no data and no
    weights. The entry in the compile cache is that of a real call; returned is the compiled
    object. Works outside of a launcher too, and raises what tracing and compiling raise.
    """
    line = _line()
    if line is not None:
        # Tracing may take long, and is no idleness.
        line.note(compile_started=True, compiling=True)
    try:
        if not hasattr(fn, "lower"):
            import jax

            fn = jax.jit(fn)
        lowered: Any = fn
        return lowered.lower(*args, **kwargs).compile()
    finally:
        if line is not None:
            line.note(compiling=False)


def _line() -> Reporter | None:
    try:
        return reporter()
    except Exception:
        return None


def _report(step: int | None, metrics: dict[str, Any]) -> None:
    global _sent_at
    line = reporter()
    if line is None:
        return
    for name, value in metrics.items():
        if name in _waiting or len(_waiting) < _MOST_METRICS:
            _waiting[name] = value
    if step is not None:
        step = int(step)
        flag = _shared_flag()
        if flag is not None and line.speaks:
            flag.step = step
        line.spans.step()
        first = "step" not in line.progress
        line.progress["step"] = step
    else:
        first = False
    now = time.monotonic()
    if first or now >= _sent_at + _SEND_INTERVAL_SECONDS:
        _sent_at = now
        _take_ready_numbers(line.progress.setdefault("metrics", {}))
        line.note()


def _take_ready_numbers(numbers: dict[str, float | None]) -> None:
    for name, value in list(_waiting.items()):
        ready = getattr(value, "is_ready", None)
        try:
            if ready is not None and not ready():
                continue
            number = float(value)
            numbers[name[:64]] = number if abs(number) < _INFINITY else None
        except Exception:
            numbers.pop(name[:64], None)
        del _waiting[name]


def _should_stop() -> bool:
    flag = _shared_flag()
    if flag is None:
        return False
    flag.calls = call = flag.calls + 1
    if flag.frozen and not flag.stop_at:
        deadline = time.monotonic() + _AGREEMENT_SECONDS
        while not flag.stop_at and time.monotonic() < deadline:
            time.sleep(0.001)
    return 0 < flag.stop_at <= call


def _shared_flag() -> Flag | None:
    """None outside of a launcher, and in children that are not the program."""
    global _flag, _flag_pid
    if _flag_pid != os.getpid():
        _flag_pid = os.getpid()
        _flag = None
        line = reporter()
        if os.environ.get(CHANNEL) and line is not None and line.speaks:
            from jaxrun.program.flag import Flag

            _flag = Flag(f"{line.directory}/flag")
    return _flag
