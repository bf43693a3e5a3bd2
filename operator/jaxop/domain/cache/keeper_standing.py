"""Does the keeper do its work, and if not, why not?

A keeper that is silent for a moment (it is replaced, its node restarts) is not told as down: the
status stays as it was.
"""

from datetime import datetime
from typing import Final

from jaxop.domain import contract
from jaxop.domain.cache import names
from jaxop.domain.cache.snapshot import KeeperPod, Snapshot
from jaxop.domain.cache.standing import COST, Standing
from jaxop.domain.jaxjob.standing.container_start import HARMLESS
from jaxop.domain.jaxjob.standing.image_pull import REASONS as IMAGE_REASONS
from jaxop.domain.jaxjob.standing.image_pull import in_short as pull_in_short
from jaxop.domain.jaxjob.standing.unschedulable import in_short as scheduling_in_short
from jaxop.domain.jaxjob.views import ContainerWaiting

QUIET_SECONDS: Final = 60.0
"""Without a report, before that is told: its pod may be replaced, and find its image, meanwhile."""


def where_it_stands(snapshot: Snapshot, now: datetime) -> Standing:
    """For a cache whose claim is bound."""
    old, report = snapshot.cache.status, snapshot.report
    if report is not None and snapshot.unheard_since is None:
        if report.healthy:
            claim = names.claim_of(snapshot.cache)
            ready = f"programs are read from PersistentVolumeClaim {claim}, and new ones published"
            return Standing("Ready", "Ready", ready, usable=True)
        problem = report.problem or "the keeper does not say why"
        return _down(old.usable, "KeeperDegraded", problem)
    pod = snapshot.keeper_pod
    quiet = _seconds_since(snapshot.unheard_since, now)
    if pod is not None and pod.ready:
        asked = min(quiet, _seconds_since(snapshot.asked_since, now))
        if asked < QUIET_SECONDS:
            return _as_before(snapshot, QUIET_SECONDS - asked)
        return Standing("Degraded", "NoReport", _unheard(pod), usable=True)
    reason, why = _why_it_does_not_run(snapshot, pod)
    if old.usable and quiet < QUIET_SECONDS:
        return _as_before(snapshot, QUIET_SECONDS - quiet)
    return _down(old.usable, reason, why)


def _down(usable: bool, reason: str, why: str) -> Standing:
    """Until its keeper has been ready for the first time, a cache starts."""
    if usable:
        return Standing("Degraded", reason, f"{why}; {COST}", usable=True)
    return Standing("Starting", reason, why)


def _as_before(snapshot: Snapshot, look_again: float) -> Standing:
    old = snapshot.cache.status
    if old.state not in ("Starting", "Ready", "Degraded"):
        waits = "its keeper has not reported yet"
        return Standing("Starting", "KeeperStarting", waits, usable=False, look_again=look_again)
    return Standing(
        old.state,
        old.reason or old.state,
        old.message or "",
        usable=old.usable,
        look_again=look_again,
    )


def _seconds_since(time: datetime | None, now: datetime) -> float:
    return max(0.0, (now - time).total_seconds()) if time is not None else 0.0


def _unheard(pod: KeeperPod) -> str:
    return (
        f"the keeper's pod {pod.name} is ready, but does not answer the operator at "
        f"{pod.ip}:{contract.KEEPER_PORT}: entries are published, their numbers unknown; allow "
        "that port in the namespace's NetworkPolicies"
    )


def _why_it_does_not_run(snapshot: Snapshot, pod: KeeperPod | None) -> tuple[str, str]:
    """A reason and a sentence that stay the same while nothing changes."""
    if pod is None:
        if snapshot.pod_refusal is not None:
            return "PodRefused", f"the keeper's pod cannot be created: {snapshot.pod_refusal}"
        return "KeeperStarting", "the keeper's pod is being created"
    if pod.unschedulable is not None:
        told = scheduling_in_short(pod.unschedulable)
        return "Unschedulable", f"the keeper's pod cannot be scheduled: {told}"
    for waiting in pod.waiting:
        if waiting.reason in IMAGE_REASONS:
            return "ImagePull", _image(waiting)
        if waiting.reason == "CrashLoopBackOff":
            logs = f"kubectl logs deployment/{names.keeper(snapshot.cache.metadata.name)}"
            return "KeeperCrashes", f"the keeper ends again and again: {logs} says why"
        if waiting.reason not in HARMLESS:
            said = f": {waiting.message}" if waiting.message else ""
            return "KeeperCannotStart", f"the keeper cannot start: {waiting.reason}{said}"
    if pod.phase == "Running":
        return "KeeperNotReady", f"the keeper's pod {pod.name} runs, but is not ready yet"
    look = f"kubectl describe pod {pod.name} says what it waits for"
    return "KeeperStarting", f"the keeper's pod is starting; {look}"


def _image(waiting: ContainerWaiting) -> str:
    said = pull_in_short(waiting)
    detail = f" ({said})" if said else ""
    return (
        f"image {waiting.image} cannot be pulled{detail}: check the operator's runtime image "
        "setting, and the imagePullSecrets of the namespace's ServiceAccount default"
    )
