"""The word of a pod that has ended -> Inspection. It comes from a user's image: nothing raises."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jaxop.domain import contract
from jaxop.domain.jaxjob.reading.reading import read_job_failure, read_lone_pod
from jaxop.domain.jaxjob.views import ContainerEnd, PodView
from jaxop.domain.json_values import mapping, rfc3339_time, text, whole
from jaxop.domain.runtime.snapshot import VerificationJob


@dataclass(frozen=True, slots=True)
class Inspection:
    """contract.json, `inspection`; None is what could not be found out."""

    python: str | None = None
    jax: str | None = None
    jaxlib: str | None = None
    compression: str | None = None
    platform: str | None = None
    platform_version: str | None = None
    device: str | None = None
    devices: int | None = None
    error: str | None = None
    finished_at: datetime | None = None


def read_inspection(end: ContainerEnd) -> Inspection | None:
    """None where the container said nothing that is meant for us."""
    try:
        said = json.loads(end.message)
    except (ValueError, RecursionError):
        return None
    said = mapping(said)
    if end.container != contract.CONTAINER or said.get("version") != contract.VERSION:
        return None
    error = text(said.get("error")) or text(said.get("message")) or None
    if error is None and not (text(said.get("jax")) and text(said.get("platform"))):
        return None
    return Inspection(
        python=_word(said, "python"),
        jax=_word(said, "jax"),
        jaxlib=_word(said, "jaxlib"),
        compression=_word(said, "compression"),
        platform=_word(said, "platform"),
        platform_version=_word(said, "platformVersion"),
        device=_word(said, "device"),
        devices=whole(said.get("devices")),
        error=error,
        finished_at=end.finished_at,
    )


def inspection_of(pods: tuple[PodView, ...]) -> Inspection | None:
    """What the last of them that said something found."""
    for pod in reversed(pods):
        for end in pod.ends:
            if (found := read_inspection(end)) is not None:
                return found
    return None


def read_verification_job(
    raw: Mapping[str, Any], raw_pods: Sequence[Mapping[str, Any]]
) -> VerificationJob:
    """With its pods, oldest first."""
    metadata = mapping(raw.get("metadata"))
    failed, message = read_job_failure(raw)
    pods = sorted(
        (read_lone_pod(pod) for pod in raw_pods),
        key=lambda pod: (pod.created_at.timestamp() if pod.created_at else 0.0, pod.name),
    )
    return VerificationJob(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        created_at=rfc3339_time(metadata.get("creationTimestamp")),
        failed=failed,
        failed_message=message,
        pods=tuple(pods),
    )


def _word(said: Mapping[str, Any], name: str) -> str | None:
    return text(said.get(name), 256) or None
