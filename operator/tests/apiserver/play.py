"""A namespace to play in: JaxJobs as a user applies them, pods as a kubelet would report them.

There is no kubelet and, for these pods, no scheduler: the test says what becomes of each pod.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from plain_api import MERGE, Api

DEADLINE_SECONDS = 30.0

Object = dict[str, Any]


def wait(what: str, check: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
    """The first true result of `check`; fails with what it raised or gave last."""
    deadline = time.monotonic() + seconds
    seen: Any = None
    while time.monotonic() < deadline:
        try:
            seen = check()
        except AssertionError as error:
            seen = error
        else:
            if seen:
                return seen
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}; last seen: {seen!r}")


@dataclass(frozen=True)
class Play:
    api: Api
    namespace: str

    def path(self, kind: str, name: str = "", subresource: str = "") -> str:
        group = {
            "jaxjobs": "apis/jaxop.dev/v1alpha1",
            "compilecaches": "apis/jaxop.dev/v1alpha1",
            "deployments": "apis/apps/v1",
            "jobs": "apis/batch/v1",
            "leases": "apis/coordination.k8s.io/v1",
        }.get(kind, "api/v1")
        parts = [group, "namespaces", self.namespace, kind, name, subresource]
        return "/" + "/".join(part for part in parts if part)

    def create(self, kind: str, manifest: Object) -> Object:
        answer = self.api.request("POST", self.path(kind), manifest)
        assert answer.code == 201, answer.faults
        return answer.body

    def get(self, kind: str, name: str) -> Object | None:
        answer = self.api.request("GET", self.path(kind, name))
        assert answer.code in (200, 404), answer
        return answer.body if answer.code == 200 else None

    def all(self, kind: str) -> list[Object]:
        """In order of name."""
        items: list[Object] = self.api.request("GET", self.path(kind)).body["items"]
        return sorted(items, key=lambda item: item["metadata"]["name"])

    def names(self, kind: str) -> list[str]:
        return [item["metadata"]["name"] for item in self.all(kind)]

    def delete(self, kind: str, name: str) -> None:
        answer = self.api.request("DELETE", self.path(kind, name))
        assert answer.code in (200, 202), answer

    def patch(self, kind: str, name: str, patch: Object, subresource: str = "") -> Object:
        answer = self.api.request(
            "PATCH", self.path(kind, name, subresource), patch, content_type=MERGE
        )
        assert answer.code == 200, answer.faults
        return answer.body

    # JaxJobs

    def jaxjob(self, name: str = "digits", **spec: Any) -> Object:
        """Creates one, of two hosts on cpu unless said otherwise."""
        program = {"name": "jax", "image": "team/digits:1", "command": ["python", "-m", "train"]}
        pod = {"schedulerName": "the-test", "containers": [program]}
        wanted = {"accelerator": {"class": "cpu", "hosts": 2}, "template": {"spec": pod}, **spec}
        return self.create(
            "jaxjobs",
            {
                "apiVersion": "jaxop.dev/v1alpha1",
                "kind": "JaxJob",
                "metadata": {"name": name},
                "spec": wanted,
            },
        )

    def status(self, name: str = "digits") -> Object:
        found = self.get("jaxjobs", name)
        assert found is not None, f"no JaxJob {name}"
        status: Object = found.get("status", {})
        return status

    def wait_state(self, state: str, reason: str = "", name: str = "digits") -> Object:
        def check() -> Object | None:
            status = self.status(name)
            seen = f"{status.get('state')}/{status.get('reason')}: {status.get('message')}"
            assert status.get("state") == state, seen
            assert not reason or status.get("reason") == reason, seen
            return status

        found: Object = wait(f"JaxJob {name} is {state} {reason}", check)
        return found

    def events(self, name: str = "digits") -> list[str]:
        """`Type Reason: message` of the JaxJob's events, oldest first."""
        about = [
            event
            for event in self.all("events")
            if event["involvedObject"]["kind"] == "JaxJob"
            and event["involvedObject"]["name"] == name
        ]
        about.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        assert all(event["count"] == 1 for event in about), "something was told twice"
        return [f"{event['type']} {event['reason']}: {event['message']}" for event in about]

    # pods

    def pods(self, count: int, attempt: int = 0) -> list[Object]:
        """The pods of an attempt, once there are so many, in order of slice and index."""

        def check() -> list[Object] | None:
            found = [
                pod
                for pod in self.all("pods")
                if pod["metadata"]["labels"]["jaxop.dev/attempt"] == str(attempt)
            ]
            return found if len(found) == count else None

        found: list[Object] = wait(f"{count} pods of attempt {attempt} exist", check)
        return found

    def pod_status(self, pod: Object, **status: Any) -> None:
        self.patch("pods", pod["metadata"]["name"], {"status": status}, "status")

    def run(self, pod: Object, ip: str = "192.0.2.1") -> None:
        self.pod_status(
            pod,
            phase="Running",
            podIP=ip,
            podIPs=[{"ip": ip}],
            conditions=[_condition("PodScheduled"), _condition("Ready")],
            containerStatuses=[_container({"running": {"startedAt": _now()}}, ready=True)],
        )

    def bind(self, pod: Object, node: str = "node-of-the-test") -> None:
        """As a scheduler does. From then on a deleted pod stays until its kubelet lets it go."""
        name = pod["metadata"]["name"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        answer = self.api.request("POST", self.path("pods", name, "binding"), binding)
        assert answer.code == 201, answer.faults

    def wait_terminating(self, *pods: Object) -> None:
        """They have been told to stop, and have their grace."""

        def all_told() -> bool:
            seen = [self.get("pods", pod["metadata"]["name"]) for pod in pods]
            assert all(seen), "a pod is gone"
            return all("deletionTimestamp" in pod["metadata"] for pod in seen if pod)

        wait("the pods are told to stop", all_told)

    def let_go(self, pod: Object) -> None:
        """As a kubelet does when all containers of a deleted pod have ended."""
        now = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        path = self.path("pods", pod["metadata"]["name"])
        answer = self.api.request(
            "DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", **now}
        )
        assert answer.code in (200, 404), answer

    def end(self, pod: Object, exit_code: int = 0, message: str = "") -> None:
        ended = {
            "exitCode": exit_code,
            "reason": "Error" if exit_code else "Completed",
            "message": message,
            "startedAt": _now(),
            "finishedAt": _now(),
        }
        live = self.get("pods", pod["metadata"]["name"]) or pod
        conditions = live["status"].get("conditions") or []
        disruption = [c for c in conditions if c["type"] == "DisruptionTarget"]
        self.pod_status(
            pod,
            phase="Failed" if exit_code else "Succeeded",
            conditions=[_condition("PodScheduled"), _condition("Ready", "False"), *disruption],
            containerStatuses=[_container({"terminated": ended})],
        )


class FakeLauncher:
    """Process 0's launcher, as the operator sees it: /status on an address of its own."""

    def __init__(self, address: str, namespace: str, processes: int) -> None:
        self.address = address
        self.asked = 0
        self.report: Object = {
            "version": 1,
            "job": f"{namespace}/digits",
            "attempt": 0,
            "epoch": 1,
            "processId": 0,
            "numProcesses": processes,
            "state": "Joining",
            "joined": 1,
            "missing": list(range(1, processes)),
            "step": None,
            "metrics": {},
            "checkpointStep": None,
            "compile": {"count": 0, "seconds": 0.0},
            "times": {"launcherStarted": time.time()},
            "cause": None,
        }
        launcher = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                launcher.asked += 1
                body = json.dumps(launcher.report).encode()
                self.send_response(200 if self.path == "/status" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, 9431), Answers)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def says(self, state: str, times: dict[str, float] | None = None, **fields: Any) -> None:
        all_times = {**self.report["times"], **(times or {})}
        self.report = {**self.report, "state": state, "times": all_times, **fields}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _condition(kind: str, status: str = "True") -> Object:
    return {"type": kind, "status": status, "lastTransitionTime": _now()}


def _container(state: Object, ready: bool = False) -> Object:
    return {
        "name": "jax",
        "image": "team/digits:1",
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "state": state,
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
