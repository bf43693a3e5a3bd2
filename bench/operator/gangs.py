"""Answers GET /status as the launchers of process 0 would, at the address of each pod."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from jaxop.domain import contract

LISTED = 100

Lookup = Callable[[str], tuple[str, int, int] | None]
"""From a pod's address to its JaxJob, attempt, and the number of processes that have joined."""


@asynccontextmanager
async def answering(gang_at: Lookup, processes: int) -> AsyncIterator[None]:
    """A gang runs once all have joined, and then is always at the same step."""

    async def status(request: web.Request) -> web.Response:
        gang = gang_at(request.host.partition(":")[0])
        if gang is None:
            return web.Response(status=503)
        return web.json_response(_report(*gang, processes))

    app = web.Application()
    app.add_routes([web.get("/status", status)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", contract.HTTP_PORT, backlog=1024).start()
        yield
    finally:
        await runner.cleanup()


def _report(jaxjob: str, attempt: int, joined: int, processes: int) -> dict[str, Any]:
    return {
        "version": contract.VERSION,
        "job": f"default/{jaxjob}",
        "attempt": attempt,
        "epoch": 1,
        "processId": 0,
        "numProcesses": processes,
        "state": "Running" if joined == processes else "Joining",
        "joined": joined,
        "missing": list(range(joined, processes))[:LISTED],
        "step": 1 if joined == processes else None,
        "metrics": {},
        "checkpointStep": None,
        "compile": {"count": 1, "seconds": 1.0},
        "times": {},
        "cause": None,
    }
