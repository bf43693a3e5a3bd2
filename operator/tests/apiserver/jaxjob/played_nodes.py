"""Nodes that only say that they are there, for a real scheduler to place pods on."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from plain_api import MERGE, Api
from play import wait

BEAT_SECONDS = 5.0


@contextmanager
def nodes(api: Api, of: Mapping[str, Mapping[str, str]], **resources: str) -> Iterator[None]:
    """`of` is name -> labels. They are ready, and stay so, until the block ends."""
    has = {"cpu": "8", "memory": "16Gi", "pods": "110", **resources}
    over = threading.Event()
    beats = threading.Thread(target=_beat, args=(api, list(of), has, over), daemon=True)
    try:
        for name, labels in of.items():
            body = {"metadata": {"name": name, "labels": dict(labels)}}
            answer = api.request("POST", "/api/v1/nodes", body)
            assert answer.code == 201, answer.faults
            _say_ready(api, name, has)
        beats.start()
        wait("the nodes have no taints", lambda: all(not _taints(api, name) for name in of))
        yield
    finally:
        over.set()
        if beats.ident is not None:
            beats.join()
        for name in of:
            api.request("DELETE", f"/api/v1/nodes/{name}")


def _beat(api: Api, names: list[str], has: Mapping[str, str], over: threading.Event) -> None:
    while not over.wait(BEAT_SECONDS):
        for name in names:
            _say_ready(api, name, has)


def _say_ready(api: Api, name: str, has: Mapping[str, str]) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ready: dict[str, Any] = {
        "type": "Ready",
        "status": "True",
        "reason": "Played",
        "lastHeartbeatTime": now,
    }
    status = {"capacity": dict(has), "allocatable": dict(has), "conditions": [ready]}
    answer = api.request(
        "PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, content_type=MERGE
    )
    assert answer.code == 200, answer.faults


def _taints(api: Api, name: str) -> list[Any]:
    return list(api.request("GET", f"/api/v1/nodes/{name}").body["spec"].get("taints") or [])
