"""Fake nodes: kwok makes their pods ready, and takes them away when they are deleted."""

from typing import Any

import yaml
from jaxop.kube.client import ApiClient
from jaxop.kube.resources import NODES

from bench.operator import isolation
from e2e.cluster import binaries
from e2e.cluster.lite import LiteCluster
from e2e.cluster.processes import Component

MANAGER = "bench"
LEASE_SECONDS = 40
PARALLEL = 16

NODE_READY = """
{{ $now := Now }}
conditions:
- {type: Ready, status: "True", reason: KwokReady, message: fake, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
"""  # noqa: E501

POD_READY = """
{{ $now := Now }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- {type: {{ $type }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
hostIP: {{ index (NodeIPsWith .spec.nodeName) 0 | Quote }}
podIP: {{ index (PodIPsWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace) 0 | Quote }}
phase: Running
startTime: {{ $now | Quote }}
"""  # noqa: E501


def start(cluster: LiteCluster) -> Component:
    """Its pods stay ready: nothing ends by itself."""
    config = cluster.directory / "kwok.yaml"
    config.write_text(yaml.safe_dump_all(_configuration()))
    home = cluster.directory / "kwok-home"
    home.mkdir()
    return cluster.launch(
        "kwok",
        [
            "env",
            f"HOME={home}",
            str(binaries.path("kwok")),
            f"--kubeconfig={cluster.kubeconfig}",
            f"--config={config}",
            "--manage-all-nodes=true",
            f"--cidr={isolation.PODS}",
            f"--node-ip={isolation.ADDRESS}",
            f"--node-lease-duration-seconds={LEASE_SECONDS}",
        ],
    )


async def add_nodes(client: ApiClient, count: int) -> None:
    for number in range(count):
        room = {"cpu": "1000", "memory": "1000Gi", "pods": "1000"}
        await client.create(
            NODES,
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": f"fake-{number}",
                    "annotations": {"kwok.x-k8s.io/node": "fake"},
                },
                "status": {"allocatable": room, "capacity": room},
            },
            manager=MANAGER,
        )


def _configuration() -> list[dict[str, Any]]:
    options = {
        "manageAllNodes": True,
        "enablePodsOnNodeSyncListPager": True,
        "podPlayStageParallelism": PARALLEL,
        "nodePlayStageParallelism": 4,
        "nodeLeaseParallelism": 4,
        "podsOnNodeSyncParallelism": 4,
        "nodeLeaseDurationSeconds": LEASE_SECONDS,
    }
    there = {"key": ".metadata.deletionTimestamp", "operator": "Exists"}
    alive = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
    pending = {"key": ".status.phase", "operator": "In", "values": ["Pending"]}
    unready = {
        "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
        "operator": "NotIn",
        "values": ["True"],
    }
    return [
        {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokConfiguration",
            "options": options,
        },
        _stage("node-ready", "Node", [unready], {"statusTemplate": NODE_READY}),
        _stage("pod-ready", "Pod", [alive, pending], {"statusTemplate": POD_READY}),
        _stage("pod-delete", "Pod", [there], {"delete": True}),
    ]


def _stage(
    name: str, kind: str, matches: list[dict[str, Any]], then: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": matches},
            "next": then,
        },
    }
