"""One request and its answer, over ASGI: https://asgi.readthedocs.io/en/latest/specs/www.html"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
CLOSE: Header = (b"connection", b"close")


class ClientGoneError(Exception):
    """Nobody is there any more to be answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """headers: beside content-type and content-length, names in lower case."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()


class Exchange:
    """A request whose body has not been read."""

    __slots__ = ("_receive", "_send", "headers", "method", "path")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        """By name in lower case; the last where one is repeated."""
        self._receive = receive
        self._send = send

    async def part(self) -> tuple[bytes, bool]:
        """The next bytes of the body, and whether there are more.

        Raises ClientGoneError.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        return message.get("body", b""), message.get("more_body", False)

    async def answer(self, answer: Answer) -> None:
        """Once."""
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            *answer.headers,
        ]
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        await self._send(start)
        body = b"" if self.method == "HEAD" else answer.body
        await self._send({"type": "http.response.body", "body": body})

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which is cancelled when the client goes away; after the body.

        Raises ClientGoneError, and what `work` raises.
        """
        task = asyncio.current_task()
        assert task is not None
        watch = asyncio.ensure_future(self._receive())
        working, gone = True, False

        def left(watch: "asyncio.Future[Message]") -> None:
            nonlocal gone
            if working and not watch.cancelled():
                gone = True
                task.cancel()

        watch.add_done_callback(left)
        try:
            return await work
        except asyncio.CancelledError:
            if gone:
                raise ClientGoneError from None
            raise
        finally:
            working = False
            watch.cancel()
