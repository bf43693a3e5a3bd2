"""How long a pod stays bound to a node that is silent: seconds, not Kubernetes' five minutes."""

from typing import Any, Final

from jaxop.api.plan import Manifest

SILENT_NODE_SECONDS: Final = 30
"""After the node has been found not ready. Where the gang misses the process sooner, the operator
deletes the pod itself; a gang that runs on regardless is not disturbed by a kubelet's restart."""

_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def leave_silent_nodes(pod: Manifest) -> None:
    """Adds tolerations to a pod's spec, in place, unless it has its own for these taints."""
    present: list[dict[str, Any]] = pod.get("tolerations") or []
    added = [
        {
            "key": taint,
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": SILENT_NODE_SECONDS,
        }
        for taint in _TAINTS
        if not any(_is_about(toleration, taint) for toleration in present)
    ]
    if added:
        pod["tolerations"] = [*present, *added]


def _is_about(toleration: dict[str, Any], taint: str) -> bool:
    return toleration.get("key") in (None, "", taint) and toleration.get("effect") in (
        None,
        "",
        "NoExecute",
    )
