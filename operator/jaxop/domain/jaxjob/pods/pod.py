"""The user's pod template with the launcher injected; what the user wrote stays as it is.

The container named "jax" keeps image, environment and everything else; its command is run by the
launcher, which an init container has installed into an emptyDir.
"""

import copy
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.jaxjob import JaxJobSpec
from jaxop.domain import contract, labels
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.pods.compile_cache import ALONE, Compiling, share
from jaxop.domain.jaxjob.pods.grace import program_seconds, termination_seconds
from jaxop.domain.jaxjob.pods.placement import place
from jaxop.domain.jaxjob.pods.program_env import Member, launcher_env
from jaxop.domain.jaxjob.pods.tolerations import leave_silent_nodes
from jaxop.domain.jaxjob.pods.tpu_env import tpu_env

CHECKPOINT_VOLUME: Final = "jaxop-checkpoint"

UNPRIVILEGED_USER: Final = 65532


def pod_template(
    spec: JaxJobSpec, member: Member, runtime_image: str, compiling: Compiling = ALONE
) -> Manifest:
    """The template for the pods of one slice. `spec` must have passed `validate`."""
    template: Manifest = copy.deepcopy(spec.template)
    metadata = template.get("metadata") or {}
    marks = labels.of_slice(member.jaxjob, member.attempt, member.slice_index)
    template["metadata"] = {**metadata, "labels": {**(metadata.get("labels") or {}), **marks}}
    pod = template["spec"]
    pod["restartPolicy"] = "Never"
    pod["subdomain"] = names.service(member.jaxjob)
    for unneeded in ("automountServiceAccountToken", "enableServiceLinks"):
        if pod.get(unneeded) is None:
            pod[unneeded] = False
    pod["terminationGracePeriodSeconds"] = termination_seconds(spec)
    place(pod, member.layout)
    leave_silent_nodes(pod)

    program = next(c for c in pod["containers"] if c["name"] == contract.CONTAINER)
    pod["initContainers"] = [
        _install_container(pod, program, runtime_image),
        *(pod.get("initContainers") or []),
    ]
    volumes = [{"name": contract.VOLUME, "emptyDir": {}}]
    if spec.checkpoint is not None:
        claim = {"claimName": spec.checkpoint.volume_claim}
        volumes.append({"name": CHECKPOINT_VOLUME, "persistentVolumeClaim": claim})
    pod["volumes"] = [*(pod.get("volumes") or []), *volumes]
    _wrap(program, spec, member, program_seconds(spec))
    share(template, compiling, member.slice_index)
    return template


def _wrap(program: Manifest, spec: JaxJobSpec, member: Member, grace_seconds: int) -> None:
    command = [*program["command"], *(program.pop("args", None) or [])]
    program["command"] = [contract.LAUNCHER, "launch", "--", *command]
    program["terminationMessagePath"] = contract.TERMINATION_LOG
    program["terminationMessagePolicy"] = "FallbackToLogsOnError"

    mounts = [{"name": contract.VOLUME, "mountPath": contract.ROOT, "readOnly": True}]
    if spec.checkpoint is not None:
        mounts.append({"name": CHECKPOINT_VOLUME, "mountPath": spec.checkpoint.path})
    program["volumeMounts"] = [*(program.get("volumeMounts") or []), *mounts]

    users = program.get("env") or []
    taken = {entry["name"] for entry in users}
    ours = launcher_env(member, spec, grace_seconds)
    for_libtpu = [entry for entry in tpu_env(member) if entry["name"] not in taken]
    program["env"] = [*users, *ours, *for_libtpu]

    ports = program.get("ports") or []
    numbers = {port.get("containerPort") for port in ports}
    added = {"jaxrun-http": contract.HTTP_PORT, "jaxrun-gang": contract.GANG_PORT}
    program["ports"] = [
        *ports,
        *({"name": n, "containerPort": p} for n, p in added.items() if p not in numbers),
    ]

    layout = member.layout
    if layout.resource is not None:
        resources = program["resources"] = program.get("resources") or {}
        count = str(layout.chips_per_host)
        resources["limits"] = {**(resources.get("limits") or {}), layout.resource: count}
        if layout.resource in (resources.get("requests") or {}):
            resources["requests"] = {**resources["requests"], layout.resource: count}


def _install_container(pod: Manifest, program: Manifest, runtime_image: str) -> Manifest:
    container: Manifest = {
        "name": contract.INIT_CONTAINER,
        "image": runtime_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "jaxrun", "install", contract.ROOT],
        "volumeMounts": [{"name": contract.VOLUME, "mountPath": contract.ROOT}],
        "securityContext": _unprivileged(pod),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    resources = _same_cores_and_memory(program)
    if resources:
        container["resources"] = resources
    return container


def _unprivileged(pod: Manifest) -> Manifest:
    """What the restricted pod security standard asks for."""
    context: Manifest = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if not (pod.get("securityContext") or {}).get("runAsUser"):
        context["runAsUser"] = UNPRIVILEGED_USER
    return context


def _same_cores_and_memory(program: Manifest) -> Manifest:
    """The program's own: never raises what the pod asks for, and keeps its quality of service."""
    resources: dict[str, Any] = program.get("resources") or {}
    return {
        kind: kept
        for kind in ("requests", "limits")
        if (kept := {k: v for k, v in (resources.get(kind) or {}).items() if k in _CORE})
    }


_CORE = frozenset({"cpu", "memory"})
