"""Can this JaxService be turned into pods? Everything that is wrong, at once.

What a replica has in common with a JaxJob is examined as a JaxJob's; here is what is a service's
own. The CRD has refused most of it already, if it is as new as the operator.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from jaxop.api.v1alpha1.jaxservice import JaxServiceSpec
from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.validation.template_shape import ROOT, shape_problems
from jaxop.domain.jaxjob.validation.validate import validate
from jaxop.domain.problem import Problem
from jaxop.domain.service import names, revision
from jaxop.domain.service.replica import MODEL_VOLUME, Described, as_jaxjob, as_snapshot
from jaxop.domain.service.revision import Revision
from jaxop.domain.service.snapshot import Snapshot

_OURS: Final = (
    ("command", "spec.model.entry says what it runs"),
    ("args", "spec.model.entry says what it runs"),
    ("livenessProbe", "the operator probes the server"),
    ("readinessProbe", "the operator probes the server"),
    ("startupProbe", "the operator probes the server"),
)
_RESERVED: Final = (contract.ROOT, contract.CACHE_ROOT)


def described(snapshot: Snapshot) -> Described | tuple[Problem, ...]:
    """The revision of the spec, or what is wrong with it."""
    spec, runtime = snapshot.service.spec, snapshot.runtime
    supplied = runtime.spec if runtime is not None and spec.runtime is not None else None
    problems = _problems(snapshot, spec)
    return _as_job(snapshot, revision.of_spec(spec, supplied), problems)


def described_again(snapshot: Snapshot, earlier: str) -> Described | None:
    """An earlier revision, by its hash; None where it is not known any more, or cannot be built."""
    for view in snapshot.revisions:
        if view.revision != earlier:
            continue
        try:
            again = revision.of_data(earlier, view.data, snapshot.service.spec)
        except ValueError:
            return None
        found = _as_job(snapshot, again, _problems(snapshot, again.spec))
        return found if isinstance(found, Described) else None
    return None


def _as_job(
    snapshot: Snapshot, of: Revision, problems: tuple[Problem, ...]
) -> Described | tuple[Problem, ...]:
    if shape_problems(of.spec.template):
        return problems
    job = as_snapshot(snapshot, as_jaxjob(snapshot, of), of)
    layout = validate(job)
    if not isinstance(layout, SliceLayout):
        return (*problems, *layout)
    return problems or Described(of, job, layout)


def _problems(snapshot: Snapshot, spec: JaxServiceSpec) -> tuple[Problem, ...]:
    misshapen = tuple(shape_problems(spec.template))
    name = snapshot.service.metadata.name
    return (
        *_name(name),
        *_spec(spec),
        *(misshapen or _template(spec)),
    )


def _name(name: str) -> Iterator[Problem]:
    if len(name) > names.MAX_NAME:
        yield Problem(
            "metadata.name",
            f"has {len(name)} characters, and the names of replicas leave room for "
            f"{names.MAX_NAME}",
            f"use a name of at most {names.MAX_NAME} characters",
        )


def _spec(spec: JaxServiceSpec) -> Iterator[Problem]:
    if spec.accelerator.slices != 1:
        yield Problem(
            "spec.accelerator.slices",
            f"is {spec.accelerator.slices}, but a replica is one slice",
            "remove it, and set spec.replicas for more",
        )
    for dimension, sizes in spec.buckets.items():
        if list(sizes) != sorted(set(sizes)):
            yield Problem(
                f"spec.buckets[{dimension}]", "does not ascend", "write each size once, as [1, 8]"
            )
    rollout = spec.rollout
    if rollout.strategy == "RollingUpdate" and not rollout.max_surge + rollout.max_unavailable:
        yield Problem(
            "spec.rollout.maxUnavailable",
            "is 0 as maxSurge is, so that no replica can be replaced",
            "set one of them to at least 1, or strategy to Recreate",
        )
    path = spec.model.path
    for root in _RESERVED:
        if PurePosixPath(path).is_relative_to(root):
            yield Problem(
                "spec.model.path", f"{path} is the operator's", "use another, such as /models"
            )


def _template(spec: JaxServiceSpec) -> Iterator[Problem]:
    pod: dict[str, Any] = spec.template["spec"]
    for index, volume in enumerate(pod.get("volumes") or []):
        if volume.get("name") == MODEL_VOLUME:
            yield Problem(
                f"{ROOT}.spec.volumes[{index}].name",
                f"{MODEL_VOLUME} is the operator's",
                "rename it",
            )
    if pod.get("restartPolicy") is not None:
        yield Problem(f"{ROOT}.spec.restartPolicy", "is the operator's to set", "remove it")
    for index, container in enumerate(pod["containers"]):
        path = f"{ROOT}.spec.containers[{index}]"
        if container["name"] == contract.CONTAINER:
            yield from _server(spec, path, container)
            continue
        for port in container.get("ports") or []:
            if port.get("containerPort") == contract.SERVING_PORT:
                yield Problem(
                    f"{path}.ports", f"port {contract.SERVING_PORT} is the server's", "use another"
                )


def _server(spec: JaxServiceSpec, path: str, server: dict[str, Any]) -> Iterator[Problem]:
    for field, why in _OURS:
        if server.get(field):
            yield Problem(f"{path}.{field}", f"is set, but {why}", "remove it")
    for index, entry in enumerate(server.get("env") or []):
        if entry.get("name") in contract.SERVER_READS:
            yield Problem(
                f"{path}.env[{index}]", f"{entry['name']} is set by the operator", "remove it"
            )
    if spec.model.volume is None:
        return
    for mount in server.get("volumeMounts") or []:
        taken = mount.get("mountPath")
        if isinstance(taken, str) and PurePosixPath(taken) == PurePosixPath(spec.model.path):
            yield Problem(
                "spec.model.path",
                f"the jax container mounts another volume at {taken}",
                "remove that mount, or use another path",
            )
