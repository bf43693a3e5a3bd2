"""The part of a PodTemplateSpec that the CRD looks into; all the rest of it passes through.

Inlining the whole schema of a pod would make the CRD larger than an annotation may be. What is
declared here is what some rule reads, with limits generous enough for any real pod: without them
the API server cannot bound a rule's cost and refuses it.
"""

from typing import Any

from .pod_fields import CONTAINER_FIELDS, POD_FIELDS
from .rule import Rule, validations

ACCELERATOR_RESOURCES = "['google.com/tpu', 'nvidia.com/gpu', 'amd.com/gpu']"
RESERVED_ENVIRONMENT = (
    "['JAX_COORDINATOR_ADDRESS', 'JAX_COORDINATOR_PORT', 'JAX_COORDINATOR_BIND_ADDRESS',"
    " 'JAX_LOCAL_DEVICE_IDS', 'JOB_COMPLETION_INDEX', 'TPU_WORKER_ID', 'TPU_WORKER_HOSTNAMES',"
    " 'TPU_PROCESS_ADDRESSES', 'TPU_PROCESS_PORT', 'MEGASCALE_COORDINATOR_ADDRESS',"
    " 'MEGASCALE_NUM_SLICES', 'MEGASCALE_SLICE_ID', 'MEGASCALE_PORT']"
)


def is_reserved(name: str) -> str:
    """CEL: whether the operator sets this variable."""
    return (
        f"({name} in {RESERVED_ENVIRONMENT}"
        f" || {name}.startsWith('JAXRUN_') || {name}.startsWith('OMPI_'))"
    )


def is_reserved_in_jobs(name: str) -> str:
    """CEL: the same for a JaxJob or Warmup, whose program may be a model server: what that is told
    is then part of the template."""
    return f"({is_reserved(name)} && !({name} in ['JAXRUN_SERVE', 'JAXRUN_MODEL_DIR']))"


def _is_accelerator(name: str) -> str:
    return f"({name} in {ACCELERATOR_RESOURCES} || {name}.startsWith('nvidia.com/mig-'))"


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": properties,
        **more,
    }


def _list_by(key: str, items: dict[str, Any], max_items: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "array",
        "maxItems": max_items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [key],
        "items": items | {"required": [key]},
        **more,
    }


def _string(max_length: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": max_length}


def _quantities() -> dict[str, Any]:
    return {
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
        },
        **validations(
            Rule(
                f"self.all(name, !{_is_accelerator('name')})",
                "chips are asked for by spec.accelerator: remove the accelerator's resource here",
                says=(
                    "'chips are asked for by spec.accelerator: remove ' + ("
                    "'google.com/tpu' in self ? 'google.com/tpu'"
                    " : 'nvidia.com/gpu' in self ? 'nvidia.com/gpu'"
                    " : 'amd.com/gpu' in self ? 'amd.com/gpu' : 'nvidia.com/mig-...')"
                    " + ' here'"
                ),
                reason="FieldValueForbidden",
            )
        ),
    }


def _environment(reserved: str) -> dict[str, Any]:
    return _list_by(
        "name",
        _object({"name": _string(256), "value": {"type": "string"}})
        | validations(
            Rule(
                f"!{reserved}",
                "the operator sets this variable for each process: remove it",
                says="'the operator sets ' + self.name + ' for each process: remove it'",
                reason="FieldValueForbidden",
            )
        ),
        500,
    )


_VOLUME_MOUNTS = {
    "type": "array",
    "maxItems": 256,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["mountPath"],
    "items": _object(
        {"name": _string(63), "mountPath": _string(1024)}, required=["name", "mountPath"]
    ),
    **validations(
        Rule(
            "self.all(m, m.mountPath != '/jaxop' && !m.mountPath.startsWith('/jaxop/'))",
            "/jaxop is where the operator puts jaxrun: mount the volume elsewhere",
            reason="FieldValueForbidden",
        ),
        Rule(
            "self.all(m, m.mountPath != '/jaxop-cache'"
            " && !m.mountPath.startsWith('/jaxop-cache/'))",
            "/jaxop-cache is where the operator puts the compile cache: mount the volume elsewhere",
            reason="FieldValueForbidden",
        ),
    ),
}


def _container(reserved: str) -> dict[str, Any]:
    return _object(
        {
            **CONTAINER_FIELDS,
            "name": _string(63),
            "image": _string(4096),
            "env": _environment(reserved),
            "resources": _object({"limits": _quantities(), "requests": _quantities()}),
            "volumeMounts": _VOLUME_MOUNTS,
        }
    )


TERMINATION_MESSAGE = Rule(
    "self.name != 'jax' || !has(self.terminationMessagePath)"
    " || self.terminationMessagePath == '/dev/termination-log'",
    "the launcher writes the cause of a failure to /dev/termination-log: remove it",
    field=".terminationMessagePath",
    reason="FieldValueForbidden",
)


def _containers(reserved: str, rules: tuple[Rule, ...]) -> dict[str, Any]:
    return _list_by(
        "name",
        _container(reserved) | validations(*rules, TERMINATION_MESSAGE),
        16,
        **validations(
            Rule(
                "self.exists(c, c.name == 'jax')",
                'no container is named "jax": name the one that runs the program so',
                says=(
                    '\'no container is named "jax" (the first is "\' + self[0].name'
                    " + '\"): name the one that runs the program so'"
                ),
                reason="FieldValueRequired",
            )
        ),
    )


def _init_containers(reserved: str) -> dict[str, Any]:
    return _list_by(
        "name",
        _container(reserved),
        16,
        **validations(
            Rule(
                "self.all(c, c.name != 'jaxrun-install' && c.name != 'jax')",
                'the operator uses the names "jaxrun-install" and "jax": rename the init container',
                reason="FieldValueForbidden",
            )
        ),
    )


_VOLUMES = _list_by(
    "name",
    _object({"name": _string(63)}),
    256,
    **validations(
        Rule(
            "self.all(v, !v.name.startsWith('jaxop-'))",
            'volume names that begin with "jaxop-" belong to the operator: rename the volume',
            reason="FieldValueForbidden",
        )
    ),
)


def absent(field: str, why: str) -> Rule:
    return Rule(f"!has(self.{field})", why, field=f".{field}", reason="FieldValueForbidden")


def _pod_spec(reserved: str, program: tuple[Rule, ...], pod: tuple[Rule, ...]) -> dict[str, Any]:
    return _object(
        {
            **POD_FIELDS,
            "containers": _containers(reserved, program),
            "initContainers": _init_containers(reserved),
            "volumes": _VOLUMES,
            "restartPolicy": {"type": "string"},
            "hostname": {"type": "string"},
            "subdomain": {"type": "string"},
            "setHostnameAsFQDN": {"type": "boolean"},
            "nodeName": {"type": "string"},
        },
        required=["containers"],
        **validations(
            *pod,
            absent("hostname", "processes find each other by the names that the operator gives "
                    "the pods: remove it"),
            absent("subdomain", "processes find each other through the operator's own Service: "
                    "remove it"),
            absent("setHostnameAsFQDN", "process names have to stay short: remove it"),
            absent("nodeName", "all pods would be put on one node, past the scheduler: use "
                    "nodeSelector or affinity"),
        ),
    )  # fmt: skip


_METADATA = _object(
    {
        "labels": {
            "type": "object",
            "maxProperties": 256,
            "additionalProperties": {"type": "string"},
            **validations(
                Rule(
                    "self.all(key, !key.startsWith('jaxop.dev/'))",
                    "labels of jaxop.dev belong to the operator: remove them",
                    reason="FieldValueForbidden",
                )
            ),
        },
        "annotations": {
            "type": "object",
            "maxProperties": 1024,
            "additionalProperties": {"type": "string"},
        },
    }
)


def pod_template(reserved: str, program: tuple[Rule, ...], pod: tuple[Rule, ...]) -> dict[str, Any]:
    """`reserved`: CEL for variables of containers that the user must not set; `program` and `pod`:
    rules of containers and of the pod, beside those that hold for all kinds."""
    return _object(
        {"metadata": _METADATA, "spec": _pod_spec(reserved, program, pod)}, required=["spec"]
    )


POD_TEMPLATE = pod_template(
    is_reserved_in_jobs("self.name"),
    (
        Rule(
            "self.name != 'jax' || (has(self.command) && size(self.command) > 0)",
            'the container "jax" needs a command, such as [python, -m, train]: the launcher starts '
            "it, and an image's own entrypoint cannot be read from the cluster",
            field=".command",
            reason="FieldValueRequired",
        ),
    ),
    (
        Rule(
            "!has(self.restartPolicy) || self.restartPolicy == 'Never'",
            "must be Never or absent: all processes restart together, as spec.restartPolicy says",
            field=".restartPolicy",
        ),
    ),
)
"""Of a JaxJob or a Warmup."""
