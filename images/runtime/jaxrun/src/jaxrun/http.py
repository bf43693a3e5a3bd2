"""The launcher's three pages, and a knock, over a minimum of HTTP/1.1.

POST /knock says that process 0 may now be found at the address that it comes from.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from jaxrun.listen import listening_socket, plain_address
from jaxrun.log import say
from jaxrun.status import Status

_REQUEST_LIMIT_BYTES = 8192
_REQUEST_SECONDS = 5.0
_MOST_CONNECTIONS = 64
_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


class StatusServer:
    """Serves what `status` says at the moment of asking."""

    def __init__(
        self, port: int, status: Callable[[], Status], knocked: Callable[[str], None]
    ) -> None:
        self.port = port
        self._status = status
        self._knocked = knocked
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def start(self) -> None:
        """Listen; without the port the training goes on all the same."""
        try:
            self._server = await asyncio.start_server(
                self._serve, sock=listening_socket(self.port), limit=_REQUEST_LIMIT_BYTES
            )
        except OSError as error:
            say(f"no /status and /metrics: cannot listen on port {self.port} ({error.strerror})")
            return
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= _MOST_CONNECTIONS:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _REQUEST_SECONDS)
                peer = plain_address(writer.get_extra_info("peername"))
                writer.write(await self._answer(head, peer))
                await asyncio.wait_for(writer.drain(), _REQUEST_SECONDS)
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
            pass
        finally:
            self._connections -= 1
            with suppress(OSError):
                writer.close()

    async def _answer(self, head: bytes, peer: str) -> bytes:
        words = head.split(b"\r\n", 1)[0].split()
        if len(words) != 3:
            return _response(400, "text/plain", b"not a request line\n")
        path = words[1].partition(b"?")[0]
        if words[0] == b"POST" and path == b"/knock":
            self._knocked(peer)
            return _response(200, "text/plain", b"ok\n")
        if words[0] not in (b"GET", b"HEAD"):
            return _response(405, "text/plain", b"only GET\n")
        if path == b"/status":
            body = json.dumps(self._status().as_json()).encode() + b"\n"
            return _response(200, "application/json", body)
        if path == b"/healthz":
            return _response(200, "text/plain", b"ok\n")
        if path == b"/metrics":
            # Imported at the first scrape, in a thread: it takes longer than all of the launcher.
            exposition = await asyncio.get_running_loop().run_in_executor(None, _exposition)
            kind, body = exposition(self._status())
            return _response(200, kind, body)
        return _response(404, "text/plain", b"there are /status, /metrics and /healthz\n")


def _exposition() -> Callable[[Status], tuple[str, bytes]]:
    from jaxrun.metrics import exposition

    return exposition


def _response(code: int, kind: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {code} {_PHRASES[code]}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
