"""CompileCaches, JaxRuntimes and Warmups as decisions about jobs see them."""

from typing import Any

from building import NOW
from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache, JaxRuntime, Warmup

PINNED = "registry.test/team/jax@sha256:" + "a" * 64


def a_cache(name: str = "team-cache", **fields: Any) -> CompileCache:
    """One that is usable; `fields` of its spec (`writers`) and of its status."""
    spec: Manifest = {"storage": {"claimName": "nfs"}}
    if "writers" in fields:
        spec["writers"] = fields.pop("writers")
    status = {"state": "Ready", "usable": True, "claimName": "nfs", **fields}
    return CompileCache.model_validate(
        {
            "metadata": {
                "name": name,
                "namespace": "ml",
                "uid": f"uid-{name}",
                "creationTimestamp": "2026-11-21T12:00:00Z",
            },
            "spec": spec,
            "status": status,
        }
    )


def an_unusable_cache(**fields: Any) -> CompileCache:
    starting = {"state": "Starting", "usable": False, "message": "its keeper starts"}
    return a_cache(**{**starting, **fields})


def a_runtime(name: str = "jax-0.12", **spec: Any) -> JaxRuntime:
    return JaxRuntime.model_validate(
        {"metadata": {"name": name, "uid": f"uid-{name}"}, "spec": {"image": PINNED, **spec}}
    )


def a_warmup(name: str = "team-cache-0", **status: Any) -> Warmup:
    """As a job sees it that waits for it."""
    program = {"name": "jax", "image": "team/digits:1", "command": ["python", "-m", "train"]}
    return Warmup.model_validate(
        {
            "metadata": {
                "name": name,
                "namespace": "ml",
                "uid": f"uid-{name}",
                "generation": 1,
                "creationTimestamp": NOW.isoformat(),
            },
            "spec": {
                "compileCache": "team-cache",
                "accelerator": {"class": "cpu", "hosts": 2},
                "template": {"spec": {"containers": [program]}},
            },
            "status": status,
        }
    )
