"""The keeper's pages: /healthz, /readyz, /metrics and /status."""

import asyncio
import json
from collections.abc import Callable

from jaxrun.cache.keeper.status import KeeperStatus
from jaxrun.pages import Page, PageServer, Request, text_page


class KeeperServer(PageServer):
    """Serves what `status` says at the moment of asking."""

    def __init__(self, port: int, status: Callable[[], KeeperStatus]) -> None:
        super().__init__(port, self._answer)
        self._status = status

    async def _answer(self, request: Request) -> Page:
        if request.method not in ("GET", "HEAD"):
            return text_page(405, "only GET")
        status = self._status()
        if request.path == "/status":
            return Page(200, "application/json", json.dumps(status.as_json()).encode() + b"\n")
        if request.path == "/healthz":
            return text_page(200, "ok")
        if request.path == "/readyz":
            if status.ready:
                return text_page(200, "ok")
            return text_page(503, status.problem or "the volume has not been written yet")
        if request.path == "/metrics":
            # Imported at the first scrape, in a thread: it takes longer than all the rest.
            exposition = await asyncio.get_running_loop().run_in_executor(None, _exposition)
            kind, body = exposition(status)
            return Page(200, kind, body)
        return text_page(404, "there are /status, /metrics, /healthz and /readyz")


def _exposition() -> Callable[[KeeperStatus], tuple[str, bytes]]:
    from jaxrun.cache.keeper.metrics import exposition

    return exposition
