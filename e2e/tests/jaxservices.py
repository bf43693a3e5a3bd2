"""JaxServices as a test applies and sees them, and a client that asks one without a pause."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from e2e.tests.jaxjobs import CONFIG_MAP, IMAGE, MOUNT
from e2e.tests.namespace import COMES_WITHIN_SECONDS, Namespace, Seen, eventually, is_alive

SERVICE = "jaxop.dev/jaxservice"
REVISION = "jaxop.dev/revision"
SERVES_WITHIN_SECONDS = 180.0
ALL_BUCKETS = 6
"""Of programs/served.py."""


def a_service(entry: str = "served:model", weight: float = 2, **spec: Any) -> dict[str, Any]:
    """Of programs/served.py, on the class `cpu`."""
    container = {
        "name": "jax",
        "image": IMAGE,
        "env": [
            {"name": "JAX_PLATFORMS", "value": "cpu"},
            {"name": "PYTHONPATH", "value": MOUNT},
            {"name": "WEIGHT", "value": f"{weight:g}"},
        ],
        "resources": {
            "requests": {"cpu": "50m", "memory": "150Mi"},
            "limits": {"memory": "800Mi"},
        },
        "volumeMounts": [{"name": CONFIG_MAP, "mountPath": MOUNT}],
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532},
        "containers": [container],
        "volumes": [{"name": CONFIG_MAP, "configMap": {"name": CONFIG_MAP}}],
    }
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxService",
        "metadata": {"name": "times"},
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 1},
            "model": {"entry": entry},
            "template": {"spec": pod},
            **spec,
        },
    }


def status_of(namespace: Namespace) -> Seen:
    status: Seen = namespace.get("jaxservice", "times").get("status", {})
    return status


def wait_until(
    namespace: Namespace,
    what: str,
    so: Callable[[Seen], bool],
    seconds: float = SERVES_WITHIN_SECONDS,
) -> Seen:
    """The status once `so` holds of it."""

    def reached() -> Seen | str:
        status = status_of(namespace)
        return status if so(status) else told_of(status)

    return eventually(f"the JaxService: {what}", reached, seconds)


def wait_for(namespace: Namespace, state: str, seconds: float = SERVES_WITHIN_SECONDS) -> Seen:
    return wait_until(namespace, f"is {state}", lambda s: s.get("state") == state, seconds)


def wait_for_ready(namespace: Namespace, generation: int | None = None) -> Seen:
    """With what was last applied."""
    wanted = generation or namespace.get("jaxservice", "times")["metadata"]["generation"]

    def so(status: Seen) -> bool:
        return status.get("state") == "Ready" and status.get("observedGeneration") == wanted

    return wait_until(namespace, f"is Ready with generation {wanted}", so)


def told_of(status: Seen) -> str:
    counts = {k: status.get(k) for k in ("ready", "buckets", "revisions", "rollout")}
    told = f"{status.get('state')}, {status.get('reason')}: {status.get('message')}"
    return f"{told}; {json.dumps(counts)}"


def pods(namespace: Namespace) -> list[Seen]:
    """That are not being deleted."""
    found = namespace.all_of("pods", f"--selector={SERVICE}=times")
    return [pod for pod in found if is_alive(pod)]


def is_ready(pod: Seen) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def weight_of(pod: Seen) -> float:
    """By the pod itself, past the Service. Raises OSError if it does not serve."""
    url = f"http://{pod['status']['podIP']}:8000/v2/models/times/infer"
    body = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [3]}]}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        said: Seen = json.load(answer)
        return float(said["outputs"][0]["data"][0]) / 3


class Client:
    """A pod of its own that asks the Service all the time."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self.name = "client"

    def start(self) -> "Client":
        container = {
            "name": "jax",
            "image": IMAGE,
            "command": ["python", f"{MOUNT}/asking.py", "http://times"],
            "resources": {"requests": {"cpu": "50m", "memory": "50Mi"}},
            "volumeMounts": [{"name": CONFIG_MAP, "mountPath": MOUNT}],
        }
        pod = {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532},
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [{"name": CONFIG_MAP, "configMap": {"name": CONFIG_MAP}}],
        }
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": self.name}, "spec": pod}
        self._namespace.apply(manifest)

        def asks() -> bool | str:
            done = self._logs()
            return "asking" in done or done

        eventually("the client asks", asks, COMES_WITHIN_SECONDS)
        return self

    def stop(self) -> Seen:
        """What it has to tell."""
        self._namespace.run("exec", self.name, "--", "touch", "/tmp/stop")

        def told() -> Seen | str:
            said = self._logs()
            for line in said.splitlines():
                if line.startswith("told: "):
                    found: Seen = json.loads(line.removeprefix("told: "))
                    return found
            return said

        return eventually("the client has told", told, COMES_WITHIN_SECONDS)

    def _logs(self) -> str:
        here = f"--namespace={self._namespace.name}"
        done = self._namespace.kubectl.attempt("logs", here, self.name)
        return done.stdout + done.stderr
