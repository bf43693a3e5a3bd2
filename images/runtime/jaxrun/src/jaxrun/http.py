"""The launcher's three pages, and a knock.

POST /knock says that process 0 may now be found at the address that it comes from.
"""

import asyncio
import json
from collections.abc import Callable

from jaxrun.pages import Page, PageServer, Request, text_page
from jaxrun.status import Status


class StatusServer(PageServer):
    """Serves what `status` says at the moment of asking."""

    def __init__(
        self, port: int, status: Callable[[], Status], knocked: Callable[[str], None]
    ) -> None:
        super().__init__(port, self._answer)
        self._status = status
        self._knocked = knocked

    async def _answer(self, request: Request) -> Page:
        if request.method == "POST" and request.path == "/knock":
            self._knocked(request.peer)
            return text_page(200, "ok")
        if request.method not in ("GET", "HEAD"):
            return text_page(405, "only GET")
        if request.path == "/status":
            body = json.dumps(self._status().as_json()).encode() + b"\n"
            return Page(200, "application/json", body)
        if request.path == "/healthz":
            return text_page(200, "ok")
        if request.path == "/metrics":
            # Imported at the first scrape, in a thread: it takes longer than all of the launcher.
            exposition = await asyncio.get_running_loop().run_in_executor(None, _exposition)
            kind, body = exposition(self._status())
            return Page(200, kind, body)
        return text_page(404, "there are /status, /metrics and /healthz")


def _exposition() -> Callable[[Status], tuple[str, bytes]]:
    from jaxrun.metrics import exposition

    return exposition
