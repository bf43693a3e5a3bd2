"""N JaxJobs of two pods each, applied at once."""

import asyncio
import statistics
import time
from collections import Counter

from bench.operator import gangs, jobset, requests
from bench.operator.load import CONCURRENT_CREATES, create_all, jaxjob
from bench.operator.measured import Measured, during
from bench.operator.plane import Mode, Plane
from bench.operator.watcher import Seen, Watcher

HOSTS = 2
QUIET_SECONDS = 3.0
RIGHT = {"alone": f"Scheduling 0/{HOSTS}", "full": f"Running {HOSTS}/{HOSTS}"}
"""Without a controller-manager no pod ever comes: that the job waits for them is right."""


async def measure(plane: Plane, mode: Mode, n: int, idle_seconds: float) -> Measured:
    watcher = Watcher(plane.client)
    async with gangs.answering(watcher.seen.gang_at, HOSTS):
        watching = asyncio.create_task(watcher.run())
        try:
            return await _measure(plane, mode, n, idle_seconds, watcher)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _measure(
    plane: Plane, mode: Mode, n: int, idle_seconds: float, watcher: Watcher
) -> Measured:
    right = RIGHT[mode]
    before = await requests.count(plane)
    with during(plane) as spent:
        began = time.monotonic()
        created = await create_all(plane.client, [jaxjob(f"bench-{i}", HOSTS) for i in range(n)])
        values = {"all created, s": time.monotonic() - began}
        all_jobs = await watcher.until("all Jobs exist", lambda s: len(s.jobs) == n)
        values["all Jobs exist, s"] = all_jobs - began
        if mode == "full":
            all_pods = await watcher.until("all pods exist", lambda s: len(s.pods) == HOSTS * n)
            values["all pods exist, s"] = all_pods - began
        all_right = await watcher.until("every status is right", lambda s: _right(s, right) == n)
        values["every status right, s"] = all_right - began
        await _calm(plane)
    seen = watcher.seen
    at = {name: seen.status_at[name][right] for name in created}
    values |= _quantiles(
        "Job exists since creation", [seen.job_at[j] - created[j] for j in created]
    )
    values |= _quantiles("status right since creation", [at[j] - created[j] for j in created])
    if mode == "full":
        lag = [at[j] - seen.pods_ready_at[j] for j in created]
        values |= _quantiles("status right since its pods were", lag)
    made = (await requests.count(plane)).since(before)
    values["own writes per job"] = made.writes / n
    values["API requests per job"] = sum(made.served.values()) / n
    values["CPU, s"] = spent.cpu_seconds
    values["peak memory, MB"] = spent.peak_mb
    values["API server's CPU, s"] = spent.apiserver_cpu_seconds
    values["cores that others kept busy"] = spent.others_cores
    values |= await _idle(plane, idle_seconds)
    return Measured(
        title=f"{n} JaxJobs of {HOSTS} pods, {mode}, {CONCURRENT_CREATES} concurrent creates",
        values=values,
        baseline=jobset.MANY.get((mode, n), {}),
        sent=_per(made.sent, n),
        served=_per(made.served, n),
        stories=dict(
            Counter(" > ".join(known) for known in seen.status_at.values()).most_common(8)
        ),
    )


def _right(seen: Seen, right: str) -> int:
    return sum(right in known for known in seen.status_at.values())


def _stories(seen: Seen) -> Counter[str]:
    return Counter(" > ".join(known) for known in seen.status_at.values())


def _quantiles(what: str, seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else seconds * 99
    return {f"{what}, p50, s": cuts[49], f"{what}, p99, s": cuts[98]}


async def _calm(plane: Plane) -> None:
    """Until the operator has written nothing for a while."""
    writes, since = -1, 0.0
    while writes < 0 or time.monotonic() - since < QUIET_SECONDS:
        now = (await requests.count(plane)).writes
        if now != writes:
            writes, since = now, time.monotonic()
        await asyncio.sleep(0.5)


async def _idle(plane: Plane, seconds: float) -> dict[str, float]:
    before = await requests.count(plane)
    with during(plane) as spent:
        await asyncio.sleep(seconds)
    made = (await requests.count(plane)).since(before)
    minutes = seconds / 60
    return {
        "idle: CPU, s per minute": spent.cpu_seconds / minutes,
        "idle: memory, MB": spent.resident_mb,
        "idle: own requests per minute": sum(made.sent.values()) / minutes,
    }


def _per(counts: requests.Counts, n: int) -> dict[str, float]:
    ordered = Counter(counts).most_common()
    return {f"{verb} {what}": round(count / n, 3) for (verb, what), count in ordered}
