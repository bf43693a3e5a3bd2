"""One job of many slices: created, and then recreated because one pod failed."""

import asyncio
import time

from jaxop.kube.resources import PODS

from bench.operator import gangs, jobset, kwok, requests
from bench.operator.load import create_all, jaxjob
from bench.operator.measured import Measured, during
from bench.operator.plane import Plane
from bench.operator.watcher import Seen, Watcher

NAME = "large"


async def measure(plane: Plane, slices: int, hosts: int) -> Measured:
    watcher = Watcher(plane.client)
    async with gangs.answering(watcher.seen.gang_at, slices * hosts):
        watching = asyncio.create_task(watcher.run())
        try:
            return await _measure(plane, slices, hosts, watcher)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _measure(plane: Plane, slices: int, hosts: int, watcher: Watcher) -> Measured:
    pods = slices * hosts
    right = f"Running {pods}/{pods}"
    with during(plane) as spent:
        began = time.monotonic()
        await create_all(plane.client, [jaxjob(NAME, hosts, slices)])
        jobs = await watcher.until("all Jobs exist", lambda s: len(s.jobs) == slices)
        exist = await watcher.until("all pods exist", lambda s: len(s.pods) == pods)
        done = await watcher.until("the status is right", lambda s: right in s.status_at[NAME])
        values = {
            "all Jobs exist, s": jobs - began,
            "all pods exist, s": exist - began,
            "every status right, s": done - began,
        }
        before = await requests.count(plane)
        failed = await _fail_one(plane, watcher.seen)
        noticed = await watcher.until("failure noticed", lambda s: s.attempt_of(NAME) == 1)
        values["failure noticed, s"] = noticed - failed
        parts = {
            "old Jobs gone, s": lambda s: all(attempt == 1 for _, attempt in s.jobs.values()),
            "old pods gone, s": lambda s: all(pod.attempt == 1 for pod in s.pods.values()),
            "all new Jobs exist, s": lambda s: (
                sum(attempt == 1 for _, attempt in s.jobs.values()) == slices
            ),
            "all new pods exist, s": lambda s: sum(p.attempt == 1 for p in s.pods.values()) == pods,
            "all new pods ready, s": lambda s: (
                sum(p.attempt == 1 and p.ready for p in s.pods.values()) == pods
            ),
            "running again, s": lambda s: (
                s.attempt_of(NAME) == 1 and s.statuses[NAME].get("state") == "Running"
            ),
        }

        async def after(what: str) -> None:
            values[what] = await watcher.until(what, parts[what]) - failed

        async with asyncio.TaskGroup() as group:
            for what in parts:
                group.create_task(after(what))
        made = (await requests.count(plane)).since(before)
    values["own writes of the recreate"] = made.writes
    values["API requests of the recreate"] = sum(made.served.values())
    values["CPU, s"] = spent.cpu_seconds
    values["peak memory, MB"] = spent.peak_mb
    values["API server's CPU, s"] = spent.apiserver_cpu_seconds
    values["cores that others kept busy"] = spent.others_cores
    return Measured(
        title=f"one JaxJob of {slices} slices x {hosts} hosts, created and recreated, full",
        values=values,
        baseline=jobset.LARGE if (slices, hosts) == (64, 16) else {},
        sent={f"{verb} {kind}": float(n) for (verb, kind), n in made.sent.most_common()},
        served={f"{verb} {what}": float(n) for (verb, what), n in made.served.most_common()},
    )


async def _fail_one(plane: Plane, seen: Seen) -> float:
    """Marks a pod in the middle as failed, as a kubelet would after exit code 1."""
    names = sorted(seen.pods)
    name = names[len(names) // 2]
    terminated = {"exitCode": 1, "reason": "Error"}
    status = {
        "phase": "Failed",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {
                "name": "jax",
                "image": "example/train:1.0",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": {"terminated": terminated},
            }
        ],
    }
    moment = time.monotonic()
    await plane.client.patch(
        PODS, "default", name, {"status": status}, manager=kwok.MANAGER, subresource="status"
    )
    return moment
