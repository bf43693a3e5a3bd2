"""A JaxJob of several hosts, and what it takes to run again after a death.

Times are those of the launchers, from /status; they and we read the same clock.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.launchers import Status, ask
from bench.pods import Pod, Pods
from bench.restart.deaths import Death
from bench.restart.measured import Restart
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.tests.jaxjobs import a_jaxjob

NAME = "bench"
POLL_SECONDS = 0.02
START_SECONDS = 180.0
SETTLE_SECONDS = 3.0
"""Between a first step and the next death: what others have to write about it is written."""


@dataclass(frozen=True)
class Gang:
    kubectl: Kubectl
    namespace: str
    pods: Pods
    way: str
    give_up_seconds: float

    def create(self, hosts: int, in_place: bool) -> None:
        """Returns once it steps."""
        job = a_jaxjob(NAME).on("cpu", hosts=hosts).running("program.py")
        policy = {"maxRestarts": 100, "inPlace": in_place}
        manifest = job.with_restart_policy(**policy).manifest
        manifest["metadata"]["namespace"] = self.namespace
        self.kubectl.apply([manifest])
        self._until("the gang steps", lambda: self._steps_after((0, 0)), START_SECONDS)

    def delete(self) -> None:
        self.kubectl.run("delete", "jaxjob", NAME, f"--namespace={self.namespace}")
        self._until("all its pods are gone", lambda: not self.pods.alive(), START_SECONDS)

    def dies(self, name: str, death: Death, process: int) -> Restart:
        """Waits until it steps again, or gives up."""
        time.sleep(SETTLE_SECONDS)
        before = self._status() or {}
        victim = self.pods.newest(process)
        if not before or victim is None:
            raise ClusterError(f"process {process} cannot be killed: its gang does not answer")
        number = (before["attempt"], before["epoch"])
        old = self.pods.alive()
        died = death(self.kubectl, self.namespace, victim)
        try:
            after = self._until(
                f"the gang steps again after: {name}",
                lambda: self._steps_after(number),
                self.give_up_seconds,
            )
        except ClusterError as error:
            return Restart(self.way, name, {}, self.give_up_seconds, (str(error),))
        new = [pod for pod in self.pods.alive() if pod not in old]
        survivors = [pod for pod in old if pod is not victim]
        return Restart(self.way, name, self._parts(died, after, survivors, new))

    def _parts(
        self, died: float, after: Status, survivors: list[Pod], new: list[Pod]
    ) -> dict[str, float]:
        times = after["times"]
        noticed = [record["time"] for record in after.get("restarts", [])]
        ended = [pod.ended for pod in survivors if pod.ended is not None]
        at = {
            "noticed": next((at for at in reversed(noticed) if at >= died), None),
            "survivors ended": max(ended, default=None),
            "last pod made": max((pod.created for pod in new), default=None),
            "its launcher ran": max((self._launched(pod) for pod in new), default=None),
            "all joined": times["allJoined"] if new else None,
            "all spawned": times["spawned"],
            "initialised": times["initialised"],
            "first step": times["firstStep"],
        }
        return {part: value - died for part, value in at.items() if value is not None}

    def _launched(self, pod: Pod) -> float:
        status = ask(pod)
        return float(status["times"]["launcherStarted"]) if status else pod.created

    def _steps_after(self, number: tuple[int, int]) -> Status | None:
        status = self._status()
        if status is None or (status["attempt"], status["epoch"]) <= number:
            return None
        return status if status["times"]["firstStep"] else None

    def _status(self) -> Status | None:
        leads = self.pods.newest(0)
        return ask(leads) if leads is not None and leads.ended is None else None

    def _until(self, what: str, look: Callable[[], Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise ClusterError(f"{what}: not so after {seconds:.0f} s\n{self._story()}")
            time.sleep(POLL_SECONDS)
        return seen

    def _story(self) -> str:
        here = f"--namespace={self.namespace}"
        told = self.kubectl.attempt("get", "jaxjobs,jobs,pods", here, "--output=wide").stdout
        return f"{told}\n/status of process 0: {json.dumps(self._status())}"
