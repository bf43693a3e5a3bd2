"""The nodes of a local cluster, and the accelerators that they play.

Labels, taints and extended resources are those of real node pools, so scheduling, tolerations and
topology are real and only the silicon is not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from e2e.cluster.kubectl import Kubectl


@dataclass(frozen=True)
class Taint:
    key: str
    value: str
    effect: str = "NoSchedule"

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}"


@dataclass(frozen=True)
class NodeRole:
    """`resources` are counts of extended resources that the node says it has."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    resources: Mapping[str, int] = field(default_factory=dict)


CPU = NodeRole("cpu")
TPU = NodeRole(
    "tpu",
    labels={
        "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
        "cloud.google.com/gke-tpu-topology": "2x4",
        "cloud.google.com/gke-accelerator-count": "4",
        "cloud.google.com/gke-nodepool": "tpu-v5e-2x4",
    },
    taints=(Taint("google.com/tpu", "present"),),
    # Two slices of two hosts with four chips each, all played by one node.
    resources={"google.com/tpu": 16},
)
GPU = NodeRole(
    "gpu",
    labels={
        "cloud.google.com/gke-accelerator": "nvidia-h100-80gb",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
        "nvidia.com/gpu.count": "8",
        "nvidia.com/gpu.memory": "81559",
    },
    taints=(Taint("nvidia.com/gpu", "present"),),
    resources={"nvidia.com/gpu": 8},
)

NODES = (CPU, TPU, GPU)


def play(kubectl: Kubectl, node: str, role: NodeRole) -> None:
    """Says in the node's status that it has the role's extended resources.

    That is how the Kubernetes documentation advertises resources without a device plugin; a
    kubelet forgets them when it starts anew.
    """
    if role.resources:
        counts = {name: str(count) for name, count in role.resources.items()}
        patch = json.dumps({"status": {"capacity": counts, "allocatable": counts}})
        kubectl.run("patch", "node", node, "--subresource=status", f"--patch={patch}")
