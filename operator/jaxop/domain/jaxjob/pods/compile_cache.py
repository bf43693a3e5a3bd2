"""How a job's pods come by compiled programs: what is mounted, and what the launcher is told.

a private directory         always: a restart in place then compiles nothing again
what the keeper published   read-only, with a CompileCache that is usable when they are made
a place for new entries     only where spec.writers of the CompileCache trusts them, and only
                            on slice 0, as process 0 alone writes entries
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache
from jaxop.api.v1alpha1.labels import CACHE_NAMESPACE, COMPILE_CACHE, WARMUP_RUN
from jaxop.domain import contract
from jaxop.domain.cache.digest import Program, cache_namespace
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.ahead_of_time import AbsentDevices, absent_devices
from jaxop.domain.jaxjob.pods.runtime import LIBTPU_INIT_ARGS, XLA_FLAGS, versions
from jaxop.domain.jaxjob.snapshot import Snapshot

LOCAL_VOLUME: Final = "jaxop-cache-local"
SHARED_VOLUME: Final = "jaxop-cache"

FILL: Final = "Fill"
RUNS: Final = frozenset({FILL, "Verify"})


@dataclass(frozen=True, slots=True)
class Shared:
    """The CompileCache that pods read."""

    name: str
    claim: str
    digest: str
    offers: bool = False
    """They may add to it."""


@dataclass(frozen=True, slots=True)
class Compiling:
    """`problem` is a sentence on why there is nothing `shared` though the job asks for it."""

    shared: Shared | None = None
    warmup_run: str | None = None
    problem: str | None = None
    absent: AbsentDevices | None = None
    """What the program compiles for, where that is not what its pods run on."""


ALONE: Final = Compiling()


def compiling(snapshot: Snapshot, layout: SliceLayout) -> Compiling:
    """For pods that are made now."""
    run, asked = warmup_run(snapshot), snapshot.jaxjob.spec.compile_cache
    absent = absent_devices(snapshot.jaxjob) if run is not None else None
    if asked is None:
        return Compiling(warmup_run=run, absent=absent)
    cache = snapshot.compile_cache
    why = unusable(asked.name, cache)
    if cache is None or cache.status.claim_name is None or why is not None:
        return Compiling(warmup_run=run, problem=f"{why}; compiled without it", absent=absent)
    offers = run == FILL or (run is None and cache.spec.writers == "Jobs")
    namespace = absent.cache_namespace if absent is not None else digest(snapshot, layout)
    shared = Shared(asked.name, cache.status.claim_name, namespace, offers)
    return Compiling(shared, run, _started_cold(snapshot), absent)


def unusable(name: str, cache: CompileCache | None) -> str | None:
    """Why it cannot be mounted, as a sentence; None where it can."""
    if cache is None:
        return f"CompileCache {name} does not exist"
    status = cache.status
    if status.usable and status.claim_name is not None:
        return None
    said = f": {status.message}" if status.message else ""
    return f"CompileCache {name} cannot be used yet ({status.state or 'Pending'}{said})"


def warmup_run(snapshot: Snapshot) -> str | None:
    run = snapshot.jaxjob.metadata.labels.get(WARMUP_RUN)
    return run if run in RUNS else None


def digest(snapshot: Snapshot, layout: SliceLayout) -> str:
    """Of the cache namespace; the job has what its runtime supplies."""
    pod = snapshot.jaxjob.spec.template["spec"]
    program: Manifest = next(c for c in pod["containers"] if c["name"] == contract.CONTAINER)
    env = {entry["name"]: _value(entry) for entry in program.get("env") or []}
    described = Program(
        image=str(program.get("image") or ""),
        versions=versions(snapshot.runtime.spec if snapshot.runtime else None),
        xla_flags=env.get(XLA_FLAGS, ""),
        libtpu_init_args=env.get(LIBTPU_INIT_ARGS, ""),
        arguments=(*(program.get("command") or ()), *(program.get("args") or ())),
    )
    return cache_namespace(described, layout)


def share(template: Manifest, wanted: Compiling, slice_index: int) -> None:
    """Adds volumes, mounts, variables and labels to a pod template, in place."""
    pod = template["spec"]
    program = next(c for c in pod["containers"] if c["name"] == contract.CONTAINER)
    volumes: list[Manifest] = [{"name": LOCAL_VOLUME, "emptyDir": {}}]
    mounts: list[Manifest] = [{"name": LOCAL_VOLUME, "mountPath": contract.CACHE_LOCAL}]
    values = {contract.ENV_WARMUP: wanted.warmup_run} if wanted.warmup_run else {}
    if wanted.absent is not None:
        values[contract.ENV_AHEAD_OF_TIME] = wanted.absent.for_program
    shared = wanted.shared
    if shared is not None:
        claim = {"claimName": shared.claim}
        volumes.append({"name": SHARED_VOLUME, "persistentVolumeClaim": claim})
        read = {"mountPath": contract.CACHE_PUBLISHED, "subPath": "published", "readOnly": True}
        mounts.append({"name": SHARED_VOLUME, **read})
        values[contract.ENV_CACHE_NAMESPACE] = shared.digest
        if shared.offers and slice_index == 0:
            offer = {"mountPath": contract.CACHE_STAGING, "subPath": "staging"}
            mounts.append({"name": SHARED_VOLUME, **offer})
            values[contract.ENV_CACHE_OFFERS] = "true"
        template["metadata"]["labels"].update(marks(wanted))
    pod["volumes"] = [*(pod.get("volumes") or []), *volumes]
    program["volumeMounts"] = [*(program.get("volumeMounts") or []), *mounts]
    added = [{"name": name, "value": value} for name, value in values.items()]
    program["env"] = [*(program.get("env") or []), *added]


def marks(wanted: Compiling) -> dict[str, str]:
    """Labels of Jobs and pods."""
    shared = wanted.shared
    return {COMPILE_CACHE: shared.name, CACHE_NAMESPACE: shared.digest} if shared else {}


def _started_cold(snapshot: Snapshot) -> str | None:
    warmup = snapshot.warmup
    if warmup is None or warmup.status.state != "Failed":
        return None
    return f"Warmup {warmup.metadata.name} failed ({warmup.status.message}); started cold"


def _value(entry: dict[str, Any]) -> str:
    """What comes from elsewhere counts as where it comes from, in one word."""
    if "valueFrom" in entry:
        return json.dumps(entry["valueFrom"], sort_keys=True, separators=(",", ":"))
    return str(entry.get("value") or "")
