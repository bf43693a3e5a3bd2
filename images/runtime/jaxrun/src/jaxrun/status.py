"""The contract's /status: the gang as process 0 sees it, or one process as itself."""

import math
import time
from dataclasses import dataclass
from typing import Any

from jaxrun import contract
from jaxrun.evidence import Verdict
from jaxrun.gang.progress import first, last
from jaxrun.gang.protocol import GangView, Progress
from jaxrun.gang.state import Gang
from jaxrun.settings import Settings
from jaxrun.termination import termination_record


@dataclass(frozen=True)
class Status:
    """A snapshot; times are Unix seconds."""

    settings: Settings
    view: GangView
    epoch: int
    progress: Progress
    step: int | None
    step_seconds: float | None
    times: dict[str, float | None]
    verdict: Verdict | None

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
            "checkpointStep": progress.checkpoint_step,
            "compile": {"count": progress.compile_count, "seconds": progress.compile_seconds},
            "times": self.times,
            "cause": termination_record(verdict) if failed and verdict is not None else None,
        }


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
