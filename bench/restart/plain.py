"""The same program as an Indexed Job under plain JAX with its defaults: what one has without us.

`jax.distributed.initialize()` finds its world by the variables that Open MPI sets, as it does under
our launcher. backoffLimit is far above the default of 6, which such a job often exceeds by one
death, as each process that loses its peers counts as a failure.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.pods import Pod, Pods
from bench.restart.deaths import Death
from bench.restart.measured import Restart
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.tests.jaxjobs import a_jaxjob

NAME = "plain"
PORT = 8476
BACKOFF_LIMIT = 1000
START_SECONDS = 180.0
POLL_SECONDS = 2.0
INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"


@dataclass(frozen=True)
class PlainJob:
    kubectl: Kubectl
    namespace: str
    pods: Pods
    hosts: int
    give_up_seconds: float
    way: str = "plain JAX in a Job"

    def create(self) -> None:
        """Returns once all its processes step."""
        manifests = [_service(), _job(self.hosts, f"{NAME}-0.{NAME}.{self.namespace}.svc")]
        for manifest in manifests:
            manifest["metadata"]["namespace"] = self.namespace
        self.kubectl.apply(manifests)
        deadline = time.monotonic() + START_SECONDS
        while self._stepping(self.pods.alive()) is None:
            if time.monotonic() > deadline:
                told = self.kubectl.run("get", "pods", f"--namespace={self.namespace}")
                raise ClusterError(f"plain JAX does not step after {START_SECONDS:.0f} s:\n{told}")
            time.sleep(POLL_SECONDS)

    def dies(self, name: str, death: Death, process: int) -> Restart:
        """Waits until the survivors have ended and a whole new world steps, or gives up."""
        old = self.pods.alive()
        (victim,) = [pod for pod in old if pod.index == process]
        died = death(self.kubectl, self.namespace, victim)
        survivors = [pod for pod in old if pod is not victim]
        deadline = time.monotonic() + self.give_up_seconds
        stepping = None
        while stepping is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            new = [pod for pod in self.pods.alive() if pod not in old]
            stepping = self._stepping(new)
        at = {}
        ends = [pod.ended for pod in survivors if pod.ended is not None]
        if len(ends) == len(survivors):
            at["survivors ended"] = max(ends) - died
        if stepping is not None:
            at["last pod made"] = max(pod.created for pod in new) - died
            for part, event in (
                ("all spawned", "began"),
                ("initialised", "initialised"),
                ("first step", "stepped"),
            ):
                at[part] = max(each[event] for each in stepping) - died
        codes = [pod.exit_code for pod in survivors]
        made = len(self.pods.all()) - len(old)
        notes = (f"survivors' exit codes {codes}; the Job made {made} pods",)
        return Restart(self.way, name, at, None if stepping else self.give_up_seconds, notes)

    def _stepping(self, pods: Sequence[Pod]) -> list[dict[str, float]] | None:
        """What each of them said, if there is one of each index and all of them step."""
        indices = [pod.index for pod in pods]
        if len(indices) != self.hosts or set(indices) != set(range(self.hosts)):
            return None
        if any(pod.running is None for pod in pods):
            return None
        said = [self._said(pod) for pod in pods]
        return said if all("stepped" in each for each in said) else None

    def _said(self, pod: Pod) -> dict[str, float]:
        here = f"--namespace={self.namespace}"
        log = self.kubectl.attempt("logs", pod.name, here).stdout
        lines = [line.removeprefix("bench: ") for line in log.splitlines()]
        events = [json.loads(line) for line in lines if line.startswith('{"event"')]
        return {event["event"]: event["time"] for event in events}


def _service() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {"batch.kubernetes.io/job-name": NAME},
        },
    }


def _job(hosts: int, coordinator: str) -> dict[str, Any]:
    rank = {"name": "OMPI_COMM_WORLD_RANK", "valueFrom": {"fieldRef": {"fieldPath": INDEX}}}
    variables = {
        "JAX_PLATFORMS": "cpu",
        "JAX_COORDINATOR_ADDRESS": f"{coordinator}:{PORT}",
        "OMPI_MCA_orte_hnp_uri": "unused",
        "OMPI_COMM_WORLD_SIZE": str(hosts),
        "OMPI_COMM_WORLD_LOCAL_RANK": "0",
    }
    env = [rank, *({"name": name, "value": value} for name, value in variables.items())]
    job = a_jaxjob().running("program.py").with_program(env=env)
    pod = job.with_pod(subdomain=NAME, restartPolicy="Never").manifest["spec"]["template"]
    spec = {
        "completionMode": "Indexed",
        "completions": hosts,
        "parallelism": hosts,
        "backoffLimit": BACKOFF_LIMIT,
        "template": pod,
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": NAME}, "spec": spec}
