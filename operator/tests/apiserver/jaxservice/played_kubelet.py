"""The kubelets of a namespace, played, and what runs in the pods of JaxServices.

Each pod runs at once, and its model server loads at once, unless the test holds its model. A model
whose entry begins with `broken` never gets further than its first bucket.
"""

import itertools
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from plain_api import MERGE, Api

Object = dict[str, Any]

BUCKETS = 4
LOOK_AGAIN_SECONDS = 0.1

_addresses = itertools.count(2)


class PlayedReplica:
    """The launcher in a pod, as the operator sees it: /status on an address of its own."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.address = f"127.{os.getpid() % 200 + 1}.1.{next(_addresses)}"
        self.loaded = 0
        self.asked = 0
        self.figures: Object = {}
        replica = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                replica.asked += 1
                body = json.dumps(replica._answer()).encode()
                self.send_response(200 if self.path == "/status" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((self.address, 9431), Answers)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self) -> Object:
        serving = {
            "model": "played",
            "version": "1",
            "state": "Ready" if self.loaded == BUCKETS else "Loading",
            "reason": None,
            "bucketsReady": self.loaded,
            "bucketsTotal": BUCKETS,
            **self.figures,
        }
        gang = {"version": 1, "attempt": 0, "epoch": 1, "numProcesses": 1, "state": "Running"}
        return {**gang, "times": {"launcherStarted": time.time()}, "serving": serving}


class PlayedKubelet:
    """Until it is closed. `replicas` are those in pods that exist, by the pod's name."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.replicas: dict[str, PlayedReplica] = {}
        self.held: set[str] = set()
        """Entries of models that load one bucket and wait."""
        self.fewest_ready: int | None = None
        """Of all looks since this was set, where it is not None."""
        self._api = api
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        for replica in self.replicas.values():
            replica.close()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_AGAIN_SECONDS):
            pods = self._api.request("GET", self._pods).body.get("items") or []
            mine = [p for p in pods if "jaxop.dev/jaxservice" in (p["metadata"]["labels"] or {})]
            for name in self.replicas.keys() - {pod["metadata"]["name"] for pod in mine}:
                self.replicas.pop(name).close()
            ready = sum(self._look_after(pod) for pod in mine)
            if self.fewest_ready is not None:
                self.fewest_ready = min(self.fewest_ready, ready)

    def _look_after(self, pod: Object) -> bool:
        """Whether it is ready."""
        name = pod["metadata"]["name"]
        replica = self.replicas.get(name)
        if replica is None:
            replica = self.replicas[name] = PlayedReplica(model_of(pod))
        stays = replica.model.startswith("broken") or replica.model in self.held
        replica.loaded = 1 if stays else BUCKETS
        ready = replica.loaded == BUCKETS
        if _is_ready(pod) is not ready:
            status = _running(replica.address, ready)
            path = f"{self._pods}/{name}/status"
            self._api.request("PATCH", path, {"status": status}, content_type=MERGE)
        return ready


def model_of(pod: Object) -> str:
    """The entry of the model that its server is told to serve."""
    (server,) = (c for c in pod["spec"]["containers"] if c["name"] == "jax")
    entry: str = server["command"][-1]
    return entry


def _is_ready(pod: Object) -> bool | None:
    """None before it runs."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions") or ()}
    return conditions["Ready"] == "True" if "Ready" in conditions else None


def _running(address: str, ready: bool) -> Object:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
        {"type": "Ready", "status": str(ready), "lastTransitionTime": now},
    ]
    container = {
        "name": "jax",
        "image": "team/minilm:1",
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "state": {"running": {"startedAt": now}},
    }
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": conditions,
        "containerStatuses": [container],
    }
