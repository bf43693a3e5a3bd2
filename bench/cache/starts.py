"""Follows JaxJobs of one host to their first step, by what their launchers say."""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.cache.cpu import owner
from bench.cache.measured import Start
from bench.launchers import Status, ask
from bench.pods import Pod, Pods
from e2e.cluster import pods as pod_processes
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Starts:
    kubectl: Kubectl
    namespace: str
    pods: Pods
    give_up_seconds: float

    def ended_at_first_step(self, jobs: Sequence[str], applied: float) -> list[Start]:
        """In the order of the jobs. A program is killed once it has made its first step: what it
        would do then takes CPU from those that still start."""
        found: dict[str, Start] = {}
        deadline = time.monotonic() + self.give_up_seconds
        while len(found) < len(jobs):
            for job in jobs:
                if job not in found and (start := self._look(job, applied, epoch=1)):
                    found[job] = start
                    self.kill_program(job)
            self._check(deadline, f"{len(found)} of {len(jobs)} jobs have made a first step")
            time.sleep(POLL_SECONDS)
        return [found[job] for job in jobs]

    def first_step(self, job: str, applied: float, epoch: int = 1) -> Start:
        """Of this epoch; the program goes on."""
        deadline = time.monotonic() + self.give_up_seconds
        while not (start := self._look(job, applied, epoch)):
            self._check(deadline, f"{job} has made no first step in epoch {epoch}")
            time.sleep(POLL_SECONDS)
        return start

    def kill_program(self, job: str) -> None:
        pod = self.pod(job)
        if pod is None:
            raise ClusterError(f"the pod of {job} has gone")
        pod_processes.program(pod.uid).signal(signal.SIGKILL)

    def pod(self, job: str) -> Pod | None:
        found = [pod for pod in self.pods.alive() if owner(pod) == job]
        return found[-1] if found else None

    def _look(self, job: str, applied: float, epoch: int) -> Start | None:
        pod = self.pod(job)
        status = ask(pod) if pod is not None else None
        if status is None or status["epoch"] < epoch or status["times"]["firstStep"] is None:
            return None
        return start_of(job, applied, status)

    def _check(self, deadline: float, seen: str) -> None:
        if time.monotonic() > deadline:
            here = f"--namespace={self.namespace}"
            kinds = "compilecaches,warmups,jaxjobs,pods"
            told = self.kubectl.attempt("get", kinds, here, "--output=wide").stdout
            raise ClusterError(f"after {self.give_up_seconds:.0f} s {seen}:\n{told}")


def start_of(job: str, applied: float, status: Status) -> Start:
    """Of a launcher's /status after a first step."""
    cache, times = status["cache"], status["times"]
    requests, hits = cache["firstStepRequests"], cache["firstStepHits"]
    return Start(
        job=job,
        seconds=times["firstStep"] - applied,
        program_seconds=times["firstStep"] - times["spawned"],
        compile_seconds=status["compile"]["seconds"],
        requests=cache["requests"] if requests is None else requests,
        hits=cache["hits"] if hits is None else hits,
        problem=cache["problem"],
    )
