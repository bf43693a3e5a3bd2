"""The contract's /status: the gang as process 0 sees it, or one process as itself."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxrun import contract
from jaxrun.cache.use import CacheUse
from jaxrun.compile_status import FirstStep, cache_json, compile_json
from jaxrun.evidence import Verdict
from jaxrun.gang.memory import Memory, Record
from jaxrun.gang.progress import first, last
from jaxrun.gang.protocol import GangView
from jaxrun.gang.state import Gang, Stopping
from jaxrun.program_progress import Progress
from jaxrun.restart_policy import ledger_json
from jaxrun.run import Run
from jaxrun.serving import Serving, serving_json
from jaxrun.settings import Settings
from jaxrun.termination import exception_json, termination_record

_TIMES = (
    "launcherStarted",
    "allJoined",
    "spawned",
    "jaxImported",
    "initialised",
    "firstCompile",
    "firstStep",
    "finished",
)


@dataclass(frozen=True)
class Status:
    """A snapshot; times are Unix seconds."""

    settings: Settings
    view: GangView
    epoch: int
    progress: Progress
    step: int | None
    step_seconds: float | None
    times: Mapping[str, float | None]
    verdict: Verdict | None
    memory: Memory = Memory()
    checkpoint_step: int | None = None
    stop: Stopping | None = None
    goodput: Mapping[str, float] = field(default_factory=dict)
    first_step: FirstStep | None = None
    """Of this process's program in this epoch."""
    cache_use: CacheUse = CacheUse()
    serving: Serving | None = None
    """What the model server said, if the program is one."""

    def as_json(self) -> dict[str, Any]:
        """The contract's `status` object."""
        progress, verdict = self.progress, self.verdict
        failed = verdict is not None and verdict.cause is not None
        return {
            "version": contract.VERSION,
            "job": self.settings.job,
            "attempt": self.settings.attempt,
            "epoch": self.epoch,
            "processId": self.settings.process_id,
            "numProcesses": self.settings.num_processes,
            "state": self.view.state.value,
            "joined": self.view.joined,
            "missing": list(self.view.missing),
            "step": self.step,
            "metrics": {
                name: value if math.isfinite(value) else None
                for name, value in progress.metrics.items()
            },
            "checkpointStep": self.checkpoint_step,
            "compile": compile_json(progress),
            "cache": cache_json(progress, self.cache_use, self.first_step),
            "firstStepSeconds": self.first_step.seconds if self.first_step is not None else None,
            "serving": serving_json(self.serving) if self.serving is not None else None,
            "times": {name: self.times.get(name) for name in _TIMES},
            "stop": _stop_json(self.stop) if self.stop is not None else None,
            "ledger": ledger_json(self.memory.ledger),
            "restarts": [_record_json(record) for record in self.memory.restarts],
            "goodput": {name: self.goodput.get(name, 0.0) for name in contract.GOODPUT},
            "cause": termination_record(verdict) if failed and verdict is not None else None,
        }


def server_status(
    settings: Settings,
    gang: Gang,
    view: GangView,
    run: Run | None,
    launcher_started: float,
    verdict: Verdict | None,
    cache_use: CacheUse = CacheUse(),
) -> Status:
    """The gang's, told by process 0; what is compiled and found in the cache is its own."""
    now = time.monotonic()
    epoch = gang.epoch.number if gang.epoch is not None else 0
    mine = run if run is not None and run.epoch == epoch else None
    step = mine.step if mine is not None else None
    return Status(
        settings=settings,
        view=view,
        epoch=gang.memory.epoch,
        progress=mine.progress if mine is not None else Progress(0),
        step=step if step is not None else gang.step,
        step_seconds=mine.step_seconds if mine is not None else None,
        times=gang_times(gang, launcher_started, now),
        verdict=verdict,
        memory=gang.memory,
        checkpoint_step=gang.checkpoint_step,
        stop=gang.stop,
        goodput=gang.books.parts(now),
        first_step=mine.first_step if mine is not None else None,
        cache_use=cache_use,
        serving=mine.serving if mine is not None else None,
    )


def member_status(
    settings: Settings,
    view: GangView,
    run: Run | None,
    times: Mapping[str, float | None],
    memory: Memory,
    verdict: Verdict | None,
    cache_use: CacheUse = CacheUse(),
) -> Status:
    """A process's own, with what it knows of the gang."""
    progress = run.progress if run is not None else Progress(0)
    saved = [s for s in (progress.checkpoint_step, memory.checkpoint_step) if s is not None]
    step = run.step if run is not None else None
    return Status(
        settings=settings,
        view=view,
        epoch=run.epoch if run is not None else memory.epoch,
        progress=progress,
        step=step if step is not None else memory.step,
        step_seconds=run.step_seconds if run is not None else None,
        times=times,
        verdict=verdict,
        memory=memory,
        checkpoint_step=max(saved, default=None),
        first_step=run.first_step if run is not None else None,
        cache_use=cache_use,
        serving=run.serving if run is not None else None,
    )


def gang_times(gang: Gang, launcher_started: float, now: float) -> dict[str, float | None]:
    """When the gang got where: all of it for what needs all, the first for the others."""
    to_unix = time.time() - now
    epoch = gang.epoch
    tracks = [p.track for p in epoch.processes] if epoch is not None else []

    def unix(monotonic: float | None) -> float | None:
        return monotonic + to_unix if monotonic is not None else None

    return {
        "launcherStarted": launcher_started,
        "allJoined": unix(gang.joined_at),
        "spawned": unix(last(tracks, "spawned")),
        "jaxImported": unix(last(tracks, "jax_imported")),
        "initialised": unix(last(tracks, "initialised")),
        "firstCompile": unix(first(tracks, "compile_started")),
        "firstStep": unix(first(tracks, "step")),
        "finished": unix(epoch.verdict_at if epoch is not None else None),
    }


def _stop_json(stop: Stopping) -> dict[str, Any]:
    request = stop.request
    return {
        "process": request.process,
        "host": request.host,
        "signal": request.signal,
        "time": stop.time,
    }


def _record_json(record: Record) -> dict[str, Any]:
    return {
        "epoch": record.epoch,
        "cause": record.cause.value,
        "message": record.message,
        "process": record.process,
        "host": record.host,
        "exitCode": record.exit_code,
        "signal": record.signal,
        "exception": exception_json(record.exception),
        "step": record.step,
        "checkpointStep": record.checkpoint_step,
        "time": record.time,
        "retryAt": record.retry_at,
        "spawned": record.spawned,
    }
