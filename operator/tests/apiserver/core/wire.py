"""A transport that remembers what went over it, and breaks on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from jaxop.kube.errors import Unreachable
from jaxop.kube.transport import Refused, Request, Response, Transport

Meddle = Callable[[Request], Response | Exception | None]


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    watch: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def status(code: int, reason: str = "", message: str = "injected", **details: Any) -> Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return Response(code, json.dumps({**body, "details": details}).encode())


class Wire:
    """`meddle(request)` may answer in the server's place, raise in its place, or return None.

    `before(request)` and `after(request, response)` are called, and awaited if need be, around what
    the server does. `lines` are sent to the next watch before its own.
    """

    def __init__(self, inner: Transport) -> None:
        self.sent: list[Sent] = []
        self.meddle: Meddle = lambda _: None
        self.before: Callable[[Request], Any] = lambda _: None
        self.after: Callable[[Request, Response], Any] = lambda _, __: None
        self.lines: list[bytes] = []
        self._inner = inner
        self._cut = asyncio.Event()

    def writes(self) -> list[str]:
        return [str(sent) for sent in self.sent if sent.method != "GET"]

    def lists(self) -> int:
        return sum(
            sent.method == "GET" and not sent.watch and sent.path.rsplit("/", 1)[1].endswith("s")
            for sent in self.sent
        )

    def watches(self) -> int:
        return sum(sent.watch for sent in self.sent)

    def cut(self) -> None:
        """Breaks every watch that is open."""
        self._cut.set()
        self._cut = asyncio.Event()

    async def request(self, request: Request) -> Response:
        self.sent.append(Sent(request.method, request.path, False))
        answer = self.meddle(request)
        if isinstance(answer, Exception):
            raise answer
        if (before := self.before(request)) is not None:
            await before
        if answer is None:
            answer = await self._inner.request(request)
        await asyncio.sleep(0)
        if (after := self.after(request, answer)) is not None:
            await after
        return answer

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        self.sent.append(Sent(request.method, request.path, True))
        answer = self.meddle(request)
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            raise Refused(answer)
        cut = asyncio.ensure_future(self._cut.wait())
        line: asyncio.Future[bytes | None] | None = None
        lines = self._inner.stream(request)
        try:
            while self.lines:
                yield self.lines.pop(0)
            while True:
                line = asyncio.ensure_future(anext(lines, None))
                await asyncio.wait({line, cut}, return_when=asyncio.FIRST_COMPLETED)
                if not line.done():
                    raise Unreachable(f"{request}: cut")
                if (got := line.result()) is None:
                    return
                yield got
        finally:
            cut.cancel()
            if line is not None and not line.done():
                line.cancel()
                await asyncio.wait({line})
            await lines.aclose()  # type: ignore[attr-defined]

    async def close(self) -> None:
        await self._inner.close()
