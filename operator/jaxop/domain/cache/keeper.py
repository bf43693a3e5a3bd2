"""The keeper: one small pod, the only one that writes to what others read."""

from typing import Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache
from jaxop.api.v1alpha1.labels import KEEPER
from jaxop.domain import contract
from jaxop.domain.cache import names
from jaxop.domain.jaxjob.pods.tolerations import leave_silent_nodes

CONTAINER: Final = "keeper"
USER: Final = 65532
GRACE_SECONDS: Final = 10
RESOURCES: Final[Manifest] = {
    "requests": {"cpu": "50m", "memory": "128Mi"},
    "limits": {"memory": "512Mi"},
}


def deployment(cache: CompileCache, runtime_image: str, replicas: int) -> Manifest:
    """The old pod ends before the new one begins: no two keepers, as far as Kubernetes can tell."""
    name = cache.metadata.name
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": names.keeper(name),
            "namespace": cache.metadata.namespace,
            "labels": names.labels(name),
        },
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 2,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {KEEPER: name}},
            "template": {
                "metadata": {"labels": names.keeper_labels(name)},
                "spec": _pod(cache, runtime_image),
            },
        },
    }


def _pod(cache: CompileCache, runtime_image: str) -> Manifest:
    """As restricted as the restricted pod security standard asks for, and without a token."""
    policy = names.keeper(cache.metadata.name)
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            # Going through all entries at each start would take minutes on a large volume.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(runtime_image)],
        "volumes": [
            {
                "name": "cache",
                "persistentVolumeClaim": {"claimName": names.claim_of(cache)},
            },
            {"name": "policy", "configMap": {"name": policy}},
        ],
    }
    leave_silent_nodes(pod)
    return pod


def _container(runtime_image: str) -> Manifest:
    policy_directory = contract.KEEPER_POLICY.rpartition("/")[0]
    return {
        "name": CONTAINER,
        "image": runtime_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "jaxrun", "keep"],
        "env": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
        "ports": [{"name": "http", "containerPort": contract.KEEPER_PORT}],
        "readinessProbe": _probe("/readyz", periodSeconds=5, failureThreshold=2),
        "livenessProbe": _probe("/healthz", periodSeconds=20, failureThreshold=6),
        "resources": RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "cache", "mountPath": contract.KEEPER_VOLUME},
            {"name": "policy", "mountPath": policy_directory, "readOnly": True},
        ],
    }


def _probe(path: str, **times: int) -> Manifest:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 5, **times}
