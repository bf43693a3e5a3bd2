"""Labels of the children and pods of a JaxJob or a JaxService, made and read."""

from collections.abc import Mapping
from typing import Final

from jaxop.api.v1alpha1.labels import (
    ATTEMPT,
    JAXJOB,
    JAXSERVICE,
    MANAGED_BY,
    MANAGED_BY_VALUE,
    REPLICA,
    REVISION,
    SLICE,
)

COMPLETION_INDEX: Final = "batch.kubernetes.io/job-completion-index"
"""Set by Kubernetes, as a label and as an annotation, on every pod of an Indexed Job."""


def of_jaxjob(name: str) -> dict[str, str]:
    return {MANAGED_BY: MANAGED_BY_VALUE, JAXJOB: name}


def of_slice(name: str, attempt: int, slice_index: int) -> dict[str, str]:
    return {**of_jaxjob(name), ATTEMPT: str(attempt), SLICE: str(slice_index)}


def of_jaxservice(name: str) -> dict[str, str]:
    return {MANAGED_BY: MANAGED_BY_VALUE, JAXSERVICE: name}


def of_revision(name: str, revision: str) -> dict[str, str]:
    return {**of_jaxservice(name), REVISION: revision}


def of_replica(jaxjob: Mapping[str, str]) -> dict[str, str]:
    """Those of a JaxJob's labels that its pods have, too: it is a replica of a JaxService."""
    return {key: jaxjob[key] for key in (JAXSERVICE, REVISION, REPLICA) if key in jaxjob}


def number(labels: Mapping[str, str], key: str) -> int | None:
    """The label as a non-negative integer, or None where it is absent or not one."""
    text = labels.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
