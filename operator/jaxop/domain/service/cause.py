"""Why replicas of a revision are not ready, best evidence first.

PodsRefused            the Deployment may not make pods (a quota, a policy)
a cause of JaxJobs     the server ended: what its launcher says, the exception included
ImagePull, Unschedulable, ContainerCannotStart
                       as for a JaxJob
ServerUnready          the server says so itself, with its reason
LoadingModel           nothing is wrong: buckets are being compiled and executed
ReplicasStarting       nothing is wrong: pods start
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures.pod_cause import cause_of
from jaxop.domain.jaxjob.standing import container_start, image_pull, unschedulable
from jaxop.domain.service import reasons
from jaxop.domain.service.counting import ENDED, serves
from jaxop.domain.service.snapshot import Snapshot
from jaxop.domain.service.views import DeploymentView, ReplicaPodView

GIVEN_UP_AFTER: Final = 3
"""Restarts of a container, each after its launcher has restarted the server in place for as long as
that made sense."""


@dataclass(frozen=True, slots=True)
class NotReady:
    reason: str
    message: str
    problem: bool = True
    """False while everything goes as it should."""
    final: bool = False
    """Waiting longer changes nothing."""


def not_ready(snapshot: Snapshot, revision: str, layout: SliceLayout) -> NotReady | None:
    """None where all replicas of it are ready, or there are none."""
    deployment = next((d for d in snapshot.deployments if d.revision == revision), None)
    if deployment is not None and deployment.refused is not None:
        return NotReady(reasons.PODS_REFUSED, f"pods cannot be made: {deployment.refused}")
    pods = [p for p in snapshot.pods if p.revision == revision]
    waiting = [p for p in pods if not p.pod.ready and not p.pod.terminating and not p.pod.over]
    return (
        _ended(waiting, layout)
        or _cannot_start(snapshot, deployment, waiting, len(pods), layout)
        or _failed_replica(snapshot, revision)
        or _server(snapshot, waiting)
        or _starting(snapshot, revision, deployment, pods)
    )


def _ended(waiting: Sequence[ReplicaPodView], layout: SliceLayout) -> NotReady | None:
    ended = [p for p in waiting if p.last_end is not None and p.last_end.exit_code != 0]
    if not ended:
        return None
    worst = max(ended, key=lambda p: (p.restarts, p.pod.name))
    assert worst.last_end is not None
    why = cause_of(replace(worst.pod, ends=(worst.last_end,)), layout)
    times = f", {worst.restarts} restarts of its container" if worst.restarts else ""
    return NotReady(why.cause, f"{why.message}{times}", final=worst.restarts >= GIVEN_UP_AFTER)


def _cannot_start(
    snapshot: Snapshot,
    deployment: DeploymentView | None,
    waiting: Sequence[ReplicaPodView],
    count: int,
    layout: SliceLayout,
) -> NotReady | None:
    pods = [p.pod for p in waiting]
    said = image_pull.explain(pods, count)
    if said is not None:
        return NotReady(reasons.IMAGE_PULL, said)
    homeless = [pod for pod in pods if pod.unschedulable is not None and not pod.node]
    if homeless:
        asked = _asked(deployment)
        all_of_them = replace(layout, hosts=max(1, count), slices=1)
        message = unschedulable.explain(
            homeless,
            all_of_them,
            asked.get("nodeSelector") or dict(layout.node_selector),
            asked.get("tolerations") or [t.to_manifest() for t in layout.tolerations],
            snapshot.nodes,
        )
        return NotReady(reasons.UNSCHEDULABLE, message)
    said = container_start.explain(pods, count)
    return NotReady(reasons.CONTAINER_CANNOT_START, said) if said is not None else None


def _asked(deployment: DeploymentView | None) -> Manifest:
    spec = deployment.template.get("spec") if deployment is not None else None
    return spec if isinstance(spec, dict) else {}


def _failed_replica(snapshot: Snapshot, revision: str) -> NotReady | None:
    """Of several hosts."""
    jobs = [j for j in snapshot.replica_jobs if j.revision == revision and not j.terminating]
    for job in jobs:
        if job.state in ENDED:
            message = f"replica {job.name} has ended: {job.message or job.reason or job.state}"
            return NotReady(reasons.REPLICA_FAILED, message, final=job.state == "Failed")
    return None


def _server(snapshot: Snapshot, waiting: Sequence[ReplicaPodView]) -> NotReady | None:
    for view in waiting:
        report = snapshot.reports.get(view.pod.uid)
        if report is None:
            continue
        gang = report.gang
        if gang.cause is not None:
            return NotReady(gang.cause.cause, gang.cause.message)
        if gang.restarts:
            last, times = gang.restarts[-1].cause, len(gang.restarts)
            return NotReady(
                last.cause, f"{last.message}; its launcher has restarted it in place, time {times}"
            )
        serving = report.serving
        if serving is not None and serving.state == "Unready":
            why = serving.reason or "it does not say why"
            return NotReady(reasons.SERVER_UNREADY, f"{view.pod.name} is not ready: {why}")
        if serving is not None and serving.state == "Loading":
            message = f"{view.pod.name} compiles and executes its buckets"
            return NotReady(reasons.LOADING, message, problem=False)
    return None


def _starting(
    snapshot: Snapshot,
    revision: str,
    deployment: DeploymentView | None,
    pods: list[ReplicaPodView],
) -> NotReady | None:
    jobs = [j for j in snapshot.replica_jobs if j.revision == revision and not j.terminating]
    for job in jobs:
        if not serves(job, pods):
            said = f": {job.message}" if job.message else ""
            message = f"replica {job.name} is {job.state or 'new'}{said}"
            return NotReady(job.reason or reasons.REPLICAS_STARTING, message, problem=False)
    wanted = deployment.replicas if deployment is not None else 0
    ready = sum(p.serves for p in pods if p.replica is None)
    if ready >= wanted:
        return None
    message = f"{wanted - ready} of {wanted} replicas of revision {revision} start"
    return NotReady(reasons.REPLICAS_STARTING, message, problem=False)
