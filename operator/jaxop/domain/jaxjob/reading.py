"""Raw JSON -> views. Pods, and what runs in them, are written by others: nothing here raises."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from jaxop.api.v1alpha1.labels import ATTEMPT, SLICE
from jaxop.domain import contract, labels
from jaxop.domain.jaxjob.views import (
    Cause,
    ContainerEnd,
    ContainerWaiting,
    GangReport,
    GangTimes,
    JobView,
    NodeView,
    PodView,
    Taint,
)

MAX_TEXT = 1024
MAX_MISSING = 4096


def read_pod(raw: Mapping[str, Any]) -> PodView | None:
    """None for a pod without our labels: whoever made it, it belongs to no attempt of ours."""
    metadata = _map(raw.get("metadata"))
    marks = {k: v for k, v in _map(metadata.get("labels")).items() if isinstance(v, str)}
    attempt = labels.number(marks, ATTEMPT)
    slice_index = labels.number(marks, SLICE)
    index = labels.number(marks, labels.COMPLETION_INDEX)
    if index is None:
        annotations = _map(metadata.get("annotations"))
        index = _whole(_number_text(annotations.get(labels.COMPLETION_INDEX)))
    if attempt is None or slice_index is None or index is None:
        return None
    spec, status = _map(raw.get("spec")), _map(raw.get("status"))
    conditions = {_text(c.get("type")): c for c in _maps(status.get("conditions"))}
    scheduled = conditions.get("PodScheduled", {})
    ready = conditions.get("Ready", {})
    disruption = conditions.get("DisruptionTarget", {})
    containers = [
        *_maps(status.get("initContainerStatuses")),
        *_maps(status.get("containerStatuses")),
    ]
    return PodView(
        name=_text(metadata.get("name")),
        uid=_text(metadata.get("uid")),
        attempt=attempt,
        slice_index=slice_index,
        index=index,
        phase=_text(status.get("phase")) or "Pending",
        created_at=read_time(metadata.get("creationTimestamp")),
        node=_text(spec.get("nodeName")),
        ip=_text(status.get("podIP")),
        ready=ready.get("status") == "True",
        ready_at=read_time(ready.get("lastTransitionTime"))
        if ready.get("status") == "True"
        else None,
        gone_by=read_time(metadata.get("deletionTimestamp")),
        unschedulable=_text(scheduled.get("message"), 4 * MAX_TEXT)
        if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
        else None,
        disruption=(_text(disruption.get("reason")) or "Unknown")
        if disruption.get("status") == "True"
        else None,
        reason=_text(status.get("reason")),
        message=_text(status.get("message")),
        waiting=tuple(_read_waiting(containers)),
        ends=tuple(_read_ends(containers)),
    )


def read_job(raw: Mapping[str, Any]) -> JobView | None:
    metadata = _map(raw.get("metadata"))
    marks = {k: v for k, v in _map(metadata.get("labels")).items() if isinstance(v, str)}
    attempt = labels.number(marks, ATTEMPT)
    slice_index = labels.number(marks, SLICE)
    if attempt is None or slice_index is None:
        return None
    holding = {
        _text(c.get("type")): c
        for c in _maps(_map(raw.get("status")).get("conditions"))
        if c.get("status") == "True"
    }
    failure = holding.get("Failed") or holding.get("FailureTarget")
    return JobView(
        name=_text(metadata.get("name")),
        uid=_text(metadata.get("uid")),
        attempt=attempt,
        slice_index=slice_index,
        hosts=_whole(_map(raw.get("spec")).get("completions")) or 1,
        complete="Complete" in holding,
        failed=(_text(failure.get("reason")) or "Failed") if failure else None,
        failed_message=_text(failure.get("message")) if failure else "",
        terminating=metadata.get("deletionTimestamp") is not None,
    )


def read_node(raw: Mapping[str, Any]) -> NodeView:
    metadata, spec = _map(raw.get("metadata")), _map(raw.get("spec"))
    allocatable = _map(_map(raw.get("status")).get("allocatable"))
    return NodeView(
        name=_text(metadata.get("name")),
        labels={str(k): str(v) for k, v in _map(metadata.get("labels")).items()},
        taints=tuple(
            Taint(_text(t.get("key")), _text(t.get("value")), _text(t.get("effect")))
            for t in _maps(spec.get("taints"))
        ),
        allocatable={str(k): str(v) for k, v in allocatable.items()},
        cordoned=spec.get("unschedulable") is True,
    )


def read_report(raw: object) -> GangReport | None:
    """The answer of /status; None where it is not one that this operator understands."""
    body = _map(raw)
    attempt, processes = _whole(body.get("attempt")), _whole(body.get("numProcesses"))
    state = body.get("state")
    if body.get("version") != contract.VERSION or attempt is None or processes is None:
        return None
    if state not in contract.GANG_STATES:
        return None
    missing = body.get("missing")
    numbers = missing[:MAX_MISSING] if isinstance(missing, list) else []
    times = _map(body.get("times"))
    return GangReport(
        attempt=attempt,
        epoch=_whole(body.get("epoch")) or 0,
        num_processes=processes,
        state=_text(state),
        joined=_whole(body.get("joined")) or 0,
        missing=tuple(n for n in map(_whole, numbers) if n is not None),
        step=_whole(body.get("step")),
        compile_seconds=_seconds(_map(body.get("compile")).get("seconds")) or 0.0,
        times=GangTimes(
            launcher_started=_moment(times.get("launcherStarted")),
            all_joined=_moment(times.get("allJoined")),
            spawned=_moment(times.get("spawned")),
            initialised=_moment(times.get("initialised")),
            first_compile=_moment(times.get("firstCompile")),
            first_step=_moment(times.get("firstStep")),
            finished=_moment(times.get("finished")),
        ),
        cause=read_cause(body.get("cause")),
    )


def read_termination(message: str) -> Cause | None:
    """The launcher's last words, from a container's termination message."""
    return read_cause(_record(message))


def read_last_step(message: str) -> int | None:
    """The step that the gang had come to when its launcher ended, well or badly."""
    return _whole(_map(_record(message)).get("step"))


def _record(message: str) -> object:
    if not message.startswith("{"):
        return None
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None


def read_cause(raw: object) -> Cause | None:
    body = _map(raw)
    cause = body.get("cause")
    if cause not in contract.CAUSES:
        return None
    exception = _map(body.get("exception"))
    return Cause(
        cause=_text(cause),
        message=_text(body.get("message")),
        process=_whole(body.get("process")),
        host=_text(body.get("host")) or None,
        exit_code=_whole(body.get("exitCode")),
        signal=_whole(body.get("signal")),
        exception_type=_text(exception.get("type")) or None,
        exception_message=_text(exception.get("message")) or None,
        step=_whole(body.get("step")),
        time=_moment(body.get("time")),
    )


def read_time(value: object) -> datetime | None:
    """RFC 3339 as Kubernetes writes it."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_waiting(containers: Iterable[Mapping[str, Any]]) -> Iterable[ContainerWaiting]:
    for container in containers:
        waiting = _map(_map(container.get("state")).get("waiting"))
        if waiting:
            yield ContainerWaiting(
                container=_text(container.get("name")),
                image=_text(container.get("image")),
                reason=_text(waiting.get("reason")),
                message=_text(waiting.get("message"), 4 * MAX_TEXT),
            )


def _read_ends(containers: Iterable[Mapping[str, Any]]) -> Iterable[ContainerEnd]:
    for container in containers:
        ended = _map(_map(container.get("state")).get("terminated"))
        exit_code = _whole(ended.get("exitCode"))
        if exit_code is not None:
            yield ContainerEnd(
                container=_text(container.get("name")),
                exit_code=exit_code,
                signal=_whole(ended.get("signal")),
                reason=_text(ended.get("reason")),
                message=_text(ended.get("message"), 4 * MAX_TEXT),
                finished_at=read_time(ended.get("finishedAt")),
            )


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list | tuple) else []


def _text(value: object, limit: int = MAX_TEXT) -> str:
    return value[:limit] if isinstance(value, str) else ""


def _number_text(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _whole(value: object) -> int | None:
    """A non-negative int64, which is what a status field can hold."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        return None
    return value


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _moment(value: object) -> datetime | None:
    number = _seconds(value)
    if not number:
        return None
    try:
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
