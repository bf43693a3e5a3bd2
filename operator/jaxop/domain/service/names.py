"""Names of a JaxService's children."""

from typing import Final

MAX_NAME: Final = 32
"""Leaves room in the 45 characters of a JaxJob for `-<revision>-<number>`."""

MAX_REPLICAS: Final = 1000


def of_revision(service: str, revision: str) -> str:
    """Of its ControllerRevision and its Deployment."""
    return f"{service}-{revision}"


def of_replica(service: str, revision: str, index: int) -> str:
    """Of the JaxJob of a replica of several hosts."""
    return f"{of_revision(service, revision)}-{index}"


def url(service: str, namespace: str) -> str:
    return f"http://{service}.{namespace}.svc"
