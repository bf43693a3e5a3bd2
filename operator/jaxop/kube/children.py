"""What marks an object as a child: its owner, the hash of what was wanted, our label."""

import hashlib
import json
from typing import Any

from jaxop.api.plan import Manifest

HASH_ANNOTATION = "jaxop.dev/spec-hash"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY_US = "jax-operator"


def desired_child(owner: Manifest, manifest: Manifest) -> Manifest:
    """The object to write: marked as ours, controlled by the owner unless the manifest brings
    `ownerReferences`, annotated with the hash of all that."""
    desired = desired_once(owner, manifest)
    metadata = desired["metadata"]
    metadata.setdefault("ownerReferences", [controller_reference(owner)])
    text = json.dumps(desired, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), HASH_ANNOTATION: digest}
    return desired


def desired_once(owner: Manifest, manifest: Manifest) -> Manifest:
    """The object to create and never to write again: labelled as ours, by default in the namespace
    of the one that asks. Without a hash."""
    given = manifest["metadata"]
    metadata: dict[str, Any] = {
        **given,
        "labels": {**(given.get("labels") or {}), MANAGED_BY_LABEL: MANAGED_BY_US},
    }
    if namespace := owner["metadata"].get("namespace"):
        metadata.setdefault("namespace", namespace)
    return {**manifest, "metadata": metadata}


def controller_reference(owner: Manifest) -> Manifest:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Manifest) -> Manifest | None:
    """The one owner reference that is marked as the controller."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Manifest = reference
            return found
    return None


def is_ours(existing: Manifest, desired: Manifest) -> bool:
    """Whether `existing` may be written as `desired`: it has the same controller, or neither has
    one and it carries our label."""
    has, wants = controller_of(existing), controller_of(desired)
    if has is None or wants is None:
        return has is wants and is_managed(existing)
    return bool(has["uid"] == wants["uid"])


def is_leftover(existing: Manifest, desired: Manifest) -> bool:
    """Whether it belongs to a deleted object whose name ours has now: garbage collection is on
    its way."""
    has, wants = controller_of(existing), controller_of(desired)
    if has is None or wants is None or has["uid"] == wants["uid"]:
        return False
    return all(has[part] == wants[part] for part in ("apiVersion", "kind", "name"))


def is_managed(obj: Manifest) -> bool:
    return (obj["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGED_BY_US


def is_terminating(obj: Manifest) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def hash_of(obj: Manifest) -> str:
    """Of what was wanted when it was last written by us; "" if it never was."""
    return str((obj["metadata"].get("annotations") or {}).get(HASH_ANNOTATION, ""))
