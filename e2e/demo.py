"""`make demo`: a real cluster, the operator, and a JaxJob that trains in two real pods."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.progress import Progress
from e2e.deploy import Deployment, deploy

NAMESPACE = "demo"
NAME = "digits"
MANIFEST = Path(__file__).parents[1] / "examples" / "digits" / "jaxjob.yaml"
TIMEOUT_SECONDS = 300.0
WANTED_ACCURACY = 0.97
STARTUP = (
    "scheduleSeconds",
    "joinSeconds",
    "initialiseSeconds",
    "compileSeconds",
    "firstStepSeconds",
)


def main() -> int:
    progress = Progress()
    try:
        deployment = deploy([NAME], progress)
        job = _train(deployment)
        result = _result(deployment.kubectl)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    _print_story(deployment, job, result, progress)
    return 0 if result["accuracy"] >= WANTED_ACCURACY else 1


def _train(deployment: Deployment) -> dict[str, Any]:
    """Applies the example anew and follows it to its end; the JaxJob as it ended."""
    kubectl, progress = deployment.kubectl, deployment.progress
    _forget_last_demo(deployment)
    kubectl.run("create", "namespace", NAMESPACE)
    progress.say(f"kubectl apply -f {MANIFEST.relative_to(Path.cwd())}")
    kubectl.run("apply", f"--namespace={NAMESPACE}", f"--filename={MANIFEST}")
    last: dict[str, Any] = {}
    for job in _states(kubectl):
        last = job
        status = job["status"]
        progress.say(f"{status['state']:16} {status['message']}")
    if last["status"]["state"] != "Succeeded":
        raise ClusterError(f"the JaxJob has not succeeded:\n{_explained(deployment)}")
    return last


def _forget_last_demo(deployment: Deployment) -> None:
    """Its checkpoints too: a demo that resumes at the last step shows no training."""
    if deployment.kubectl.attempt("get", "namespace", NAMESPACE).returncode == 0:
        with deployment.progress.step("deleting the last demo"):
            deployment.kubectl.run("delete", "namespace", NAMESPACE, "--timeout=90s")
    deployment.cluster.up(Progress(quiet=True))


def _states(kubectl: Kubectl) -> Iterator[dict[str, Any]]:
    """The JaxJob each time its state or message changes, until it has ended."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    seen = None
    while time.monotonic() < deadline:
        job = kubectl.get("jaxjob", NAME, f"--namespace={NAMESPACE}")
        status = job.get("status", {})
        if status and (now := (status["state"], status["message"])) != seen:
            seen = now
            yield job
            if status["state"] in ("Succeeded", "Failed"):
                return
        time.sleep(0.5)
    raise ClusterError(f"the JaxJob has not ended after {TIMEOUT_SECONDS:.0f} s; last: {seen}")


def _result(kubectl: Kubectl) -> dict[str, Any]:
    """What the program itself printed as its result."""
    for line in _logs(kubectl):
        if line.startswith("result: "):
            result: dict[str, Any] = json.loads(line.removeprefix("result: "))
            return result
    raise ClusterError("the program has not printed a line that begins with 'result: '")


def _logs(kubectl: Kubectl) -> list[str]:
    """Of process 0; the others say next to nothing."""
    selector = f"--selector=jaxop.dev/jaxjob={NAME},batch.kubernetes.io/job-completion-index=0"
    said = kubectl.run("logs", f"--namespace={NAMESPACE}", selector, "--container=jax", "--tail=-1")
    return said.splitlines()


def _explained(deployment: Deployment) -> str:
    jaxop = Path(sys.executable).with_name("jaxop")
    argv = [str(jaxop), "explain", "jaxjob", NAME, "--namespace", NAMESPACE]
    env = {**os.environ, "KUBECONFIG": str(deployment.cluster.kubeconfig)}
    done = subprocess.run(argv, capture_output=True, text=True, env=env)
    return done.stdout + done.stderr


def _print_story(
    deployment: Deployment, job: dict[str, Any], result: dict[str, Any], progress: Progress
) -> None:
    kubectl = deployment.kubectl
    in_namespace = f"--namespace={NAMESPACE}"
    startup = job["status"].get("startup", {})
    print("\nThe program, process 0:")
    print("\n".join(f"    {line}" for line in _logs(kubectl)[-8:]))
    print("\n$ kubectl get jaxjobs")
    print(kubectl.run("get", "jaxjobs", in_namespace))
    print("$ kubectl get pods")
    print(kubectl.run("get", "pods", in_namespace))
    print(f"$ jaxop explain jaxjob {NAME}")
    print(_explained(deployment))
    print("Time, seconds:")
    for name, seconds in sorted(startup.items(), key=lambda phase: STARTUP.index(phase[0])):
        print(f"    {'start: ' + name.removesuffix('Seconds'):24} {seconds:8.1f}")
    for name, seconds in result["seconds"].items():
        print(f"    {'program: ' + name:24} {seconds:8.1f}")
    print(f"    {'this demo in all':24} {progress.elapsed_seconds:8.1f}")
    accuracy = result["accuracy"]
    verdict = "as wanted" if accuracy >= WANTED_ACCURACY else f"below {WANTED_ACCURACY}"
    print(f"\nTest accuracy {accuracy:.4f} ({verdict}), {result['processes']} processes.")
    print(f"The cluster stays up: export KUBECONFIG={deployment.cluster.kubeconfig}")
    print("Stop it with: make cluster-down")


if __name__ == "__main__":
    raise SystemExit(main())
