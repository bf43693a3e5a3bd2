"""A namespace to play in: JaxServices as a user applies them, and what the user sees of them."""

from typing import Any

from plain_api import MERGE, Api
from play import Object, wait
from played_kubelet import model_of

NAME = "minilm"
MODEL = "minilm.serving:model"
BETTER = "minilm.better:model"
BROKEN = "broken.serving:model"

GROUPS = {
    "jaxservices": "apis/jaxop.dev/v1alpha1",
    "compilecaches": "apis/jaxop.dev/v1alpha1",
    "warmups": "apis/jaxop.dev/v1alpha1",
    "jaxjobs": "apis/jaxop.dev/v1alpha1",
    "deployments": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
    "controllerrevisions": "apis/apps/v1",
    "poddisruptionbudgets": "apis/policy/v1",
}
CHILDREN = (
    *("controllerrevisions", "deployments", "replicasets", "pods", "services"),
    "poddisruptionbudgets",
)


class ServicePlay:
    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    def path(self, kind: str, name: str = "", subresource: str = "") -> str:
        group = GROUPS.get(kind, "api/v1")
        parts = [group, "namespaces", self.namespace, kind, name, subresource]
        return "/" + "/".join(part for part in parts if part)

    def create(self, kind: str, manifest: Object) -> Object:
        answer = self.api.request("POST", f"{self.path(kind)}?fieldValidation=Strict", manifest)
        assert answer.code == 201, answer.faults
        return answer.body

    def get(self, kind: str, name: str = NAME, subresource: str = "") -> Object:
        answer = self.api.request("GET", self.path(kind, name, subresource))
        assert answer.code == 200, answer.faults
        return answer.body

    def all(self, kind: str) -> list[Object]:
        """In order of name."""
        items: list[Object] = self.api.request("GET", self.path(kind)).body["items"]
        return sorted(items, key=lambda item: str(item["metadata"]["name"]))

    def names(self, kind: str) -> list[str]:
        return [item["metadata"]["name"] for item in self.all(kind)]

    def delete(self, kind: str, name: str = NAME) -> None:
        answer = self.api.request("DELETE", self.path(kind, name))
        assert answer.code in (200, 202), answer

    def patch(self, kind: str, name: str, patch: Object, subresource: str = "") -> Object:
        answer = self.api.request(
            "PATCH", self.path(kind, name, subresource), patch, content_type=MERGE
        )
        assert answer.code == 200, answer.faults
        return answer.body

    # JaxServices

    def service(self, model: str = MODEL, **spec: Any) -> Object:
        """Creates one, of two replicas of one host on cpu unless said otherwise."""
        server = {"name": "jax", "image": "team/minilm:1"}
        wanted = {
            "accelerator": {"class": "cpu", "hosts": 1},
            "model": {"entry": model},
            "template": {"spec": {"schedulerName": "the-test", "containers": [server]}},
            "replicas": 2,
            **spec,
        }
        return self.create(
            "jaxservices",
            {
                "apiVersion": "jaxop.dev/v1alpha1",
                "kind": "JaxService",
                "metadata": {"name": NAME},
                "spec": wanted,
            },
        )

    def change(self, **spec: Any) -> Object:
        return self.patch("jaxservices", NAME, {"spec": spec})

    def serve(self, model: str) -> Object:
        return self.change(model={"entry": model})

    def scale(self, replicas: int) -> Object:
        """As `kubectl scale` does."""
        return self.patch("jaxservices", NAME, {"spec": {"replicas": replicas}}, "scale")

    def status(self) -> Object:
        status: Object = self.get("jaxservices").get("status", {})
        return status

    def wait_state(self, state: str, reason: str = "", **fields: Any) -> Object:
        """Of what the spec says now."""

        def check() -> Object:
            found = self.get("jaxservices")
            status: Object = found.get("status", {})
            seen = {name: status.get(name) for name in ("state", "reason", "message", *fields)}
            assert status.get("observedGeneration") == found["metadata"]["generation"], seen
            assert status.get("state") == state, seen
            assert not reason or status.get("reason") == reason, seen
            assert all(status.get(name) == value for name, value in fields.items()), seen
            return status

        found: Object = wait(f"JaxService {NAME} is {state} {reason} {fields}", check)
        return found

    def models(self) -> list[str]:
        """Of all pods that are not on their way out."""
        return sorted(
            model_of(pod) for pod in self.all("pods") if "deletionTimestamp" not in pod["metadata"]
        )

    def conditions(self) -> dict[str, tuple[str, str]]:
        return {c["type"]: (c["status"], c["reason"]) for c in self.status()["conditions"]}

    def events(self) -> list[str]:
        """`Type Reason` of the JaxService's events, oldest first."""
        about = [e for e in self.all("events") if e["involvedObject"]["kind"] == "JaxService"]
        about.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [f"{event['type']} {event['reason']}" for event in about]
