"""How long a pod has to end, and how much of that is the program's own to save a checkpoint."""

from typing import Final

from jaxop.api.v1alpha1.jaxjob import JaxJobSpec

LAUNCHER_SECONDS: Final = 5
"""Of the pod's grace period, kept for the launcher to stop the program and say why."""

DEFAULT_TERMINATION_SECONDS: Final = 30
"""Kubernetes' own default for terminationGracePeriodSeconds."""


def termination_seconds(spec: JaxJobSpec) -> int:
    """Of the whole pod: the checkpoint's grace and the launcher's, or more if the template asks."""
    users = spec.template["spec"].get("terminationGracePeriodSeconds")
    if spec.checkpoint is None:
        return DEFAULT_TERMINATION_SECONDS if users is None else int(users)
    return max(users or 0, spec.checkpoint.grace_seconds + LAUNCHER_SECONDS)


def program_seconds(spec: JaxJobSpec) -> int:
    """Between being asked to stop and SIGKILL."""
    return max(0, termination_seconds(spec) - LAUNCHER_SECONDS)
