"""How far the programs are: the times of what happened first, and the gang's state from them.

A gang is Compiling from the first trace or compilation seen anywhere, and Running from the first
`jaxrun.report(step=...)`. A program that never reports is Running once no compilation has been
under way for `quiet` seconds after there was one; one without JAX, `quiet` seconds after its spawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jaxrun.contract import GangState
from jaxrun.program_progress import Progress

PHASES = (
    "spawned",
    "jax_imported",
    "initialising",
    "initialised",
    "compile_started",
    "step",
    "exiting",
)


@dataclass
class Track:
    """One process's progress, with the server's time of each phase's first sight."""

    latest: Progress = field(default_factory=lambda: Progress(epoch=0))
    at: dict[str, float] = field(default_factory=dict)
    last_compiling: float | None = None

    def add(self, seen: Progress, now: float) -> None:
        """Take in what the member said."""
        before = self.latest
        begun = seen.compile_started and not before.compile_started
        compiled = seen.compile_count > before.compile_count
        if begun or compiled or seen.compiling or before.compiling:
            self.last_compiling = now
        self.latest = seen
        for phase in PHASES:
            if phase in self.at:
                continue
            value = phase == "spawned" or getattr(seen, phase)
            if value is not None and value is not False:
                self.at[phase] = now


def first(tracks: Sequence[Track], phase: str) -> float | None:
    """When the first process got there."""
    return min((t.at[phase] for t in tracks if phase in t.at), default=None)


def last(tracks: Sequence[Track], phase: str) -> float | None:
    """When all had got there; None until then."""
    times = [t.at[phase] for t in tracks if phase in t.at]
    return max(times) if times and len(times) == len(tracks) else None


def quiet_since(tracks: Sequence[Track]) -> float | None:
    """Since when nothing is compiled any more; without JAX, since the spawn. None until then."""
    if any(t.latest.compile_started for t in tracks):
        if any(t.latest.compiling for t in tracks):
            return None
        return max((t.last_compiling for t in tracks if t.last_compiling is not None), default=None)
    without_jax = not any(t.latest.jax_importing or t.latest.jax_imported for t in tracks)
    return last(tracks, "spawned") if without_jax else None


def working_state(tracks: Sequence[Track], quiet: float, now: float) -> GangState:
    """Starting, Compiling or Running."""
    since = quiet_since(tracks)
    if any("step" in t.at for t in tracks) or (since is not None and now >= since + quiet):
        return GangState.RUNNING
    compiled = any(t.latest.compile_started for t in tracks)
    return GangState.COMPILING if compiled else GangState.STARTING
