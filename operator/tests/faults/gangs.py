"""The launchers, played: what jaxrun does in the pods of a JaxJob, by its contract.

A gang is the pods of one attempt. Its life is a list of facts that the story adds to (a program
failed, all have finished), and what follows from them and from which pods run. Restart policies
are judged by the same function as in the operator: the launcher's own is held to the same cases.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compiling import Compiled, Shelf
from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.cause import Cause
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger
from jaxop.api.v1alpha1.restart_policy import RestartPolicy
from jaxop.domain.jaxjob.failures.restart_policy import judge
from jaxop.domain.jaxjob.reading.launcher_reading import read_ledger
from jaxop.kube.resources import JAXJOBS, JOBS, PODS
from virtual_time import virtual_loop
from world import End, World, index_of, owner_uid, phase

JAXJOB, ATTEMPT = "jaxop.dev/jaxjob", "jaxop.dev/attempt"
START_SECONDS = 1.0
"""From all being there until the program runs."""


@dataclass(frozen=True, slots=True)
class ProgramFails:
    """The program of one process ends by itself, at a step."""

    process: int = 1
    exit_code: int = 1
    cause: Cause = "ProgramError"
    step: int = 16


@dataclass
class Gang:
    """`running_from` is when the current epoch's programs run; None while somebody is missing."""

    size: int
    policy: RestartPolicy
    ledger: RestartLedger
    epoch: int = 1
    members: dict[int, str] = field(default_factory=dict)
    """The uid of the pod of each process, for those that have joined this epoch."""
    running_from: float | None = None
    step: int | None = None
    restarts: list[Manifest] = field(default_factory=list)
    leaving: dict[str, Manifest] = field(default_factory=dict)
    """By the uid of a pod that is told to go: why."""
    killed: set[str] = field(default_factory=set)
    """Uids of pods whose launcher gets SIGKILL."""
    compiled: Compiled | None = None
    """With a CompileCache."""
    end: Manifest | None = None
    """The last words, when the gang has ended."""
    exit_code: int = 0


class Gangs:
    """A `world.Workload`; `report` is what process 0 answers."""

    def __init__(self) -> None:
        self.world: World
        self.shelf = Shelf()
        self.judged = 0
        """Failures of programs and losses of pods, all gangs together."""
        self._gangs: dict[tuple[str, int], Gang] = {}
        self._owners: dict[str, str] = {}

    def gang(self, jaxjob: str, attempt: int) -> Gang:
        """Of the JaxJob that has this name now. Raises KeyError if none has started."""
        found = self.world.get(JAXJOBS, jaxjob)
        assert found is not None, f"no JaxJob {jaxjob}"
        return self._gangs[found["metadata"]["uid"], attempt]

    def fails(self, jaxjob: str, attempt: int, fact: ProgramFails) -> None:
        gang = self.gang(jaxjob, attempt)
        gang.step = fact.step
        self.judged += 1
        host = self._name(jaxjob, attempt, fact.process)
        cause = {
            "cause": fact.cause,
            "process": fact.process,
            "host": host,
            "exitCode": fact.exit_code,
            "signal": None,
            "exception": {"type": "ValueError", "message": "bad batch"},
            "message": f"process {fact.process} ({host}) raised ValueError: bad batch",
            "step": fact.step,
            "checkpointStep": None,
            "time": self._now().timestamp(),
        }
        verdict = judge(
            gang.policy, gang.ledger, fact.cause, fact.exit_code, fact.step, self._now()
        )
        if gang.policy.in_place and verdict.action == "RestartInPlace":
            gang.ledger = verdict.ledger
            self._next_epoch(gang, cause, verdict.delay_seconds)
        else:
            gang.end = self._words(gang, cause, "Gang")
            gang.exit_code = fact.exit_code
        self.world.poke()

    def kills(self, jaxjob: str, attempt: int, process: int) -> None:
        """SIGKILL for the launcher of a process, by nobody knows whom."""
        gang = self.gang(jaxjob, attempt)
        gang.killed.add(gang.members[process])
        self.world.poke()

    def finishes(self, jaxjob: str, attempt: int, step: int = 330) -> None:
        gang = self.gang(jaxjob, attempt)
        gang.step = step
        gang.end = self._words(gang, {"cause": None, "time": self._now().timestamp()}, "Gang")
        if gang.compiled is not None and gang.compiled.offered:
            offer = f"{gang.compiled.namespace}.{self._name(jaxjob, attempt, 0)}"
            self.shelf.offers[offer] = gang.compiled.offered
        self.world.poke()

    def end_of(self, pod: Manifest) -> End | None:
        gang = self._gang_of(pod)
        if gang is None:
            return None
        self._go_on(gang, pod)
        if pod["metadata"]["uid"] in gang.killed:
            return End(137)
        if gang.end is None or gang.members.get(_process(pod)) != pod["metadata"]["uid"]:
            return None
        return End(gang.exit_code, json.dumps(gang.end))

    def end_when_deleted(self, pod: Manifest) -> End:
        gang = self._gang_of(pod)
        if gang is None or gang.end is not None:
            return self.end_of(pod) or End(143)
        process, name = _process(pod), pod["metadata"]["name"]
        cause = {
            "cause": "Preempted",
            "process": process,
            "host": pod["spec"]["hostname"],
            "exitCode": 143,
            "signal": 15,
            "exception": None,
            "message": f"process {process} ({name}) was asked to stop (SIGTERM)",
            "step": gang.step,
            "checkpointStep": None,
            "time": self._now().timestamp(),
        }
        gang.leaving[pod["metadata"]["uid"]] = cause
        scope = "Pod" if gang.policy.in_place else "Gang"
        return End(143, json.dumps(self._words(gang, cause, scope)))

    def is_ready(self, _: Manifest) -> bool:
        """They have no probes."""
        return True

    def report(self, ip: str) -> Manifest | None:
        """What the launcher at this address answers; None if there is none, or not process 0's."""
        for pod in self.world.all(PODS):
            status = pod.get("status") or {}
            if status.get("podIP") == ip and phase(pod) == "Running" and _process(pod) == 0:
                gang = self._gang_of(pod)
                return self._report(gang, pod) if gang is not None else None
        return None

    def _gang_of(self, pod: Manifest) -> Gang | None:
        for job in self.world.all(JOBS):
            self._owners[job["metadata"]["uid"]] = owner_uid(job)
        owner = self._owners.get(owner_uid(pod))
        if owner is None:
            return None
        attempt = int(pod["metadata"]["labels"][ATTEMPT])
        gang = self._gangs.get((owner, attempt))
        if gang is None:
            env = _environment(pod)
            policy = RestartPolicy.model_validate_json(
                env.get("JAXRUN_RESTART_POLICY", '{"inPlace": false}')
            )
            ledger = read_ledger(json.loads(env.get("JAXRUN_LEDGER", "{}"))) or RestartLedger()
            gang = Gang(int(env["JAXRUN_NUM_PROCESSES"]), policy, ledger)
            if digest := env.get("JAXRUN_CACHE_NAMESPACE"):
                may_offer = env.get("JAXRUN_CACHE_OFFERS") == "true"
                gang.compiled = Compiled(digest, may_offer, self.shelf.holds(digest))
            self._gangs[owner, attempt] = gang
        return gang

    def _go_on(self, gang: Gang, pod: Manifest) -> None:
        """Members come and go with their pods; when all are there, the programs start."""
        if gang.end is not None:
            return
        mine = owner_uid(pod)
        attempt = pod["metadata"]["labels"][ATTEMPT]
        owner = self._owners[mine]
        running = {
            _process(other): other["metadata"]["uid"]
            for other in self.world.all(PODS)
            if self._owners.get(owner_uid(other)) == owner
            and other["metadata"]["labels"][ATTEMPT] == attempt
            and phase(other) == "Running"
        }
        left = [p for p, uid in gang.members.items() if running.get(p) != uid]
        if left and gang.running_from is not None:
            self._lose(gang, left)
        gang.members = running
        if len(running) == gang.size and gang.running_from is None:
            gang.running_from = virtual_loop().time() + START_SECONDS

    def _lose(self, gang: Gang, left: list[int]) -> None:
        """A peer is gone. In place the others wait for its successor, else it ends the gang."""
        self.judged += 1
        cause = gang.leaving.get(gang.members[left[0]]) or {
            "cause": "PeerLost",
            "process": left[0],
            "host": None,
            "exitCode": 75,
            "signal": None,
            "exception": None,
            "message": f"process {left[0]} was lost: its launcher closed the connection",
            "step": gang.step,
            "checkpointStep": None,
            "time": self._now().timestamp(),
        }
        if gang.policy.in_place:
            self._next_epoch(gang, cause, None)
        else:
            gang.end, gang.exit_code = self._words(gang, cause, "Gang"), 75

    def _next_epoch(self, gang: Gang, cause: Manifest, delay: float | None) -> None:
        """`delay` None: not before all are there again."""
        now = virtual_loop().time()
        retry_at = None if delay is None else self._now().timestamp() + delay
        gang.restarts.append({**cause, "epoch": gang.epoch, "retryAt": retry_at, "spawned": None})
        if delay is None:
            gang.ledger = gang.ledger.replace(restarts=gang.ledger.restarts + 1)
        gang.epoch += 1
        gang.running_from = None if delay is None else now + delay + START_SECONDS

    def _report(self, gang: Gang, pod: Manifest) -> Manifest:
        self._go_on(gang, pod)
        clock = virtual_loop().time()
        runs = gang.running_from is not None and clock >= gang.running_from
        if gang.end is not None:
            state = "Failed" if gang.exit_code else "Succeeded"
        elif runs:
            state = "Running"
            gang.step = max(gang.step or 0, 10 * gang.epoch)
            for restart in gang.restarts:
                restart["spawned"] = restart["spawned"] or self._now().timestamp()
        elif len(gang.members) < gang.size:
            state = "Joining"
        else:
            state = "Restarting" if gang.restarts else "Starting"
        labels = pod["metadata"]["labels"]
        started = self._now().timestamp() if runs else None
        compiled = gang.compiled if runs else None
        cached = {"cache": compiled.cache(over=False)} if compiled is not None else {}
        return {
            **cached,
            "version": 1,
            "job": f"{self.world.namespace}/{labels[JAXJOB]}",
            "attempt": int(labels[ATTEMPT]),
            "epoch": gang.epoch,
            "processId": 0,
            "numProcesses": gang.size,
            "state": state,
            "joined": len(gang.members),
            "missing": sorted(set(range(gang.size)) - set(gang.members)),
            "step": gang.step,
            "metrics": {},
            "checkpointStep": None,
            "compile": {"count": 0, "seconds": compiled.seconds if compiled else 0.0},
            "firstStepSeconds": compiled.seconds if compiled else None,
            "times": {
                "launcherStarted": self._first(gang, started),
                "allJoined": None,
                "spawned": None,
                "jaxImported": None,
                "initialised": None,
                "firstCompile": None,
                "firstStep": None,
                "finished": None,
            },
            "stop": None,
            "ledger": _ledger(gang.ledger),
            "restarts": gang.restarts[-16:],
            "goodput": None,
            "cause": gang.end if gang.end and gang.exit_code else None,
        }

    def _first(self, gang: Gang, started: float | None) -> float | None:
        if gang.running_from is None or started is None:
            return None
        return started - (virtual_loop().time() - gang.running_from)

    def _words(self, gang: Gang, cause: Manifest, scope: str) -> Manifest:
        compiled = gang.compiled
        return {
            "cache": compiled.cache(over=True) if compiled else None,
            "compileSeconds": compiled.seconds if compiled else 0.0,
            "firstStepSeconds": compiled.seconds if compiled else None,
            "version": 1,
            "scope": scope,
            **cause,
            "epoch": gang.epoch,
            "step": gang.step,
            "checkpointStep": None,
            "ledger": _ledger(gang.ledger),
        }

    def _name(self, jaxjob: str, attempt: int, process: int) -> str:
        for pod in self.world.all(PODS):
            labels = pod["metadata"]["labels"]
            if (labels.get(JAXJOB), labels.get(ATTEMPT)) != (jaxjob, str(attempt)):
                continue
            if _process(pod) == process:
                return str(pod["spec"]["hostname"])
        return ""

    def _now(self) -> datetime:
        return virtual_loop().now()


def _ledger(ledger: RestartLedger) -> Manifest:
    found: Manifest = ledger.to_manifest()
    return {"restarts": ledger.restarts, "charges": list(ledger.charges), "last": found.get("last")}


def _process(pod: Manifest) -> int:
    return int(_environment(pod)["JAXRUN_PROCESS_BASE"]) + index_of(pod)


def _environment(pod: Manifest) -> dict[str, Any]:
    containers = {c["name"]: c for c in pod["spec"]["containers"]}
    return {e["name"]: e.get("value", "") for e in containers["jax"].get("env") or ()}
