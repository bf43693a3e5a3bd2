"""The example bytegpt as JaxJobs of one host, and the caches they share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from e2e.tests.jaxjobs import JaxJobBuilder

EXAMPLE = Path(__file__).parents[2] / "examples" / "bytegpt" / "jaxjob.yaml"
NEVER = 100_000
"""Steps: each is ended from outside, once it has made its first."""
CACHE = "team-cache"
SHARED = "shared-cache"
SHARED_MOUNT = "/shared-cache"
PLAIN_CACHE = {
    "JAX_COMPILATION_CACHE_DIR": SHARED_MOUNT,
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


@dataclass(frozen=True)
class Size:
    """Of bytegpt: how much there is to compile."""

    layers: int = 12
    unrolled: bool = False
    """Each layer is compiled anew, and not one that runs in a loop."""

    def __str__(self) -> str:
        return f"{self.layers} layers, {'unrolled' if self.unrolled else 'scanned'}"


def alone(name: str, size: Size) -> JaxJobBuilder:
    """Without a CompileCache."""
    (manifest,) = [o for o in yaml.safe_load_all(EXAMPLE.read_text()) if o["kind"] == "JaxJob"]
    del manifest["spec"]["checkpoint"]
    job = JaxJobBuilder(manifest).named(name).on("cpu", hosts=1)
    command = ["python", "-m", "bytegpt", "--steps", str(NEVER), "--layers", str(size.layers)]
    if size.unrolled:
        command.append("--unroll")
    job = job.with_command(*command).with_pod(terminationGracePeriodSeconds=10)
    return job.with_spec(restartPolicy={"maxRestarts": 0})


def on_shared_volume(name: str, size: Size) -> JaxJobBuilder:
    """JAX's own cache on one volume that all pods write to."""
    env = [{"name": variable, "value": value} for variable, value in PLAIN_CACHE.items()]
    mounts = [{"name": SHARED, "mountPath": SHARED_MOUNT}]
    volumes = [{"name": SHARED, "persistentVolumeClaim": {"claimName": SHARED}}]
    job = alone(name, size).with_program(env=env, volumeMounts=mounts)
    return job.with_pod(volumes=volumes)


def warmed(name: str, size: Size) -> JaxJobBuilder:
    return alone(name, size).with_spec(compileCache={"name": CACHE, "warmup": "Wait"})


def shared_claim() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": SHARED},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def compile_cache() -> dict[str, Any]:
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "CompileCache",
        "metadata": {"name": CACHE},
        "spec": {"storage": {"size": "1Gi"}},
    }
