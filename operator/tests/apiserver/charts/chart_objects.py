"""Objects of the charts and where the API server has them."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plain_api import APPLY, Answer, Api

CHARTS = Path(__file__).parents[4] / "charts"
NAMESPACE = "jax-operator-system"
PLURALS = {
    "AcceleratorClass": "acceleratorclasses",
    "NetworkPolicy": "networkpolicies",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}
CLUSTER_SCOPED = {
    "AcceleratorClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}

Helm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., list[dict[str, Any]]]


def apply(api: Api, manifest: dict[str, Any], query: str = "") -> Answer:
    """Server-side apply, strict, as kubectl would."""
    return api.request(
        "PATCH",
        f"{url(manifest)}?fieldManager=test&force=true&fieldValidation=Strict{query}",
        manifest,
        content_type=APPLY,
    )


def url(manifest: dict[str, Any]) -> str:
    version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    where = "" if kind in CLUSTER_SCOPED else f"/namespaces/{metadata.get('namespace', NAMESPACE)}"
    plural = PLURALS.get(kind, f"{kind.lower()}s")
    return f"{prefix}{where}/{plural}/{metadata['name']}"
