"""JobSet's Go controller on the same work, for orientation.

JobSet at commit 08dfbdf (August 2026), Kubernetes 1.35.4, etcd without fsync, no kubelet, kwok's
fake nodes, one machine of 2 cores for everything, 20 concurrent creates; manager out of cluster
with its default client limit of 500 requests/s, kube-controller-manager at 500/1000. One JobSet is
one Job of two pods. Measured once, on a noisy machine of the same kind, in several runs where a
range is given.
"""

from collections.abc import Mapping

MANY: Mapping[tuple[str, int], Mapping[str, str]] = {
    ("full", 100): {
        "all Jobs exist, s": "5.6-5.9",
        "all pods exist, s": "5.7-6.0",
        "every status right, s": "6.7-6.9",
        "CPU, s": "0.8-0.9",
        "peak memory, MB": "65",
    },
    ("full", 500): {
        "all Jobs exist, s": "31.3-33.7",
        "all pods exist, s": "31.4-33.8",
        "every status right, s": "34.8-36.7",
        "status right since creation, p50, s": "32-35",
        "own writes per job": "4",
        "API requests per job": "24.5",
        "CPU, s": "4.2-4.4",
        "peak memory, MB": "103",
    },
    ("full", 1000): {
        "all Jobs exist, s": "71.5",
        "all pods exist, s": "71.7",
        "every status right, s": "78.6",
        "CPU, s": "8.7",
        "peak memory, MB": "149",
        "idle: CPU, s per minute": "0.02",
        "idle: memory, MB": "150",
    },
    ("alone", 500): {"all Jobs exist, s": "6.8", "CPU, s": "1.54"},
}

LARGE: Mapping[str, str] = {
    "all Jobs exist, s": "0.2",
    "all pods exist, s": "12.4-12.8",
    "failure noticed, s": "2.0",
    "old Jobs gone, s": "18-21",
    "all new pods exist, s": "30.1-33.1",
    "API requests of the recreate": "12,100",
    "CPU, s": "2.8-3.0",
}
