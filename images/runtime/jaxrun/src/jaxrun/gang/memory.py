"""What must outlive launcher 0: it tells every member, and they tell its successor.

Pure data, small enough for a handshake.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from jaxrun.contract import Cause
from jaxrun.evidence import ExceptionReport, Verdict
from jaxrun.gang import wire
from jaxrun.goodput import Carried
from jaxrun.restart_policy import Ledger

_MOST_RECORDS = 16
_LONGEST_TEXT = 500
_RECORDS_LIMIT_BYTES = 20 * 1024


@dataclass(frozen=True)
class Record:
    """One epoch that failed and is followed by another; times are Unix seconds."""

    epoch: int
    cause: Cause
    message: str
    process: int | None
    host: str | None
    exit_code: int
    signal: int | None
    exception: ExceptionReport | None
    step: int | None
    checkpoint_step: int | None
    time: float
    retry_at: float
    spawned: float | None = None
    """When all programs of the next epoch ran."""


@dataclass(frozen=True)
class Memory:
    """The life of a gang so far, and so what the next epoch builds on."""

    epoch: int = 0
    """The highest that anybody was told to start."""
    ledger: Ledger = Ledger()
    restarts: tuple[Record, ...] = ()
    step: int | None = None
    checkpoint_step: int | None = None
    goodput: Carried | None = None

    def with_failure(self, verdict: Verdict, ledger: Ledger, delay_seconds: float) -> "Memory":
        """After an epoch that failed and is followed by another."""
        assert verdict.cause is not None
        record = Record(
            epoch=verdict.epoch,
            cause=verdict.cause,
            message=verdict.message[:_LONGEST_TEXT],
            process=verdict.process,
            host=verdict.host,
            exit_code=verdict.exit_code,
            signal=verdict.signal,
            exception=_shortened(verdict.exception),
            step=verdict.step,
            checkpoint_step=self.checkpoint_step,
            time=verdict.time,
            retry_at=verdict.time + delay_seconds,
        )
        records = _bounded((*self.restarts, record)[-_MOST_RECORDS:])
        return replace(self, ledger=ledger, restarts=records)

    def with_all_spawned(self, time: float) -> "Memory":
        """The epoch after the last failure runs."""
        if not self.restarts or self.restarts[-1].spawned is not None:
            return self
        *before, last = self.restarts
        return replace(self, restarts=(*before, replace(last, spawned=time)))


def most_advanced(memories: Iterable[Memory]) -> Memory:
    """What holds when several tell, some of whom missed the last events."""
    heard = list(memories)
    best = max(heard, key=_order)
    steps = [m.checkpoint_step for m in heard if m.checkpoint_step is not None]
    return replace(best, checkpoint_step=max(steps, default=None))


def _order(memory: Memory) -> tuple[int, int, int, float]:
    """A launcher that has just started has the latest account, but knows nothing."""
    account = memory.goodput
    kept_until = account.time if account is not None else 0.0
    return memory.epoch, memory.ledger.restarts, len(memory.restarts), kept_until


def _bounded(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Only as many of the latest as a handshake has room for."""
    sizes = [len(json.dumps(wire.to_data(record))) for record in records]
    while sum(sizes[-len(records) :]) > _RECORDS_LIMIT_BYTES and len(records) > 1:
        records = records[1:]
    return records


def _shortened(exception: ExceptionReport | None) -> ExceptionReport | None:
    if exception is None:
        return None
    return ExceptionReport(exception.type[:200], exception.message[:_LONGEST_TEXT])
