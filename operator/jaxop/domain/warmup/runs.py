"""The JaxJobs of a Warmup: one that fills the cache, one that verifies it, anew for each try.

They are JaxJobs like any other: scheduled, queued and preempted, with the template that the Warmup
has. That their program stops after its first step is their launcher's business.
"""

from typing import Any, Final, Literal

from jaxop.api.plan import Manifest, ObjectRef
from jaxop.api.v1alpha1 import JaxJob, Warmup
from jaxop.api.v1alpha1.labels import MANAGED_BY, MANAGED_BY_VALUE, WARMUP, WARMUP_RUN
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.pods.compile_cache import digest
from jaxop.domain.jaxjob.pods.runtime import with_runtime
from jaxop.domain.jaxjob.snapshot import Snapshot as JaxJobSnapshot
from jaxop.domain.jaxjob.validation.validate import validate
from jaxop.domain.jaxjob.warming.asked import QUEUEING
from jaxop.domain.problem import Problem
from jaxop.domain.warmup.snapshot import Snapshot

Run = Literal["Fill", "Verify"]

_SUFFIX: Final[dict[Run, str]] = {"Fill": "fill", "Verify": "verify"}


def name_of(warmup: Warmup, run: Run) -> str:
    """Of the present try."""
    return f"{warmup.metadata.name}-{_SUFFIX[run]}{warmup.status.run}"


def jaxjob(warmup: Warmup, run: Run) -> Manifest:
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


def examined(snapshot: Snapshot) -> str | tuple[Problem, ...]:
    """The digest of the cache namespace that it fills, or what is wrong with its spec."""
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
    return digest(as_job, layout) if isinstance(layout, SliceLayout) else layout


def offer_of(fill: JaxJob, digest: str) -> str:
    """The name under which the keeper knows what the run has offered."""
    said = fill.status.compilation
    namespace = said.cache_namespace if said is not None else None
    return f"{namespace or digest}.{names.host(fill.metadata.name, fill.status.attempt, 0, 0)}"


def reference(job: JaxJob) -> ObjectRef:
    metadata = job.metadata
    return ObjectRef(job.api_version, job.kind, metadata.namespace, metadata.name, metadata.uid)
