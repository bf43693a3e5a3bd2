"""Containers that the kubelet cannot start, for other reasons than their image."""

from collections.abc import Sequence
from typing import Final

from jaxop.domain.jaxjob.standing.image_pull import REASONS as IMAGE_REASONS
from jaxop.domain.jaxjob.views import PodView

HARMLESS: Final = frozenset({"", "ContainerCreating", "PodInitializing"})


def explain(pods: Sequence[PodView], processes: int) -> str | None:
    """`CreateContainerConfigError: secret "x" not found`, with how many pods say so."""
    held = [
        waiting
        for pod in pods
        for waiting in pod.waiting
        if waiting.reason not in HARMLESS and waiting.reason not in IMAGE_REASONS
    ]
    if not held:
        return None
    first = min(held, key=lambda waiting: (waiting.reason, waiting.message))
    said = f"{first.reason}: {first.message}" if first.message else first.reason
    return f"container {first.container} cannot start on {len(held)} of {processes} pods: {said}"
