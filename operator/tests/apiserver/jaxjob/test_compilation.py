"""status.compilation on a real API server: a warm start, a recompilation, and what stays of it."""

import json
import time
from collections.abc import Callable

from operator_process import OperatorProcess
from play import FakeLauncher, Object, Play, wait

WARM: Object = {
    "namespace": "0123456789abcdef",
    "problem": None,
    "requests": 12,
    "hits": 12,
    "readErrors": 0,
    "retrievalSeconds": 0.5,
    "savedSeconds": 8.0,
    "linked": 12,
    "refused": 0,
    "firstStepRequests": 12,
    "firstStepHits": 12,
    "firstStepRetrievalSeconds": 0.5,
    "firstStepSavedSeconds": 8.0,
}
RECOMPILED = "train_step: x float32[32,64] -> float32[17,64]"


def compiled(again: int = 0) -> Object:
    last = RECOMPILED if again else None
    return {"count": 12, "seconds": 0.6, "afterFirstStep": {"count": again, "last": last}}


def test_it_is_told_and_stays(
    play: Play, launcher: FakeLauncher, start_operator: Callable[[str], OperatorProcess]
) -> None:
    start_operator("a").wait_leading()
    play.jaxjob()
    pods = play.pods(2)
    launcher.says(
        "Running",
        {"launcherStarted": time.time()},
        joined=2,
        missing=[],
        step=1,
        compile=compiled(),
        cache=WARM,
        firstStepSeconds=4.6,
    )
    play.run(pods[0], launcher.address)
    play.run(pods[1])
    told = play.wait_state("Running")["compilation"]
    assert told["summary"] == "12/12"
    assert told["start"] == "Warm"
    assert told["firstStep"] == "4.6s (warm; cold was 12.1s)"

    launcher.says("Running", step=2, compile=compiled(again=1))
    wait(
        "the recompilation",
        lambda: play.status()["compilation"].get("lastRecompilation") == RECOMPILED,
        seconds=60.0,
    )
    wait(
        "its event",
        lambda: [line for line in play.events() if line.startswith("Warning Recompiled: ")],
    )

    words = {"version": 1, "scope": "Gang", "cause": None, "epoch": 1, "message": "x", "step": 9}
    words |= {"cache": {**WARM, "requests": 13, "hits": 13}, "compileSeconds": 0.7}
    for pod in pods:
        play.end(pod, 0, json.dumps({**words, "firstStepSeconds": 4.6}))
    play.wait_state("Succeeded")
    wait(
        "the last words",
        lambda: play.status()["compilation"]["summary"] == "13/13",
        seconds=30.0,
    )
    assert play.status()["compilation"]["recompilations"] == 1
