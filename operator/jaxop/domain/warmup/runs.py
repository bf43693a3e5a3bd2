"""The JaxJobs of a Warmup: one that fills the cache, one that verifies it, anew for each try.

They are JaxJobs like any other: scheduled, queued and preempted, with the template that the Warmup
has. That their program stops after its first step is their launcher's business.

With aheadOfTime they run on one host of class cpu, and are told what to compile for.
"""

import copy
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from jaxop.api.plan import Manifest, ObjectRef
from jaxop.api.v1alpha1 import JaxJob, Warmup
from jaxop.api.v1alpha1.labels import (
    AHEAD_OF_TIME,
    MANAGED_BY,
    MANAGED_BY_VALUE,
    WARMUP,
    WARMUP_RUN,
)
from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.pods.ahead_of_time import AbsentDevices
from jaxop.domain.jaxjob.pods.compile_cache import digest
from jaxop.domain.jaxjob.pods.runtime import with_runtime
from jaxop.domain.jaxjob.snapshot import Snapshot as JaxJobSnapshot
from jaxop.domain.jaxjob.validation.validate import validate
from jaxop.domain.jaxjob.warming.asked import QUEUEING
from jaxop.domain.problem import Problem
from jaxop.domain.warmup.absent import described
from jaxop.domain.warmup.snapshot import Snapshot

Run = Literal["Fill", "Verify"]

_SUFFIX: Final[dict[Run, str]] = {"Fill": "fill", "Verify": "verify"}

CPU: Final = "cpu"
"""The class on which is compiled for what is not there."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A spec that can be run."""

    digest: str
    """Of the cache namespace that it fills."""
    layout: SliceLayout
    absent: AbsentDevices | None = None
    """With aheadOfTime."""


def name_of(warmup: Warmup, run: Run) -> str:
    """Of the present try."""
    return f"{warmup.metadata.name}-{_SUFFIX[run]}{warmup.status.run}"


def jaxjob(warmup: Warmup, run: Run, found: Examined | None = None) -> Manifest:
    """`found` is needed with aheadOfTime. The cache namespace is the one that the Warmup has had
    from its turn on, whatever became of its class meanwhile."""
    manifest = _on_its_accelerator(warmup, run)
    if found is None or found.absent is None:
        return manifest
    absent = found.absent
    absent = replace(absent, cache_namespace=warmup.status.cache_namespace or found.digest)
    manifest["metadata"]["annotations"] = {AHEAD_OF_TIME: absent.annotation}
    spec = manifest["spec"]
    spec["accelerator"] = {"class": CPU, "hosts": 1}
    spec["template"] = _without(spec["template"], found.layout.resource)
    return manifest


def _without(template: dict[str, Any], resource: str | None) -> dict[str, Any]:
    """The template, in which the program asks for no accelerator."""
    template = copy.deepcopy(template)
    for container in template["spec"]["containers"]:
        if container["name"] == contract.CONTAINER:
            for amounts in (container.get("resources") or {}).values():
                if isinstance(amounts, dict):
                    amounts.pop(resource, None)
    return template


def _on_its_accelerator(warmup: Warmup, run: Run) -> Manifest:
    metadata, spec = warmup.metadata, warmup.spec
    queueing = {k: v for k, v in metadata.labels.items() if k.startswith(QUEUEING)}
    wanted: dict[str, Any] = {
        "accelerator": spec.accelerator.to_manifest(),
        "template": spec.template,
        "preflight": spec.preflight.to_manifest(),
        "compileCache": {"name": spec.compile_cache},
        "restartPolicy": {"maxRestarts": 0},
        "activeDeadlineSeconds": spec.active_deadline_seconds,
    }
    if spec.runtime is not None:
        wanted["runtime"] = spec.runtime
    owner = {
        "apiVersion": warmup.api_version,
        "kind": warmup.kind,
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxJob",
        "metadata": {
            "name": name_of(warmup, run),
            "namespace": metadata.namespace,
            "labels": {
                **queueing,
                MANAGED_BY: MANAGED_BY_VALUE,
                WARMUP: metadata.name,
                WARMUP_RUN: run,
            },
            "ownerReferences": [owner],
        },
        "spec": wanted,
    }


def examined(snapshot: Snapshot) -> Examined | tuple[Problem, ...]:
    """What it is to run, or what is wrong with its spec."""
    as_job = with_runtime(
        JaxJobSnapshot(
            jaxjob=JaxJob.model_validate(jaxjob(snapshot.warmup, "Fill")),
            settings=snapshot.settings,
            accelerator_class=snapshot.accelerator_class,
            class_names=snapshot.class_names,
            runtime=snapshot.runtime,
            runtime_names=snapshot.runtime_names,
        )
    )
    layout = validate(as_job)
    if not isinstance(layout, SliceLayout):
        return layout
    found = Examined(digest(as_job, layout), layout)
    if not snapshot.warmup.spec.ahead_of_time or snapshot.accelerator_class is None:
        return found
    absent = described(snapshot.accelerator_class, layout, found.digest)
    return replace(found, absent=absent) if isinstance(absent, AbsentDevices) else (absent,)


def offer_of(fill: JaxJob, digest: str) -> str:
    """The name under which the keeper knows what the run has offered."""
    said = fill.status.compilation
    namespace = said.cache_namespace if said is not None else None
    return f"{namespace or digest}.{names.host(fill.metadata.name, fill.status.attempt, 0, 0)}"


def reference(job: JaxJob) -> ObjectRef:
    metadata = job.metadata
    return ObjectRef(job.api_version, job.kind, metadata.namespace, metadata.name, metadata.uid)
