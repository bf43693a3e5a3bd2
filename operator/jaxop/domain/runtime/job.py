"""The Job that verifies a runtime on one class: `jaxrun inspect` in the image, on one host.

Its pod is as little as it can be: no token, no capability, no privilege, and on cpu and NVIDIA GPUs
not root, as the restricted pod security standard asks for. The devices of TPUs and AMD GPUs may
belong to root, so there the image's own user stays.
"""

import hashlib
import json
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxRuntime
from jaxop.api.v1alpha1.labels import JAXRUNTIME, MANAGED_BY, MANAGED_BY_VALUE
from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.placement import place
from jaxop.domain.jaxjob.pods.runtime import environment
from jaxop.domain.jaxjob.pods.tolerations import leave_silent_nodes
from jaxop.domain.runtime.snapshot import VerificationSettings

TRIES: Final = 2
"""After the first: for a node that fails. What the image says is final."""
SECONDS: Final = 1800
"""For a pod, from when it has a node: pulling a large image takes most of it."""
USER: Final = 65532

_SAID: Final = (1, 127)
"""Exit codes of `jaxrun inspect`, and of its script where the image has no Python."""
_USERS_DEVICES: Final = frozenset({"cpu", "cuda"})


def verification_job(
    runtime: JaxRuntime, layout: SliceLayout, settings: VerificationSettings
) -> Manifest:
    labels = {MANAGED_BY: MANAGED_BY_VALUE, JAXRUNTIME: runtime.metadata.name}
    spec: Manifest = {
        "backoffLimit": TRIES,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": contract.CONTAINER,
                        "operator": "In",
                        "values": list(_SAID),
                    },
                },
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
            ]
        },
        "template": {
            "metadata": {"labels": labels},
            "spec": pod_spec(runtime, layout, settings.runtime_image),
        },
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": _name(runtime.metadata.name, layout.class_name, spec),
            "namespace": settings.namespace,
            "labels": labels,
            "ownerReferences": [_owner(runtime)],
        },
        "spec": spec,
    }


def pod_spec(runtime: JaxRuntime, layout: SliceLayout, runtime_image: str) -> Manifest:
    pod: Manifest = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "initContainers": [_install(runtime_image)],
        "containers": [_inspect(runtime, layout)],
        "volumes": [{"name": contract.VOLUME, "emptyDir": {}}],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    place(pod, layout)
    leave_silent_nodes(pod)
    return pod


def spec_hash(runtime: JaxRuntime, layout: SliceLayout) -> str:
    """Of what a result depends on. What is expected is not part of it: that is compared anew."""
    spec = runtime.spec
    parts: list[Any] = [spec.image, environment(spec, [])]
    parts += [layout.platform, layout.chips_per_host, layout.devices_per_chip]
    return _digest(parts, 16)


def _install(runtime_image: str) -> Manifest:
    return {
        "name": contract.INIT_CONTAINER,
        "image": runtime_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "jaxrun", "install", contract.ROOT],
        "volumeMounts": [{"name": contract.VOLUME, "mountPath": contract.ROOT}],
        "securityContext": {**_unprivileged(root=False), "readOnlyRootFilesystem": True},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _inspect(runtime: JaxRuntime, layout: SliceLayout) -> Manifest:
    given = environment(runtime.spec, [])
    taken = {variable["name"] for variable in given}
    ours = [{"name": "HOME", "value": "/tmp"}]  # noqa: S108 - in the container
    if layout.platform == "tpu":
        ours += [
            {"name": "TPU_WORKER_ID", "value": "0"},
            {"name": "TPU_WORKER_HOSTNAMES", "value": "localhost"},
        ]
    resources: Manifest = {"requests": {"cpu": "100m", "memory": "512Mi"}}
    if layout.resource is not None:
        resources["limits"] = {layout.resource: str(layout.chips_per_host)}
    return {
        "name": contract.CONTAINER,
        "image": runtime.spec.image,
        "command": [contract.LAUNCHER, "inspect"],
        "env": [*given, *(variable for variable in ours if variable["name"] not in taken)],
        "volumeMounts": [{"name": contract.VOLUME, "mountPath": contract.ROOT, "readOnly": True}],
        "securityContext": _unprivileged(root=layout.platform not in _USERS_DEVICES),
        "resources": resources,
        "terminationMessagePath": contract.TERMINATION_LOG,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _unprivileged(*, root: bool) -> Manifest:
    context: Manifest = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return context if root else {**context, "runAsNonRoot": True, "runAsUser": USER}


def _owner(runtime: JaxRuntime) -> Manifest:
    return {
        "apiVersion": runtime.api_version,
        "kind": runtime.kind,
        "name": runtime.metadata.name,
        "uid": runtime.metadata.uid,
        "controller": True,
    }


def _name(runtime: str, class_name: str, spec: Manifest) -> str:
    """At most 63 characters, as it is a label of the pods."""
    words = (word.replace(".", "-").strip("-") for word in (runtime[:30], class_name[:22]))
    return "-".join((*words, _digest(spec, 8)))


def _digest(value: object, length: int) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]
