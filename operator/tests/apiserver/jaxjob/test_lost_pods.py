"""A pod is lost while its gang lives on: the operator's successor, and what the Job makes of it."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from operator_process import OperatorProcess
from play import FakeLauncher, Object, Play, wait

JOB_BACKOFF_SECONDS = 10
"""Of the Job controller, after the first failed pod."""


def of_index(play: Play, index: int, attempt: int = 0) -> list[Object]:
    """In order of creation."""
    pods = [
        pod
        for pod in play.all("pods")
        if pod["metadata"]["labels"].get("batch.kubernetes.io/job-completion-index") == str(index)
        and pod["metadata"]["labels"].get("jaxop.dev/attempt") == str(attempt)
    ]
    return sorted(pods, key=lambda pod: int(pod["metadata"]["resourceVersion"]))


def running(play: Play, launcher: FakeLauncher, **spec: Any) -> list[Object]:
    """A job of two hosts, and its pods."""
    play.jaxjob(**spec)
    first, second = play.pods(2)
    play.run(first, launcher.address)
    play.run(second)
    now = time.time()
    times = {"allJoined": now, "spawned": now, "initialised": now, "firstStep": now}
    launcher.says("Running", times, missing=[], joined=2, step=17, checkpointStep=10)
    play.wait_state("Running")
    return [first, second]


def successor_of(play: Play, pod: Object) -> Object:
    index = int(pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"])

    def check() -> Object | None:
        others = [
            p for p in of_index(play, index) if p["metadata"]["uid"] != pod["metadata"]["uid"]
        ]
        return others[-1] if others else None

    found: Object = wait(f"{pod['metadata']['name']} has a successor", check)
    return found


def a_job_that_is_on_its_own(play: Play) -> Object:
    """Made like ours, but nobody looks after its pods; returns its only pod."""
    (job,) = play.all("jobs")
    spec = job["spec"]
    template = {
        "spec": spec["template"]["spec"],
        "metadata": {"labels": {"jaxop.dev/attempt": "alone"}},
    }
    others = ("template", "selector", "completions", "parallelism")
    kept = {key: value for key, value in spec.items() if key not in others}
    alone = {**kept, "completions": 1, "parallelism": 1}
    manifest = {"metadata": {"name": "alone"}, "spec": {**alone, "template": template}}
    play.create("jobs", {"apiVersion": "batch/v1", "kind": "Job", **manifest})
    return wait("the other Job's pod", lambda: _pods_alone(play))[0]


def _pods_alone(play: Play) -> list[Object]:
    pods = play.all("pods")
    return [p for p in pods if p["metadata"]["labels"]["jaxop.dev/attempt"] == "alone"]


def seconds(time_text: str) -> float:
    return datetime.fromisoformat(time_text).timestamp()


def test_a_killed_pod_has_a_successor_before_its_job_would_make_one(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    first, second = running(play, launcher)
    alone = a_job_that_is_on_its_own(play)
    play.run(alone)
    play.end(alone, 137)
    play.end(second, 137)
    new = successor_of(play, second)
    ended = play.get("pods", second["metadata"]["name"])
    assert ended is not None
    finished = ended["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
    after = seconds(new["metadata"]["creationTimestamp"]) - seconds(finished)
    assert after < JOB_BACKOFF_SECONDS / 2
    assert new["spec"]["hostname"] == second["spec"]["hostname"]
    assert new["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]

    status = play.wait_state("Restarting", "PeerLost")
    assert status["lostPods"] == [second["metadata"]["uid"]]
    assert (status["failure"]["process"], status["failure"]["exitCode"]) == (1, 137)
    assert (status["failure"]["step"], status["failure"]["lostSteps"]) == (17, 7)
    assert status["restartLedger"]["charges"] == [int(seconds(finished)) * 1000]

    wait("the other Job's back-off is over", lambda: len(_pods_alone(play)) == 2, seconds=40)
    assert len(of_index(play, 1)) == 2, "the Job takes the successor for its own"
    (job,) = [job for job in play.all("jobs") if job["metadata"]["name"] == "digits-a0-s0"]
    assert (job["status"]["active"], job["status"]["failed"]) == (2, 1)

    play.run(new)
    now = time.time()
    end = {"epoch": 1, "cause": "PeerLost", "message": "process 1 was lost", "process": 1}
    ends = [{**end, "time": seconds(finished) + 0.5, "spawned": now}]
    ledger = {"restarts": 1, "charges": [], "last": None}
    times = {"allJoined": now, "spawned": now, "initialised": now, "firstStep": now}
    launcher.says("Running", times, epoch=2, restarts=ends, ledger=ledger)
    status = play.wait_state("Running")
    assert (status["epoch"], status["restarts"], status["attempt"]) == (2, 1, 0)
    assert status["failure"]["exitCode"] == 137, "the pod knows better than the gang"

    play.end(first)
    play.end(new)
    play.wait_state("Succeeded")
    done = wait("the Job is complete", lambda: _complete(play, "digits-a0-s0"))
    assert (done["succeeded"], done["failed"]) == (2, 1)
    told = [event for event in play.events() if "Restarting" in event]
    assert len(told) == 1, told
    assert "its launcher was killed by SIGKILL" in told[0]


def test_a_drained_pod_has_a_successor_when_it_has_saved(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    _, second = running(play, launcher)
    play.delete("pods", second["metadata"]["name"])
    stop = {"process": 1, "host": "digits-a0-s0-1", "signal": 15, "time": time.time()}
    launcher.says("Checkpointing", stop=stop)
    status = play.wait_state("Checkpointing", "Preempted")
    assert "process 1 (digits-a0-s0-1) was asked to stop" in status["message"]
    assert len(of_index(play, 1)) == 1, "it may still save"
    said = {"version": 1, "scope": "Pod", "cause": "Preempted", "process": 1, "step": 20}
    words = {**said, "checkpointStep": 20, "message": "process 1 was asked to stop"}
    play.end(second, 143, json.dumps(words))
    new = successor_of(play, second)
    status = play.wait_state("Restarting", "Preempted")
    assert (status["failure"]["step"], status["failure"]["lostSteps"]) == (20, 0)
    assert status["restartLedger"]["charges"] == [], "not the program's fault"
    play.run(new)
    launcher.says("Joining", missing=[1], joined=1, stop=None)
    wait("it is told who is waited for", lambda: "waiting for process 1" in _message(play))


def test_a_lost_process_0_leaves_no_report_to_believe(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    first, _ = running(play, launcher)
    launcher.close()
    play.end(first, 137)
    new = successor_of(play, first)
    play.wait_state("Restarting", "PeerLost")
    again = FakeLauncher(launcher.address.rsplit(".", 1)[0] + ".200", play.namespace, 2)
    try:
        play.run(new, again.address)
        again.says("Running", {}, missing=[], joined=2, epoch=2)
        status = play.wait_state("Running")
    finally:
        again.close()
    assert status["epoch"] == 2


def test_a_gang_that_ended_while_nobody_looked_is_judged_once(
    play: Play,
    operator: OperatorProcess,
    start_operator: Callable[[str], OperatorProcess],
    launcher: FakeLauncher,
) -> None:
    first, second = running(play, launcher)
    operator.kill()
    launcher.close()
    exception = {"type": "ValueError", "message": "bad batch"}
    said = {"version": 1, "scope": "Gang", "cause": "ProgramError", "process": 1, "step": 17}
    ledger = {"restarts": 2, "charges": [1000, 2000], "last": None}
    words = {**said, "exception": exception, "message": "bad batch", "ledger": ledger}
    play.end(second, 3, json.dumps({**words, "exitCode": 3}))
    play.end(first, 3, json.dumps({**words, "exitCode": 3}))
    wait("the Job has failed and starts nothing", lambda: _failed(play, "digits-a0-s0"))
    again = start_operator("b")
    again.wait_leading()
    play.pods(2, attempt=1)
    status = play.status()
    assert (status["restarts"], status["attempt"]) == (3, 1)
    assert status["restartLedger"]["restarts"] == 3
    assert status["message"].startswith("restart 3 with new pods, attempt 1: ")


def test_a_rule_that_says_fail_holds_for_lost_pods_too(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    rules = [{"onExitCodes": [137], "action": "Fail"}]
    _, second = running(play, launcher, restartPolicy={"rules": rules})
    play.end(second, 137)
    status = play.wait_state("Failed", "PeerLost")
    assert status["message"].endswith("(spec.restartPolicy.rules[0] says Fail)")
    assert len(of_index(play, 1)) == 1


def _message(play: Play) -> str:
    return str(play.status().get("message"))


def _complete(play: Play, name: str) -> Object | None:
    return _with_condition(play, name, "Complete")


def _failed(play: Play, name: str) -> Object | None:
    return _with_condition(play, name, "Failed")


def _with_condition(play: Play, name: str, condition: str) -> Object | None:
    job = play.get("jobs", name)
    status: Object = (job or {}).get("status", {})
    holds = {c["type"] for c in status.get("conditions", []) if c["status"] == "True"}
    return status if condition in holds else None
