"""Where a service stands, in a word and a sentence.

Pending         its spec cannot be turned into pods
WarmingUp       the first replica of a revision waits until it is compiled
Starting        replicas start, and nothing is wrong
Ready           all replicas of the only revision serve
Degraded        fewer serve than are wanted, and something is wrong
RollingOut      one revision gives way to another
RolloutStopped  the new revision does not get ready; the old one serves
Idle            scaled to zero
Failed          the first revision does not get ready, and nothing serves
"""

from dataclasses import dataclass

from jaxop.api.v1alpha1.jaxservice_status import RolloutStanding, ServiceState
from jaxop.domain.service import reasons
from jaxop.domain.service.cause import NotReady
from jaxop.domain.service.hold import Held


@dataclass(frozen=True, slots=True)
class Standing:
    state: ServiceState
    reason: str
    message: str


def where_it_stands(
    *,
    ready: int,
    wanted: int,
    rollout: RolloutStanding | None,
    first: bool,
    held: Held | None,
    why: NotReady | None,
) -> Standing:
    """`ready` of all revisions; `first`: no revision has been rolled out before; `why` the
    replicas of the revision that the spec describes are not ready."""
    if rollout is not None and rollout.stopped is not None:
        reason = rollout.stopped_reason or reasons.PROGRESS_DEADLINE
        if ready:
            told = f"{rollout.stopped}; {ready} of {wanted} replicas serve"
            return Standing("RolloutStopped", reason, told)
        return Standing("Failed" if first else "RolloutStopped", reason, rollout.stopped)
    if held is not None:
        serving = f"; {ready} replicas of an earlier revision serve" if ready else ""
        return Standing("WarmingUp", held.reason, f"{held.message}{serving}")
    if wanted == 0 and ready == 0:
        return Standing("Idle", reasons.SCALED_TO_ZERO, "spec.replicas is 0")
    if rollout is not None and not first:
        return _rolling_out(rollout, ready, why)
    if ready >= wanted:
        return Standing("Ready", reasons.ALL_READY, f"all {wanted} replicas serve")
    if why is not None and (why.problem or why.final):
        return Standing("Degraded" if not first else "Starting", why.reason, why.message)
    told = f"{ready} of {wanted} replicas serve"
    if why is not None:
        return Standing("Starting", why.reason, f"{told}: {why.message}")
    return Standing("Starting", reasons.REPLICAS_STARTING, told)


def _rolling_out(rollout: RolloutStanding, ready: int, why: NotReady | None) -> Standing:
    if why is not None and why.problem:
        return Standing("RollingOut", why.reason, f"{rollout.step}: {why.message}")
    if ready == 0:
        return Standing("RollingOut", reasons.NO_REPLICA_READY, rollout.step)
    return Standing("RollingOut", reasons.REPLACING, rollout.step)
