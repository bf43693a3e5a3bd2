"""HTTP for kubelet and Prometheus: /healthz and /readyz on one port, /metrics on another.

Healthy is a process whose event loop turns. Ready is one whose stores are filled: a standby is as
ready as the leader.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

log = logging.getLogger(__name__)

NO_PORT = -1


@asynccontextmanager
async def probes(
    port: int, synced: asyncio.Event, leading: Callable[[], bool]
) -> AsyncIterator[None]:
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"leading": leading()})

    async def readyz(_: web.Request) -> web.Response:
        body = {"synced": synced.is_set(), "leading": leading()}
        return web.json_response(body, status=200 if synced.is_set() else 503)

    routes = [web.get("/healthz", healthz), web.get("/readyz", readyz)]
    async with _served("probes", port, routes):
        yield


@asynccontextmanager
async def metrics(port: int, registry: CollectorRegistry) -> AsyncIterator[None]:
    async def scrape(_: web.Request) -> web.Response:
        body = generate_latest(registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async with _served("metrics", port, [web.get("/metrics", scrape)]):
        yield


@asynccontextmanager
async def _served(what: str, port: int, routes: list[web.RouteDef]) -> AsyncIterator[None]:
    if port == NO_PORT:
        yield
        return
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host=None if port else "127.0.0.1", port=port)
        try:
            await site.start()
        except OSError as error:
            raise OSError(
                f"port {port} for {what} cannot be opened ({error.strerror}); choose another with "
                "--metrics-port or --health-port"
            ) from error
        log.info("%s at port %d", what, runner.addresses[0][1])
        yield
    finally:
        await runner.cleanup()
