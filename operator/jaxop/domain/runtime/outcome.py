"""What is known of a runtime on one class, from its Job and from what the status has of it.

    Pending    the pod starts, or waits for room
    Failed     nothing could be found out; without a time, only until now
    Mismatch   found, but not what the spec says
    Verified   found, and so

What has a time is settled: its Job goes, and it holds as long as what was verified is the same. A
settled failure is tried again after an hour.
"""

from datetime import datetime, timedelta
from typing import Final

from jaxop.api.v1alpha1.jax_runtime import JaxRuntimeSpec, RuntimeFound
from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.standing import container_start, image_pull, unschedulable
from jaxop.domain.jaxjob.views import ContainerEnd, PodView
from jaxop.domain.runtime.job import pod_spec
from jaxop.domain.runtime.mismatch import differences
from jaxop.domain.runtime.reading import Inspection, inspection_of
from jaxop.domain.runtime.snapshot import Snapshot, VerificationJob

PATIENCE: Final = timedelta(seconds=60)
"""For the pod to exist, before somebody should look why it does not."""
RETRY: Final = timedelta(hours=1)
STARTING: Final = "its pod is being created and started"


def judged(spec: JaxRuntimeSpec, layout: SliceLayout, found: RuntimeFound) -> RuntimeFound:
    """A result against what is expected now."""
    different = differences(spec, layout, found)
    return found.replace(state="Mismatch" if different else "Verified", message=different)


def is_result(found: RuntimeFound) -> bool:
    return found.state in ("Verified", "Mismatch")


def seconds_until_retry(found: RuntimeFound, now: datetime) -> float | None:
    """None for what is not a settled failure; 0 for one whose time has come."""
    if found.state != "Failed" or found.time is None:
        return None
    return max(0.0, (found.time + RETRY - now).total_seconds())


def without_job(name: str, old: RuntimeFound | None, spec_hash: str) -> RuntimeFound:
    """Its Job is to be made. A failure that is tried again stays in sight meanwhile."""
    if old is not None and old.state == "Failed" and old.time is not None:
        return old
    return RuntimeFound(accelerator=name, state="Pending", message=STARTING, spec_hash=spec_hash)


def with_job(
    snapshot: Snapshot,
    layout: SliceLayout,
    job: VerificationJob,
    old: RuntimeFound | None,
    spec_hash: str,
    now: datetime,
) -> RuntimeFound:
    """`old` is what the status has of it, for the same hash."""
    name = layout.class_name
    base = RuntimeFound(accelerator=name, state="Failed", spec_hash=spec_hash)
    inspection = inspection_of(job.pods)
    if inspection is not None:
        found = _found(base, inspection, now)
        return found if found.message else judged(snapshot.runtime.spec, layout, found)
    if job.failed is not None:
        return base.replace(message=_failure(job), time=now)
    alive = [pod for pod in job.pods if not pod.over]
    unplaced = [pod for pod in alive if pod.unschedulable is not None and not pod.node]
    if unplaced:
        if snapshot.nodes_pending:
            return old or base.replace(state="Pending", message=STARTING)
        return base.replace(state="Pending", message=_no_room(snapshot, layout, unplaced))
    problem = _cannot_start(snapshot, job, alive, now)
    if problem:
        return base.replace(message=problem)
    if old is not None and old.state == "Failed":
        return old
    return base.replace(state="Pending", message=STARTING)


def seconds_of_patience(job: VerificationJob, now: datetime) -> float | None:
    """Until a Job without a pod is a problem; None where it has one, or is one already."""
    if job.pods or job.failed is not None or job.created_at is None:
        return None
    left = (job.created_at + PATIENCE - now).total_seconds()
    return left if left > 0 else None


def _found(base: RuntimeFound, inspection: Inspection, now: datetime) -> RuntimeFound:
    return base.replace(
        message=inspection.error or "",
        jax=inspection.jax,
        jaxlib=inspection.jaxlib,
        python=inspection.python,
        compression=inspection.compression,
        platform=inspection.platform,
        platform_version=inspection.platform_version,
        device=inspection.device,
        devices=inspection.devices,
        time=inspection.finished_at or now,
    )


def _failure(job: VerificationJob) -> str:
    """For a Job that has failed without a word of `jaxrun inspect`."""
    for pod in reversed(job.pods):
        for end in pod.ends:
            if end.exit_code != 0:
                return _how(end)
        if pod.reason or pod.message:
            return f"its pod failed: {pod.message or pod.reason}"
    return f"its Job failed: {job.failed_message or job.failed}"


def _how(end: ContainerEnd) -> str:
    why = f" ({end.reason})" if end.reason not in ("", "Error") else ""
    lines = end.message.strip().splitlines()
    said = f": {lines[-1].strip()[:256]}" if lines else ""
    return f"container {end.container} exited with {end.exit_code}{why}{said}"


def _no_room(snapshot: Snapshot, layout: SliceLayout, unplaced: list[PodView]) -> str:
    pod = pod_spec(snapshot.runtime, layout, snapshot.settings.runtime_image)
    return unschedulable.explain(
        unplaced,
        layout,
        pod.get("nodeSelector") or {},
        pod["tolerations"],
        snapshot.nodes,
        otherwise="take the class out of spec.accelerators and of the jobs that name this runtime",
    )


def _cannot_start(
    snapshot: Snapshot, job: VerificationJob, alive: list[PodView], now: datetime
) -> str | None:
    namespace = snapshot.settings.namespace
    for pod in alive:
        for waiting in pod.waiting:
            if waiting.reason not in image_pull.REASONS:
                continue
            said = image_pull.in_short(waiting)
            remedy = (
                "check the operator's runtime image setting"
                if waiting.container == contract.INIT_CONTAINER
                else "check spec.image, and the imagePullSecrets of ServiceAccount default in "
                f"namespace {namespace}"
            )
            detail = f" ({said})" if said else ""
            return f"image {waiting.image} cannot be pulled{detail}: {remedy}"
    held = container_start.explain(alive, 1)
    if held is not None:
        return held
    missing = not job.pods and job.created_at is not None
    if missing and seconds_of_patience(job, now) is None:
        return f"its pod does not exist; see why: kubectl describe job -n {namespace} {job.name}"
    return None
