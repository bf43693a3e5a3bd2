"""A few pages over a minimum of HTTP/1.1: one request a connection, bounded in size and number."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from jaxrun.listen import listening_socket, plain_address
from jaxrun.log import say

_REQUEST_LIMIT_BYTES = 8192
_REQUEST_SECONDS = 5.0
_MOST_CONNECTIONS = 64
_PHRASES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Request:
    """Path without its query; `peer` is an IP address."""

    method: str
    path: str
    peer: str


@dataclass(frozen=True)
class Page:
    """An answer; `kind` is its content type."""

    code: int
    kind: str
    body: bytes

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        head = (
            f"HTTP/1.1 {self.code} {_PHRASES[self.code]}\r\nContent-Type: {self.kind}\r\n"
            f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + self.body


def text_page(code: int, text: str) -> Page:
    """One line for a person."""
    return Page(code, "text/plain", f"{text}\n".encode())


class PageServer:
    """Answers each request with what `answer` makes of it."""

    def __init__(self, port: int, answer: Callable[[Request], Awaitable[Page]]) -> None:
        self.port = port
        self._page = answer
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def start(self) -> None:
        """Listen; without the port the process goes on all the same."""
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
                page = await self._answered(head, peer)
                writer.write(page.encoded())
                await asyncio.wait_for(writer.drain(), _REQUEST_SECONDS)
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
            pass
        finally:
            self._connections -= 1
            with suppress(OSError):
                writer.close()

    async def _answered(self, head: bytes, peer: str) -> Page:
        words = head.split(b"\r\n", 1)[0].split()
        if len(words) != 3:
            return text_page(400, "not a request line")
        path = words[1].partition(b"?")[0]
        return await self._page(Request(words[0].decode("latin-1"), path.decode("latin-1"), peer))
