"""kubectl in the namespace of one test, and waiting for what must come there.

Who waits in vain is told what was seen last; the story of the namespace comes with every failed
test's report (conftest).
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from e2e.cluster.kubectl import Kubectl
from e2e.tests.jaxjobs import JaxJobBuilder, programs_config_map

FINISHED = ("Succeeded", "Failed")
ENDS_WITHIN_SECONDS = 240.0
"""What a small job takes from its creation to its end on a very busy machine of two cores."""
COMES_WITHIN_SECONDS = 120.0
POLL_SECONDS = 0.4

INDEX = "batch.kubernetes.io/job-completion-index"

Seen = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Namespace:
    name: str
    kubectl: Kubectl

    def create(self, labels: dict[str, str]) -> None:
        metadata = {"name": self.name, "labels": labels}
        self.kubectl.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
        self.apply(programs_config_map())

    def delete(self) -> None:
        """Returns before it is gone."""
        self.run("delete", "namespace", self.name, "--wait=false")

    def run(self, *args: str, stdin: str | None = None) -> str:
        return self.kubectl.run(f"--namespace={self.name}", *args, stdin=stdin)

    def apply(self, *manifests: dict[str, Any] | JaxJobBuilder) -> None:
        plain = [m.manifest if isinstance(m, JaxJobBuilder) else m for m in manifests]
        metadata = {"namespace": self.name}
        self.kubectl.apply({**m, "metadata": {**m["metadata"], **metadata}} for m in plain)

    def get(self, *args: str) -> Seen:
        return self.kubectl.get(f"--namespace={self.name}", *args)

    def all_of(self, *args: str) -> list[Seen]:
        items: list[Seen] = self.get(*args)["items"]
        return items

    def jaxjob(self, name: str = "job") -> Seen:
        return self.get("jaxjob", name, "--show-managed-fields")

    def status(self, name: str = "job") -> Seen:
        status: Seen = self.jaxjob(name).get("status", {})
        return status

    def pods(self, jaxjob: str = "job") -> list[Seen]:
        """Ordered by name, and so by attempt, slice and index."""
        found = self.all_of("pods", f"--selector=jaxop.dev/jaxjob={jaxjob}")
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    def logs(self, pod: Seen) -> str:
        return self.run("logs", pod["metadata"]["name"], "--container=jax")

    def saw(self, pod: Seen) -> Seen:
        """What programs/world.py told in this pod."""
        line = next(line for line in self.logs(pod).splitlines() if line.startswith("saw: "))
        told: Seen = json.loads(line.removeprefix("saw: "))
        return told

    def told(self, pod: Seen) -> list[Seen]:
        """What programs/lasting.py said in this pod, the oldest epoch first."""
        lines = [line for line in self.logs(pod).splitlines() if line.startswith("told: ")]
        return [json.loads(line.removeprefix("told: ")) for line in lines]

    def gang(self, jaxjob: str = "job") -> Seen | None:
        """What the launcher of process 0 says at /status; None while it does not answer."""
        for pod in self.pods(jaxjob):
            if pod["metadata"]["labels"].get(INDEX) == "0" and is_alive(pod):
                path = f"/api/v1/namespaces/{self.name}/pods/{pod['metadata']['name']}:9431"
                done = self.kubectl.attempt("get", "--raw", f"{path}/proxy/status")
                if done.returncode == 0:
                    status: Seen = json.loads(done.stdout)
                    return status
        return None

    def evict(self, pod: Seen) -> None:
        """As `kubectl drain` does it."""
        name = pod["metadata"]["name"]
        path = f"/api/v1/namespaces/{self.name}/pods/{name}/eviction"
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": self.name},
        }
        self.kubectl.run("create", "--raw", path, "--filename=-", stdin=json.dumps(eviction))

    def exec(self, pod: Seen, script: str) -> str:
        """A line of shell in the pod's program container."""
        name = pod["metadata"]["name"]
        return self.run("exec", name, "--container=jax", "--", "sh", "-c", script)

    def kill_program(self, pod: Seen) -> None:
        """Of a program that has written its process id to /tmp/pid."""
        self.exec(pod, "kill -9 $(cat /tmp/pid)")

    def let_go(self, jaxjob: str = "job") -> None:
        """Ends the waiting of a program that runs with --hold."""
        self.exec([pod for pod in self.pods(jaxjob) if is_alive(pod)][-1], "touch /tmp/go")

    def events(self, jaxjob: str = "job") -> list[str]:
        """Reasons, in the order in which they were written."""
        uid = self.jaxjob(jaxjob)["metadata"]["uid"]
        found = self.all_of("events", f"--field-selector=involvedObject.uid={uid}")
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [str(event["reason"]) for event in found]

    def wait_for(self, state: str, jaxjob: str = "job", seconds: float | None = None) -> Seen:
        """The status once the job is in this state; fails at once if it ends in another."""
        wanted_end = state in FINISHED
        limit = seconds or (ENDS_WITHIN_SECONDS if wanted_end else COMES_WITHIN_SECONDS)

        def reached() -> Seen | str:
            status = self.status(jaxjob)
            if status.get("state") == state:
                return status
            told = f"{status.get('state')}, {status.get('reason')}: {status.get('message')}"
            assert status.get("state") not in FINISHED, f"JaxJob {jaxjob} has ended: {told}"
            return told

        return eventually(f"JaxJob {jaxjob} is {state}", reached, limit)

    def wait_for_reason(
        self, reason: str, says: str, jaxjob: str = "job", seconds: float = COMES_WITHIN_SECONDS
    ) -> Seen:
        """The status once it has the reason and its message has the words."""

        def reached() -> Seen | str:
            status = self.status(jaxjob)
            if status.get("reason") == reason and says in status["message"]:
                return status
            return f"{status.get('state')}, {status.get('reason')}: {status.get('message')}"

        return eventually(f"JaxJob {jaxjob} says {reason}, {says!r}", reached, seconds)

    def wait_until(
        self,
        what: str,
        so: Callable[[Seen], bool],
        jaxjob: str = "job",
        seconds: float = COMES_WITHIN_SECONDS,
    ) -> Seen:
        """The status once `so` holds of it; fails at once if the job has ended before."""

        def reached() -> Seen | str:
            status = self.status(jaxjob)
            if so(status):
                return status
            assert status.get("state") not in FINISHED, f"JaxJob {jaxjob} has ended: {status}"
            return json.dumps(status)

        return eventually(f"JaxJob {jaxjob}: {what}", reached, seconds)

    def wait_for_epoch(
        self, epoch: int, jaxjob: str = "job", seconds: float = COMES_WITHIN_SECONDS
    ) -> Seen:
        """The status once the job runs in this epoch of whatever attempt."""

        def so(status: Seen) -> bool:
            return status.get("state") == "Running" and status.get("epoch") == epoch

        return self.wait_until(f"Running in epoch {epoch}", so, jaxjob, seconds)

    def wait_for_attempt(self, attempt: int, jaxjob: str = "job") -> Seen:
        """The status once this attempt has begun."""

        def reached() -> Seen | str:
            status = self.status(jaxjob)
            begun = status.get("attempt") == attempt
            return status if begun else f"attempt {status.get('attempt')}, {status.get('state')}"

        return eventually(f"attempt {attempt} of {jaxjob}", reached, COMES_WITHIN_SECONDS)

    def story(self) -> str:
        """All that helps to understand a failed test."""
        kubectl, here = self.kubectl, f"--namespace={self.name}"
        parts = (
            ("get", "jaxservices,jaxjobs,warmups,compilecaches", "--output=wide"),
            ("get", "jobs,pods,services,secrets,persistentvolumeclaims", "--output=wide"),
            ("get", "events", "--sort-by=.metadata.creationTimestamp"),
            ("logs", "--selector=jaxop.dev/jaxjob", "--container=jax", "--prefix", "--tail=40"),
            ("logs", "--selector=jaxop.dev/keeper", "--prefix", "--tail=40"),
            (
                *("get", "jaxjobs,warmups,compilecaches"),
                "--output=jsonpath={range .items[*]}{.metadata.name} {.status}{'\\n'}{end}",
            ),
        )
        told = []
        for args in parts:
            done = kubectl.attempt(here, *args)
            told.append(f"$ kubectl {' '.join(args)}\n{done.stdout}{done.stderr}")
        return "\n".join(told)


def is_alive(pod: Seen) -> bool:
    """It is not over, and nobody has deleted it."""
    ended = pod["status"].get("phase") in ("Succeeded", "Failed")
    return not ended and "deletionTimestamp" not in pod["metadata"]


def eventually(what: str, look: Callable[[], T | str], seconds: float) -> T:
    """The first that `look` returns but a string; a string says what is still wrong."""
    deadline = time.monotonic() + seconds
    while isinstance(seen := look(), str):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not so after {seconds:.0f} s; last seen: {seen}")
        time.sleep(POLL_SECONDS)
    return seen
