"""What a JaxRuntime supplies: the image where there is none, environment, flags, expectations.

What the job itself says always wins. The job is then decided on as if its user had written all of
it, so nothing else need know of runtimes.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.jax_runtime import JaxRuntimeSpec
from jaxop.api.v1alpha1.jaxjob import JaxJobSpec, Preflight
from jaxop.domain import contract
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.validation.template_shape import shape_problems

XLA_FLAGS: Final = "XLA_FLAGS"
LIBTPU_INIT_ARGS: Final = "LIBTPU_INIT_ARGS"


def with_runtime(snapshot: Snapshot) -> Snapshot:
    """The snapshot, its job with what the runtime supplies; as it is where there is no runtime, or
    no template to speak of."""
    jaxjob, runtime = snapshot.jaxjob, snapshot.runtime
    if runtime is None or jaxjob.spec.runtime != runtime.metadata.name:
        return snapshot
    if shape_problems(jaxjob.spec.template):
        return snapshot
    spec = supplied(jaxjob.spec, runtime.spec)
    return replace(snapshot, jaxjob=jaxjob.replace(spec=spec))


def supplied(spec: JaxJobSpec, runtime: JaxRuntimeSpec) -> JaxJobSpec:
    """Doing it again changes nothing."""
    template: Manifest = copy.deepcopy(spec.template)
    for container in template["spec"]["containers"]:
        if container["name"] == contract.CONTAINER:
            _supply(container, runtime)
    return spec.replace(template=template, preflight=_expecting(spec.preflight, runtime))


def _supply(program: Manifest, runtime: JaxRuntimeSpec) -> None:
    if not program.get("image"):
        program["image"] = runtime.image
    if env := environment(runtime, program.get("env") or []):
        program["env"] = env


def environment(runtime: JaxRuntimeSpec, users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a program finds in its environment, as a container's `env`; `users` are those of its
    template."""
    taken = {entry["name"] for entry in users}
    ours = [variable.to_manifest() for variable in runtime.env if variable.name not in taken]
    env = [*ours, *users]
    for name, flags in (
        (XLA_FLAGS, runtime.xla_flags),
        (LIBTPU_INIT_ARGS, runtime.libtpu_init_args),
    ):
        if flags:
            env = _with_flags(env, name, flags)
    return env


def _with_flags(env: list[dict[str, Any]], name: str, flags: Iterable[str]) -> list[dict[str, Any]]:
    """Flags that the template does not set, after those that it does. A variable whose value comes
    from elsewhere stays as it is."""
    if not any(entry["name"] == name for entry in env):
        return [*env, {"name": name, "value": " ".join(flags)}]
    return [
        {**entry, "value": _joined(str(entry.get("value") or ""), flags)}
        if entry["name"] == name and "valueFrom" not in entry
        else entry
        for entry in env
    ]


def _joined(users: str, flags: Iterable[str]) -> str:
    set_already = {flag.partition("=")[0] for flag in users.split()}
    added = [flag for flag in flags if flag.partition("=")[0] not in set_already]
    return " ".join([*users.split(), *added])


def _expecting(preflight: Preflight, runtime: JaxRuntimeSpec) -> Preflight:
    return preflight.replace(
        jax=preflight.jax or runtime.jax, jaxlib=preflight.jaxlib or runtime.jaxlib
    )


def versions(runtime: JaxRuntimeSpec | None) -> Mapping[str, str]:
    """Those that it pins, by package."""
    if runtime is None:
        return {}
    pinned = {
        "jax": runtime.jax,
        "jaxlib": runtime.jaxlib,
        "python": runtime.python,
        "libtpu": runtime.libtpu,
        "cuda": runtime.cuda,
    }
    return {name: version for name, version in pinned.items() if version is not None}
