"""What a pod template must have for a JaxJob, and what in it is the operator's to set.

Assumes that `template_shape` found nothing.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.jaxjob import JaxJobSpec
from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.compile_cache import LOCAL_VOLUME, SHARED_VOLUME
from jaxop.domain.jaxjob.pods.pod import CHECKPOINT_VOLUME
from jaxop.domain.jaxjob.pods.slice_placement import domain_key
from jaxop.domain.jaxjob.validation.template_shape import ROOT
from jaxop.domain.problem import Problem

LAUNCHER_SETS: Final = frozenset(
    {
        "JAX_COORDINATOR_ADDRESS",
        "JAX_LOCAL_DEVICE_IDS",
        "OMPI_MCA_orte_hnp_uri",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_LOCAL_RANK",
    }
)
"""The program's variables that the launcher writes anew for each epoch."""

RESERVED_VOLUMES: Final = frozenset(
    {contract.VOLUME, CHECKPOINT_VOLUME, LOCAL_VOLUME, SHARED_VOLUME}
)


def template_problems(
    spec: JaxJobSpec, layout: SliceLayout | None, *, image_needed: bool = True
) -> tuple[Problem, ...]:
    """`layout` None skips what depends on it: the class may be what is wrong. No image is needed
    where it is the runtime that is missing."""
    pod: Manifest = spec.template["spec"]
    return (
        *_pod_problems(pod),
        *_program_problems(pod, image_needed),
        *_reserved_names(pod),
        *_mount_problems(spec, pod),
        *(_accelerator_problems(pod, layout) if layout else ()),
        *(_placement_problems(spec, pod, layout) if layout else ()),
    )


def _pod_problems(pod: Manifest) -> Iterator[Problem]:
    if pod.get("restartPolicy") not in (None, "Never"):
        yield Problem(
            f"{ROOT}.spec.restartPolicy",
            f"is {pod['restartPolicy']}, but a single restarted process cannot rejoin its gang",
            "remove it; spec.restartPolicy.maxRestarts restarts all processes together",
        )
    for name in ("hostname", "subdomain", "setHostnameAsFQDN"):
        if pod.get(name):
            yield Problem(
                f"{ROOT}.spec.{name}",
                "is set, but the processes find each other by the pods' own host names",
                "remove it",
            )


def _program_problems(pod: Manifest, image_needed: bool) -> Iterator[Problem]:
    for index, container in enumerate(pod["containers"]):
        if container["name"] == contract.CONTAINER:
            yield from _one_program(f"{ROOT}.spec.containers[{index}]", container, image_needed)
            return
    found = ", ".join(container["name"] for container in pod["containers"])
    yield Problem(
        f"{ROOT}.spec.containers",
        f'has no container named "jax" (found: {found})',
        'name the container that runs the program "jax"',
    )


def _one_program(path: str, program: Manifest, image_needed: bool) -> Iterator[Problem]:
    image = program.get("image")
    if (image_needed and not image) or not isinstance(image, str | None):
        remedy = "give the image that holds the program, or name a JaxRuntime in spec.runtime"
        yield Problem(f"{path}.image", "is missing", remedy)
    if not program.get("command"):
        yield Problem(
            f"{path}.command",
            "is missing, and an image's own entrypoint cannot be seen from here",
            "give the command that starts the program, such as [python, -m, train]",
        )
    for name in ("command", "args"):
        words = program.get(name) or []
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            yield Problem(
                f"{path}.{name}", "is not a list of strings", "write it as [python, -m, train]"
            )
    for index, entry in enumerate(program.get("env") or []):
        name = entry["name"]
        ours = name.startswith(contract.ENV_PREFIX) and name not in contract.SERVER_READS
        if ours or name in LAUNCHER_SETS:
            yield Problem(
                f"{path}.env[{index}]", f"{name} is set by the launcher", "remove the variable"
            )


def _reserved_names(pod: Manifest) -> Iterator[Problem]:
    for group in ("containers", "initContainers"):
        for index, container in enumerate(pod.get(group) or []):
            path = f"{ROOT}.spec.{group}[{index}]"
            if container["name"] == contract.INIT_CONTAINER:
                yield Problem(
                    f"{path}.name", f"{contract.INIT_CONTAINER} is the operator's", "rename it"
                )
            if container["name"] == contract.CONTAINER:
                continue
            for port in container.get("ports") or []:
                if port.get("containerPort") in (contract.HTTP_PORT, contract.GANG_PORT):
                    yield Problem(
                        f"{path}.ports",
                        f"port {port['containerPort']} is the launcher's",
                        "use another port",
                    )
    for index, volume in enumerate(pod.get("volumes") or []):
        if volume.get("name") in RESERVED_VOLUMES:
            yield Problem(
                f"{ROOT}.spec.volumes[{index}].name",
                f"{volume['name']} is the operator's",
                "rename it",
            )


def _mount_problems(spec: JaxJobSpec, pod: Manifest) -> Iterator[Problem]:
    program: Manifest = next((c for c in pod["containers"] if c["name"] == contract.CONTAINER), {})
    users = [mount.get("mountPath") for mount in program.get("volumeMounts") or []]
    for index, path in enumerate(users):
        if isinstance(path, str) and _inside(path, contract.ROOT):
            yield Problem(
                f'{ROOT}.spec.containers["jax"].volumeMounts[{index}].mountPath',
                f"{path} is where the launcher is",
                "mount it elsewhere",
            )
        if isinstance(path, str) and _inside(path, contract.CACHE_ROOT):
            yield Problem(
                f'{ROOT}.spec.containers["jax"].volumeMounts[{index}].mountPath',
                f"{path} is where the compile cache is",
                "mount it elsewhere",
            )
    if spec.checkpoint is None:
        return
    wanted = spec.checkpoint.path
    if _inside(wanted, contract.ROOT):
        yield Problem(
            "spec.checkpoint.path",
            f"{wanted} is where the launcher is",
            "use another path, such as /checkpoints",
        )
    if _inside(wanted, contract.CACHE_ROOT):
        yield Problem(
            "spec.checkpoint.path",
            f"{wanted} is where the compile cache is",
            "use another path, such as /checkpoints",
        )
    if any(isinstance(path, str) and _same(path, wanted) for path in users):
        yield Problem(
            "spec.checkpoint.path",
            f"the jax container mounts another volume at {wanted}",
            "remove that mount, or use another path",
        )


def _accelerator_problems(pod: Manifest, layout: SliceLayout) -> Iterator[Problem]:
    users = pod.get("nodeSelector") or {}
    for key, value in layout.node_selector:
        if users.get(key, value) != value:
            yield Problem(
                f"{ROOT}.spec.nodeSelector[{key}]",
                f"is {users[key]}, but {layout.summary} is on nodes with {key}={value}",
                "remove it, or change spec.accelerator",
            )
    if layout.resource is None:
        return
    for index, container in enumerate(pod["containers"]):
        path = f"{ROOT}.spec.containers[{index}].resources"
        for kind, asked in _asked(container, layout.resource):
            if container["name"] != contract.CONTAINER:
                fault = f"asks for {layout.resource}, which the jax container gets"
                yield Problem(f"{path}.{kind}", fault, "remove it")
            elif str(asked) != str(layout.chips_per_host):
                yield Problem(
                    f"{path}.{kind}[{layout.resource}]",
                    f"is {asked}, but {layout.summary} has {layout.chips_per_host} on each host",
                    "remove it: the operator sets it from spec.accelerator",
                )


def _placement_problems(spec: JaxJobSpec, pod: Manifest, layout: SliceLayout) -> Iterator[Problem]:
    key, users = domain_key(spec, layout), pod.get("nodeSelector") or {}
    if key in users and layout.slices > 1:
        yield Problem(
            f"{ROOT}.spec.nodeSelector[{key}]",
            f"is {users[key]} for all {layout.slices} slices, but each needs a {key} of its own",
            "remove it, or set spec.scheduling.topologyKey to another label",
        )


def _asked(container: Manifest, resource: str) -> Iterator[tuple[str, Any]]:
    for kind in ("limits", "requests"):
        amounts = (container.get("resources") or {}).get(kind) or {}
        if resource in amounts:
            yield kind, amounts[resource]


def _same(path: str, other: str) -> bool:
    return PurePosixPath(path) == PurePosixPath(other)


def _inside(path: str, root: str) -> bool:
    return PurePosixPath(path).is_relative_to(root)
