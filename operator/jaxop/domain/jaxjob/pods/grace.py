"""How long a pod has to end, and how much of that is the program's own to save a checkpoint."""

from typing import Final

from jaxop.api.v1alpha1.jaxjob import JaxJobSpec

LAUNCHER_SECONDS: Final = 5
"""Of the pod's grace period, kept for the launcher to stop the program and say why."""

DEFAULT_TERMINATION_SECONDS: Final = 30
"""Kubernetes' own default for terminationGracePeriodSeconds."""


def termination_seconds(spec: JaxJobSpec) -> int:
    """Of the whole pod: the checkpoint's grace and the launcher's, or more if the template asks."""
    users = _of_the_template(spec)
    if spec.checkpoint is None:
        return DEFAULT_TERMINATION_SECONDS if users is None else users
    return max(users or 0, spec.checkpoint.grace_seconds + LAUNCHER_SECONDS)


def program_seconds(spec: JaxJobSpec) -> int:
    """Between being asked to stop and SIGKILL."""
    return max(0, termination_seconds(spec) - LAUNCHER_SECONDS)


def _of_the_template(spec: JaxJobSpec) -> int | None:
    """None also from a template that is not one: it may have changed since the pods were made."""
    pod = spec.template.get("spec")
    seconds = pod.get("terminationGracePeriodSeconds") if isinstance(pod, dict) else None
    return seconds if isinstance(seconds, int) else None
