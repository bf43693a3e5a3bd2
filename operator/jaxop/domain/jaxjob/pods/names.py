"""Names of a JaxJob's children. They carry the attempt, so that no attempt waits for another's."""

from typing import Final

MAX_NAME: Final = 45
"""Leaves room in 63 characters for `-a<attempt>-s<slice>-<index>`, a pod's host name."""


def job(jaxjob: str, attempt: int, slice_index: int) -> str:
    return f"{jaxjob}-a{attempt}-s{slice_index}"


def service(jaxjob: str) -> str:
    return f"{jaxjob}-gang"


def queue_workload(jaxjob: str) -> str:
    """Of Kueue's Workload for all attempts, named as Kueue names its own: by kind."""
    return f"jaxjob-{jaxjob}"


def host(jaxjob: str, attempt: int, slice_index: int, index: int) -> str:
    """The pod's host name, which Kubernetes makes from the Job's name and the index."""
    return f"{job(jaxjob, attempt, slice_index)}-{index}"


def address(jaxjob: str, namespace: str, attempt: int, slice_index: int, index: int) -> str:
    """The pod's DNS name, known before the pod exists."""
    return f"{host(jaxjob, attempt, slice_index, index)}.{service(jaxjob)}.{namespace}.svc"
