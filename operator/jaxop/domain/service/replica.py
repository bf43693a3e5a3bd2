"""A replica described as a JaxJob: its program is the model server, and its gang its hosts.

All that a JaxJob's pods have (launcher, device, placement, runtime, compile cache, preflight) then
comes from where JaxJobs have it from. A replica of one host runs in a Deployment, whose template
`children.deployment` makes from this description; one of several hosts is this JaxJob.
"""

import copy
import json
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxJob, JaxRuntime
from jaxop.api.v1alpha1.common import ObjectMeta
from jaxop.api.v1alpha1.jaxjob import CompileCacheUse, JaxJobSpec
from jaxop.api.v1alpha1.jaxservice import JaxServiceSpec
from jaxop.api.v1alpha1.restart_policy import Backoff, RestartPolicy
from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.grace import LAUNCHER_SECONDS
from jaxop.domain.jaxjob.pods.runtime import with_runtime
from jaxop.domain.jaxjob.snapshot import Snapshot as JaxJobSnapshot
from jaxop.domain.jaxjob.warming.asked import QUEUEING
from jaxop.domain.service.revision import Revision
from jaxop.domain.service.snapshot import Snapshot

MODEL_VOLUME: Final = "jaxservice-model"
PORT_NAME: Final = "serving"

SERVER_SECONDS: Final = 5
"""For the server to end once it has answered what it had accepted."""

STARTUP_PERIOD_SECONDS: Final = 2

RESTARTS: Final = RestartPolicy(
    max_restarts=10,
    window_seconds=3600,
    backoff=Backoff(initial_seconds=1, max_seconds=10),
)
"""In place, which keeps what is compiled. A crash that repeats itself ends the launcher at the
third time, and Kubernetes or the operator starts it anew, ever more slowly."""


@dataclass(frozen=True, slots=True)
class Described:
    """A revision that can be turned into pods."""

    revision: Revision
    job: JaxJobSnapshot
    """The replica as a JaxJob that has what its runtime supplies."""
    layout: SliceLayout

    @property
    def several_hosts(self) -> bool:
        return self.layout.hosts > 1


def as_jaxjob(
    snapshot: Snapshot, revision: Revision, name: str = "", *, serves: bool = True
) -> JaxJob:
    """Without what the runtime supplies. `name` is that of the replica, the service's own by
    default. One that does not serve only compiles, and nobody probes it."""
    service, spec = snapshot.service, revision.spec
    metadata = service.metadata
    queueing = {k: v for k, v in metadata.labels.items() if k.startswith(QUEUEING)}
    cache = spec.compile_cache
    return JaxJob(
        metadata=ObjectMeta(
            name=name or metadata.name,
            namespace=metadata.namespace,
            labels=queueing,
            creation_timestamp=metadata.creation_timestamp,
        ),
        spec=JaxJobSpec(
            accelerator=spec.accelerator,
            template=server_template(spec, serves=serves),
            runtime=spec.runtime,
            compile_cache=CompileCacheUse(name=cache.name) if cache is not None else None,
            preflight=spec.preflight,
            restart_policy=RESTARTS,
        ),
    )


def as_snapshot(snapshot: Snapshot, jaxjob: JaxJob, revision: Revision) -> JaxJobSnapshot:
    """What decisions on that JaxJob rest on before it has any children."""
    runtime = None
    if revision.runtime is not None and revision.spec.runtime is not None:
        named = ObjectMeta(name=revision.spec.runtime)
        runtime = JaxRuntime(metadata=named, spec=revision.runtime)
    class_name = revision.spec.accelerator.class_
    return with_runtime(
        JaxJobSnapshot(
            jaxjob=jaxjob,
            settings=snapshot.settings,
            accelerator_class=snapshot.classes.get(class_name),
            class_names=tuple(sorted(snapshot.classes)),
            runtime=runtime,
            runtime_names=snapshot.runtime_names,
            compile_cache=snapshot.compile_cache,
            warmup=snapshot.warmup,
        )
    )


def server_template(spec: JaxServiceSpec, *, serves: bool = True) -> Manifest:
    """The user's pod template with the server in it, as the user of a JaxJob would write it."""
    template: Manifest = copy.deepcopy(spec.template)
    pod = template["spec"]
    pod["terminationGracePeriodSeconds"] = spec.drain_seconds + SERVER_SECONDS + LAUNCHER_SECONDS
    server = next((c for c in pod["containers"] if c.get("name") == contract.CONTAINER), None)
    if server is None:
        return template
    server["command"] = [contract.LAUNCHER, "serve", spec.model.entry]
    env = [{"name": contract.ENV_SERVE, "value": _told(settings(spec))}]
    if spec.model.volume is not None:
        env.append({"name": contract.ENV_MODEL_DIR, "value": spec.model.path})
        volume = {"name": MODEL_VOLUME, **spec.model.volume}
        mount = {"name": MODEL_VOLUME, "mountPath": spec.model.path, "readOnly": True}
        pod["volumes"] = [*(pod.get("volumes") or []), volume]
        server["volumeMounts"] = [*(server.get("volumeMounts") or []), mount]
    server["env"] = [*(server.get("env") or []), *env]
    if serves:
        ports = server.get("ports") or []
        port = {"name": PORT_NAME, "containerPort": contract.SERVING_PORT}
        named = any(p.get("containerPort") == contract.SERVING_PORT for p in ports)
        server["ports"] = ports if named else [*ports, port]
        server |= _probes(spec)
    return template


def settings(spec: JaxServiceSpec) -> dict[str, Any]:
    """JAXRUN_SERVE, as contract.json has it."""
    told: dict[str, Any] = {
        "batching": spec.batching.to_manifest(),
        "drainSeconds": spec.drain_seconds,
    }
    return _buckets(spec) | told


def to_compile(spec: JaxServiceSpec) -> JaxServiceSpec:
    """The same, with only what decides on the compiled programs: what a Warmup has."""
    kept = ("accelerator", "model", "template", "runtime", "buckets", "preflight", "compile_cache")
    return JaxServiceSpec.model_construct(
        **{name: getattr(spec, name) for name in kept},
    )


def _buckets(spec: JaxServiceSpec) -> dict[str, Any]:
    if not spec.buckets:
        return {}
    return {"buckets": {name: list(sizes) for name, sizes in sorted(spec.buckets.items())}}


def _probes(spec: JaxServiceSpec) -> Manifest:
    """Ready is every bucket executed. Alive is an answer, which there is while it loads, too: the
    startup probe only waits for the container's first, and never ends a compilation."""
    deadline = spec.rollout.progress_deadline_seconds
    return {
        "startupProbe": _probe(
            "live", STARTUP_PERIOD_SECONDS, ceil(deadline / STARTUP_PERIOD_SECONDS)
        ),
        "readinessProbe": _probe("ready", 2, 2),
        "livenessProbe": _probe("live", 10, 6),
    }


def _probe(what: str, period_seconds: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": f"/v2/health/{what}", "port": contract.SERVING_PORT},
        "periodSeconds": period_seconds,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _told(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
