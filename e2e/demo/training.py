"""The first part: a JaxJob that trains a network in two real pods."""

import json
from typing import Any

from e2e.cluster.errors import ClusterError
from e2e.demo.stage import EXAMPLES, Seen, Stage

NAME = "digits"
MANIFEST = EXAMPLES / "digits" / "jaxjob.yaml"
TIMEOUT_SECONDS = 300.0
WANTED_ACCURACY = 0.97
STARTUP = (
    "scheduleSeconds",
    "joinSeconds",
    "initialiseSeconds",
    "compileSeconds",
    "firstStepSeconds",
)


def play(stage: Stage) -> bool:
    """Whether it has learned enough. Raises ClusterError where it has not succeeded."""
    stage.apply(MANIFEST)
    job = stage.follow("jaxjob", NAME, _told, _ended, TIMEOUT_SECONDS)
    if job["status"]["state"] != "Succeeded":
        raise ClusterError(f"the JaxJob has not succeeded:\n{stage.explained('jaxjob', NAME)}")
    result = _result(stage)
    _print_story(stage, job, result)
    accuracy = result["accuracy"]
    learned = bool(accuracy >= WANTED_ACCURACY)
    verdict = "as wanted" if learned else f"below {WANTED_ACCURACY}"
    print(f"\nTest accuracy {accuracy:.4f} ({verdict}), {result['processes']} processes.\n")
    return learned


def _told(status: Seen) -> str:
    return f"{status['state']:16} {status['message']}"


def _ended(job: Seen) -> bool:
    return job["status"]["state"] in ("Succeeded", "Failed")


def _result(stage: Stage) -> dict[str, Any]:
    """What the program itself printed as its result."""
    for line in _logs(stage):
        if line.startswith("result: "):
            result: dict[str, Any] = json.loads(line.removeprefix("result: "))
            return result
    raise ClusterError("the program has not printed a line that begins with 'result: '")


def _logs(stage: Stage) -> list[str]:
    """Of process 0; the others say next to nothing."""
    selector = f"--selector=jaxop.dev/jaxjob={NAME},batch.kubernetes.io/job-completion-index=0"
    return stage.run("logs", selector, "--container=jax", "--tail=-1").splitlines()


def _print_story(stage: Stage, job: Seen, result: dict[str, Any]) -> None:
    print("\nThe program, process 0:")
    print("\n".join(f"    {line}" for line in _logs(stage)[-8:]))
    print()
    stage.show("get", "jaxjobs")
    stage.show("get", "pods")
    print(f"$ jaxop explain jaxjob {NAME}")
    print(stage.explained("jaxjob", NAME))
    print("Time, seconds:")
    startup = job["status"].get("startup", {})
    for name, seconds in sorted(startup.items(), key=lambda phase: STARTUP.index(phase[0])):
        print(f"    {'start: ' + name.removesuffix('Seconds'):24} {seconds:8.1f}")
    for name, seconds in result["seconds"].items():
        print(f"    {'program: ' + name:24} {seconds:8.1f}")
