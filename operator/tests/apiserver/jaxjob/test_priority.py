"""A job of a higher priority takes the node of a lower one: Preempted, and not its fault."""

import secrets
from typing import Any

from operator_process import OperatorProcess
from play import Object, Play, wait
from played_nodes import nodes

KIND = "example.com/kind"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"


def a_job(play: Play, name: str, kind: str, priority: str, **spec: Any) -> None:
    """One host, as large as a node."""
    program = {
        "name": "jax",
        "image": "i:1",
        "command": ["a"],
        "resources": {"requests": {"cpu": "6"}},
    }
    pod = {"nodeSelector": {KIND: kind}, "priorityClassName": priority, "containers": [program]}
    play.jaxjob(name, accelerator={"class": "cpu", "hosts": 1}, template={"spec": pod}, **spec)


def test_preempted_by_priority_and_not_counted(play: Play, operator: OperatorProcess) -> None:
    kind = f"kind-{secrets.token_hex(4)}"
    for name, value in (("low", 1), ("high", 1000)):
        body = {"metadata": {"name": f"{kind}-{name}"}, "value": value}
        answer = play.api.request("POST", CLASSES, body)
        assert answer.code == 201, answer.faults
    try:
        with nodes(play.api, {f"{kind}-0": {KIND: kind}}):
            a_job(play, "low", kind, f"{kind}-low", restartPolicy={"maxRestarts": 0})
            victim = wait("it has the node", lambda: _of(play, "low"))
            play.run(victim)
            a_job(play, "high", kind, f"{kind}-high")
            play.wait_terminating(victim)
            play.end(victim, 143)

            def told() -> Object:
                status = play.status("low")
                failure = status.get("failure", {})
                assert failure.get("cause") == "Preempted", status
                return status

            status: Object = wait("it says that it was preempted", told)
            assert "PreemptionByScheduler" in status["failure"]["message"]
            assert status["state"] not in ("Failed",), "maxRestarts 0 is for the program's faults"
            play.let_go(victim)
            wait("the high one has the node", lambda: _of(play, "high"))
    finally:
        for name in ("low", "high"):
            play.api.request("DELETE", f"{CLASSES}/{kind}-{name}")


def _of(play: Play, jaxjob: str) -> Object | None:
    found = [
        pod
        for pod in play.all("pods")
        if pod["metadata"]["labels"]["jaxop.dev/jaxjob"] == jaxjob and pod["spec"].get("nodeName")
    ]
    return found[0] if found else None
