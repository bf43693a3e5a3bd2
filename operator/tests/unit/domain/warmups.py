"""A namespace of Warmups, in which plans are carried out at once and JaxJobs are played.

`look` is one pass of the operator over one Warmup, with all that it would see.
"""

import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from building import NOW, SETTINGS, seconds
from caching import a_cache
from catalogue import catalogue
from jaxop.api.plan import Event, Manifest, Plan
from jaxop.api.v1alpha1 import CompileCache, JaxJob, Warmup
from jaxop.api.v1alpha1.labels import WARMUP, WARMUP_RUN
from jaxop.api.v1alpha1.warmup import WARMUP_FINISHED, WarmupStatus
from jaxop.domain.cache.snapshot import Offer
from jaxop.domain.warmup import Keeper, Rival, Snapshot, decide, refused

DIGEST = "0123456789abcdef"


@dataclass
class Namespace:
    warmups: dict[str, Manifest] = field(default_factory=dict)
    jobs: dict[str, Manifest] = field(default_factory=dict)
    cache: CompileCache | None = field(default_factory=a_cache)
    keeper: Keeper = field(default_factory=lambda: Keeper(answers=True, healthy=True))
    """It has more cache namespaces than it lists."""
    now: datetime = NOW
    events: list[Event] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    """Every JaxJob that was ever made."""

    def add(self, name: str = "w", **spec: Any) -> None:
        program = {"name": "jax", "image": "team/digits:1", "command": ["python", "-m", "train"]}
        self.warmups[name] = {
            "apiVersion": "jaxop.dev/v1alpha1",
            "kind": "Warmup",
            "metadata": {
                "name": name,
                "namespace": "ml",
                "uid": f"uid-{name}",
                "generation": 1,
                "creationTimestamp": self.now.isoformat(),
            },
            "spec": {
                "compileCache": "team-cache",
                "accelerator": {"class": "cpu", "hosts": 2},
                "template": {"spec": {"containers": [program]}},
                **spec,
            },
        }

    def warmup(self, name: str = "w") -> Warmup:
        return Warmup.model_validate(self.warmups[name])

    def status(self, name: str = "w") -> WarmupStatus:
        return self.warmup(name).status

    def where(self, name: str = "w") -> tuple[str | None, str | None]:
        status = self.status(name)
        return status.state, status.reason

    def conditions(self, name: str = "w") -> dict[str, str]:
        return {c.type: c.status for c in self.status(name).conditions}

    def pass_time(self, count: float) -> None:
        self.now += seconds(count)

    # one pass

    def snapshot(self, name: str = "w") -> Snapshot:
        warmup = self.warmup(name)
        classes = catalogue()
        runs = [job for job in self.jobs.values() if job["metadata"]["labels"][WARMUP] == name]
        others = [self.warmup(other) for other in self.warmups if other != name]
        return Snapshot(
            warmup=warmup,
            settings=SETTINGS,
            accelerator_class=classes.get(warmup.spec.accelerator.class_),
            class_names=tuple(sorted(classes)),
            compile_cache=self.cache,
            keeper=self.keeper,
            runs={job["metadata"]["name"]: JaxJob.model_validate(job) for job in runs},
            rivals=tuple(
                Rival(
                    other.metadata.name,
                    other.metadata.creation_timestamp,
                    other.status.state,
                    other.status.reason,
                    other.status.cache_namespace,
                )
                for other in others
                if other.spec.compile_cache == warmup.spec.compile_cache
                and other.status.state not in WARMUP_FINISHED
            ),
        )

    def look(self, name: str = "w") -> Plan:
        plan = decide(self.snapshot(name), self.now)
        self.carry_out(name, plan)
        return plan

    def settle(self, name: str = "w") -> None:
        """Looks until nothing changes any more without something else changing."""
        for _ in range(8):
            before = copy.deepcopy((self.warmups, self.jobs))
            self.look(name)
            if (self.warmups, self.jobs) == before:
                return
        raise AssertionError(f"{name} never settles: {self.status(name)}")

    def carry_out(self, name: str, plan: Plan) -> None:
        for manifest in plan.create:
            job = manifest["metadata"]["name"]
            if job not in self.jobs:
                self.made.append(job)
                self.jobs[job] = copy.deepcopy(manifest)
                self.jobs[job]["metadata"]["uid"] = f"uid-{job}"
                self.jobs[job]["metadata"]["creationTimestamp"] = self.now.isoformat()
        for ref in plan.delete:
            (self.jobs if ref.kind == "JaxJob" else self.warmups).pop(ref.name)
        if plan.status is not None:
            self.warmups[name]["status"] = plan.status
            self.events += plan.events

    def refuse(self, reason: str, message: str, name: str = "w") -> Plan:
        plan = refused(self.snapshot(name), [(reason, message)], self.now)
        self.carry_out(name, plan)
        return plan

    # JaxJobs, and what their pods do

    def running(self, run: str) -> list[str]:
        """Names of those that have not ended, of all Warmups."""
        return [
            name
            for name, job in self.jobs.items()
            if job["metadata"]["labels"][WARMUP_RUN] == run
            and job.get("status", {}).get("state") not in ("Succeeded", "Failed")
        ]

    def plays(self, job: str, state: str, message: str = "", **status: Any) -> None:
        self.jobs[job]["status"] = {
            **self.jobs[job].get("status", {}),
            "state": state,
            "reason": status.pop("reason", state),
            "message": message,
            **status,
        }

    def succeeds(
        self, job: str, requests: int = 12, hits: int = 0, offered: int = 0, **told: Any
    ) -> None:
        """`told` is of its `status.compilation`, too."""
        compilation = {
            "cacheNamespace": DIGEST,
            "requests": requests,
            "hits": hits,
            "offered": offered,
            "offeredBytes": offered * 1000,
            "seconds": 7.5,
            "firstStepSeconds": 12.5,
            **told,
        }
        completed = {"completionTime": self.now.isoformat(), "compilation": compilation}
        self.plays(job, "Succeeded", "all 2 processes ended with exit code 0", **completed)
        self.pass_time(3)

    def fails(self, job: str, cause: str = "ProgramError", message: str = "it broke") -> None:
        failure = {"cause": cause, "message": message}
        self.plays(job, "Failed", message, reason=cause, failure=failure)

    def keeper_saw(self, job: str, published: int, refused: int = 0, pending: int = 0) -> None:
        offer = Offer(DIGEST, f"{job}-a0-s0-0", published, refused, pending)
        offers = {**self.keeper.offers, f"{offer.digest}.{offer.host}": offer}
        self.keeper = Keeper(answers=True, offers=offers, healthy=True)


def a_namespace(**spec: Any) -> Namespace:
    """With one Warmup, and a CompileCache that is usable."""
    namespace = Namespace()
    namespace.add(**spec)
    return namespace
