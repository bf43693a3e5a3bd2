"""One builder for all JaxJobs of these tests: `a_jaxjob().on("cpu", hosts=2).running("world.py")`.

Every method returns a new builder.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

IMAGE = "jaxop/digits:dev"
PROGRAMS = Path(__file__).with_name("programs")
CONFIG_MAP = "programs"
MOUNT = "/programs"
CLAIM = "checkpoints"

Manifest = dict[str, Any]


def programs_config_map() -> Manifest:
    """All programs, for the pods of one namespace."""
    data = {file.name: file.read_text() for file in sorted(PROGRAMS.glob("*.py"))}
    metadata = {"name": CONFIG_MAP}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def a_claim() -> Manifest:
    """A volume that all pods of a namespace share, for checkpoints."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def _manifest() -> Manifest:
    program = {
        "name": "jax",
        "image": IMAGE,
        "command": ["python", f"{MOUNT}/world.py"],
        "env": [{"name": "JAX_PLATFORMS", "value": "cpu"}],
        "resources": {
            "requests": {"cpu": "50m", "memory": "100Mi"},
            "limits": {"memory": "800Mi"},
        },
        "volumeMounts": [{"name": CONFIG_MAP, "mountPath": MOUNT}],
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532},
        "containers": [program],
        "volumes": [{"name": CONFIG_MAP, "configMap": {"name": CONFIG_MAP}}],
    }
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxJob",
        "metadata": {"name": "job"},
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 2},
            "restartPolicy": {"maxRestarts": 0},
            "template": {"spec": pod},
        },
    }


@dataclass(frozen=True)
class JaxJobBuilder:
    """Two hosts of the class `cpu`, and no restarts, unless told otherwise."""

    manifest: Manifest = field(default_factory=_manifest)

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def program(self) -> Manifest:
        """The container that is the program."""
        return _program(self.manifest)

    def named(self, name: str) -> "JaxJobBuilder":
        return self._change(lambda m: m["metadata"].update(name=name))

    def on(self, class_name: str, **fields: Any) -> "JaxJobBuilder":
        accelerator = {"class": class_name, **fields}
        return self._change(lambda m: m["spec"].update(accelerator=accelerator))

    def running(self, program: str, *args: str) -> "JaxJobBuilder":
        """`program` is the name of a file in programs/."""
        return self.with_command("python", f"{MOUNT}/{program}", *args)

    def with_command(self, *command: str) -> "JaxJobBuilder":
        return self.with_program(command=list(command))

    def with_program(self, **fields: Any) -> "JaxJobBuilder":
        """Fields of the container that is the program."""
        return self._change(lambda m: _program(m).update(fields))

    def with_pod(self, **fields: Any) -> "JaxJobBuilder":
        return self._change(lambda m: _pod(m).update(fields))

    def with_restarts(self, count: int) -> "JaxJobBuilder":
        return self.with_restart_policy(maxRestarts=count)

    def with_restart_policy(self, **fields: Any) -> "JaxJobBuilder":
        return self._change(lambda m: m["spec"]["restartPolicy"].update(fields))

    def with_spec(self, **fields: Any) -> "JaxJobBuilder":
        return self._change(lambda m: m["spec"].update(fields))

    def with_memory(self, limit: str) -> "JaxJobBuilder":
        limits = {"limits": {"memory": limit}}
        return self._change(lambda m: _program(m)["resources"].update(limits))

    def with_checkpoints(self, grace_seconds: int = 30) -> "JaxJobBuilder":
        """On the volume of `a_claim`."""
        return self.with_spec(checkpoint={"volumeClaim": CLAIM, "graceSeconds": grace_seconds})

    def with_compile_cache(self, name: str = "cache", **fields: Any) -> "JaxJobBuilder":
        return self.with_spec(compileCache={"name": name, **fields})

    def suspended(self) -> "JaxJobBuilder":
        return self._change(lambda m: m["spec"].update(suspend=True))

    def _change(self, change: Callable[[Manifest], object]) -> "JaxJobBuilder":
        manifest = copy.deepcopy(self.manifest)
        change(manifest)
        return JaxJobBuilder(manifest)


def a_jaxjob(name: str = "job") -> JaxJobBuilder:
    return JaxJobBuilder().named(name)


def _pod(manifest: Manifest) -> Manifest:
    pod: Manifest = manifest["spec"]["template"]["spec"]
    return pod


def _program(manifest: Manifest) -> Manifest:
    program: Manifest = _pod(manifest)["containers"][0]
    return program
