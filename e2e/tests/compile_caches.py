"""CompileCaches and Warmups as a test sees them, and what it does to a cache's volume and keeper.

What is on the volume is reached through the keeper's pod, so it may be any cluster's.
"""

import json
from typing import Any

from e2e.tests.namespace import COMES_WITHIN_SECONDS, Namespace, Seen, eventually, is_alive

KEEPER = "jaxop.dev/keeper"
KEEPER_PORT = 9432
DAMAGE_EVERY_BLOB = """
import pathlib
blobs = [b for b in pathlib.Path("/jaxop-cache/volume/published").glob("*/blobs/*") if b.is_file()]
for blob in blobs:
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        middle = blob.stat().st_size // 2
        file.seek(middle)
        byte = file.read(1)[0]
        file.seek(middle)
        file.write(bytes([byte ^ 255]))
print(len(blobs))
"""
"""Each keeps its size: only its content is not what its name says."""


def a_compile_cache(name: str = "cache", **spec: Any) -> dict[str, Any]:
    """On a volume of the cluster's default storage class."""
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "CompileCache",
        "metadata": {"name": name},
        "spec": {"storage": {"size": "1Gi"}, **spec},
    }


def status_of(namespace: Namespace, name: str = "cache") -> Seen:
    status: Seen = namespace.get("compilecache", name).get("status", {})
    return status


def wait_until_ready(namespace: Namespace, name: str = "cache") -> Seen:
    def ready() -> Seen | str:
        status = status_of(namespace, name)
        return status if status.get("state") == "Ready" else told_of(status)

    return eventually(f"CompileCache {name} is Ready", ready, COMES_WITHIN_SECONDS)


def wait_for_entries(namespace: Namespace, count: int, name: str = "cache") -> Seen:
    """In the status, which is written at most every ten seconds."""

    def there() -> Seen | str:
        status = status_of(namespace, name)
        return status if status.get("entries") == count else told_of(status)

    return eventually(f"CompileCache {name} has {count} entries", there, COMES_WITHIN_SECONDS)


def wait_until_published(namespace: Namespace, count: int, name: str = "cache") -> None:
    """By the word of the keeper itself, which is the first to know."""
    keeper = keeper_of(namespace, name)["metadata"]["name"]
    path = f"/api/v1/namespaces/{namespace.name}/pods/{keeper}:{KEEPER_PORT}/proxy/status"

    def there() -> bool | str:
        done = namespace.kubectl.attempt("get", "--raw", path)
        if done.returncode != 0:
            return done.stderr
        return json.loads(done.stdout)["entries"] == count or done.stdout

    eventually(f"the keeper of {name} has {count} entries", there, COMES_WITHIN_SECONDS)


def wait_for_repairs(namespace: Namespace, count: int, name: str = "cache") -> Seen:
    def repaired() -> Seen | str:
        status = status_of(namespace, name)
        return status if status.get("repaired", 0) >= count else told_of(status)

    return eventually(f"CompileCache {name} has {count} repairs", repaired, COMES_WITHIN_SECONDS)


def wait_for_warmup(namespace: Namespace) -> Seen:
    """The only one, once it is Ready."""

    def ready() -> Seen | str:
        warmups = namespace.all_of("warmups")
        assert len(warmups) <= 1, f"there are {len(warmups)} Warmups"
        if not warmups:
            return "there is no Warmup"
        status = warmups[0].get("status", {})
        told = f"{status.get('state')}, {status.get('reason')}: {status.get('message')}"
        assert status.get("state") != "Failed", f"the Warmup has failed: {told}"
        return warmups[0] if status.get("state") == "Ready" else told

    return eventually("a Warmup is Ready", ready, COMES_WITHIN_SECONDS)


def keeper_of(namespace: Namespace, name: str = "cache") -> Seen:
    """Its pod, once it is ready."""

    def ready() -> Seen | str:
        pods = [p for p in namespace.all_of("pods", f"--selector={KEEPER}={name}") if is_alive(p)]
        conditions = [c for p in pods for c in p["status"].get("conditions", [])]
        so = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        return pods[0] if len(pods) == 1 and so else f"{len(pods)} pods, {conditions}"

    return eventually(f"the keeper of {name} is ready", ready, COMES_WITHIN_SECONDS)


def damage_every_blob(namespace: Namespace, name: str = "cache") -> int:
    """How many there were."""
    pod = keeper_of(namespace, name)["metadata"]["name"]
    said = namespace.run("exec", pod, "--", "python", "-c", DAMAGE_EVERY_BLOB)
    return int(said)


def told_of(status: Seen) -> str:
    counts = {k: status.get(k) for k in ("entries", "published", "refused", "repaired")}
    return f"{status.get('state')}, {status.get('reason')}: {status.get('message')}; {counts}"
