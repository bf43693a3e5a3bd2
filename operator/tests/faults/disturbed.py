"""The operator's end of the line: counts its writes and events, and lets one of them go wrong."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from disturbance import (
    DOWN_SECONDS,
    EVENT_SECONDS,
    STALE_SECONDS,
    STALE_WRITES,
    Disturbance,
)
from jaxop.api.plan import Manifest
from jaxop.kube.errors import Unreachable
from jaxop.kube.transport import Refused, Request, Response
from line import Line
from virtual_time import virtual_loop

MOST_REQUESTS = 4000
"""In one schedule: more, and something goes round in circles."""

OWN_KINDS = frozenset(
    {
        *("jaxjobs", "acceleratorclasses", "compilecaches", "warmups", "jaxruntimes"),
        "jaxservices",
    }
)


@dataclass(frozen=True, slots=True)
class Written:
    """One write of the operator, with what became of it."""

    number: int
    at: float
    method: str
    path: str
    outcome: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.number:3} {self.at:8.1f}s {self.method:6} {self.path} {self.outcome}"


@dataclass
class Log:
    """What the operator, all its processes together, has done in one schedule."""

    disturbance: Disturbance | None = None
    writes: list[Written] = field(default_factory=list)
    sent: int = 0
    requests: list[float] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    versions_at_write: list[int] = field(default_factory=list)
    fired_at: float | None = None
    down_until: float = 0.0
    late: list[tuple[int, Request]] = field(default_factory=list)
    """With the step of the story at which they were sent."""
    step: int = 0
    cut: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def carried_out(self) -> list[Written]:
        return [write for write in self.writes if write.outcome.startswith("2")]


class RunsInCircles(Exception):  # noqa: N818
    """The operator has sent more requests than any schedule needs."""


class Disturbed:
    """A `Transport` for one process of the operator; `died` is set when the disturbance kills it.

    A dead process's requests never end.
    """

    def __init__(self, line: Line, log: Log, *, stale: bool = False) -> None:
        self.died = asyncio.Event()
        self._line = line
        self._log = log
        self._stale = stale
        self._fresh_from = virtual_loop().time() + (STALE_SECONDS if stale else 0.0)

    async def request(self, request: Request) -> Response:
        await self._alive(request)
        if request.method == "GET":
            return await self._line.request(self._perhaps_stale(request))
        log = self._log
        log.sent += 1
        number, fault = log.sent, log.disturbance
        log.versions_at_write.append(max(self._line.versions, default=0))
        if fault is None or fault.of or fault.at != number or log.fired_at is not None:
            return await self._carry_out(request, number)
        log.fired_at = virtual_loop().time()
        return await self._go_wrong(fault.sort, request, number)

    async def _go_wrong(self, sort: str, request: Request, number: int) -> Response:
        match sort:
            case "stillborn" | "late":
                self._note(request, number, sort)
                if sort == "late":
                    self._log.late.append((self._log.step, request))
                await self._die()
            case "crash" | "outage" | "stale-all" | "stale-own" | "stale-children":
                await self._carry_out(request, number)
                await self._die()
            case "lost-answer":
                await self._carry_out(request, number)
                raise Unreachable(f"{request}: injected: the answer is lost")
            case "reset":
                self._note(request, number, sort)
                raise Unreachable(f"{request}: injected: connection reset")
            case "500-done":
                await self._carry_out(request, number)
                return _status(500, "InternalError")
            case "409":
                return self._answer(request, number, 409, "Conflict")
            case "429":
                return self._answer(request, number, 429, "TooManyRequests")
            case "500":
                return self._answer(request, number, 500, "InternalError")
            case "503":
                return self._answer(request, number, 503, "ServiceUnavailable")
            case "down":
                self._note(request, number, sort)
                self._log.down_until = virtual_loop().time() + DOWN_SECONDS
                self._log.cut.set()
                raise Unreachable(f"{request}: injected: the server is down")
        raise AssertionError(f"unknown disturbance {sort}")

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        await self._alive(request)
        plural = request.path.rsplit("/", 1)[1]
        lines: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        pump = asyncio.create_task(_pump(self._line.stream(request), lines))
        try:
            if self._is_stale_for(plural):
                await asyncio.sleep(self._fresh_from - virtual_loop().time())
            async for line in self._with_faults(plural, request, lines):
                if self.died.is_set():
                    await asyncio.Event().wait()
                yield line
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _with_faults(
        self, plural: str, request: Request, lines: "asyncio.Queue[bytes | Exception | None]"
    ) -> AsyncIterator[bytes]:
        log, loop = self._log, virtual_loop()
        ends_at: float | None = None
        sort = ""
        while True:
            try:
                async with asyncio.timeout_at(ends_at):
                    line = await self._next(lines, request)
            except TimeoutError:
                if sort == "late-event":
                    raise Unreachable(f"watch {request.path}: injected: broken") from None
                yield json.dumps({"type": "ERROR", "object": _expired()}).encode()
                return
            if line is None:
                return
            if b'"BOOKMARK"' in line[:40]:
                yield line
                continue
            fault = log.disturbance
            if fault is not None and fault.of == plural and log.fired_at is None:
                log.events[plural] += 1
                if log.events[plural] == fault.at:
                    sort, log.fired_at = fault.sort, loop.time()
                    ends_at = loop.time() + EVENT_SECONDS
                    continue
            else:
                log.events[plural] += 1
            if sort in ("", "lost-event"):
                yield line

    async def _next(
        self, lines: "asyncio.Queue[bytes | Exception | None]", request: Request
    ) -> bytes | None:
        got = asyncio.ensure_future(lines.get())
        cut = asyncio.ensure_future(self._log.cut.wait())
        try:
            await asyncio.wait({got, cut}, return_when=asyncio.FIRST_COMPLETED)
            if not got.done():
                self._log.cut.clear()
                raise Unreachable(f"watch {request.path}: injected: the server is down")
            line = got.result()
        finally:
            got.cancel()
            cut.cancel()
        if isinstance(line, Exception):
            raise line
        return line

    async def close(self) -> None:
        """The line goes on."""

    async def _carry_out(self, request: Request, number: int) -> Response:
        response = await self._line.request(request)
        self._note(request, number, str(response.status), response)
        return response

    async def _alive(self, request: Request) -> None:
        if self.died.is_set():
            await asyncio.Event().wait()
        now = virtual_loop().time()
        self._log.requests.append(now)
        if len(self._log.requests) > MOST_REQUESTS:
            raise RunsInCircles(f"{MOST_REQUESTS} requests, the last: {request}")
        if now < self._log.down_until:
            raise Unreachable(f"{request}: injected: the server is down")

    async def _die(self) -> None:
        self.died.set()
        await asyncio.Event().wait()

    def _answer(self, request: Request, number: int, code: int, reason: str) -> Response:
        self._note(request, number, str(code))
        return _status(code, reason)

    def _note(
        self, request: Request, number: int, outcome: str, response: Response | None = None
    ) -> None:
        name = ""
        if response is not None and response.status < 300:
            body: Manifest = json.loads(response.body)
            name = (body.get("metadata") or {}).get("name", "")
        at = virtual_loop().time()
        written = Written(number, at, request.method, request.path, outcome, name)
        self._log.writes.append(written)

    def _is_stale_for(self, plural: str) -> bool:
        fault = self._log.disturbance
        if not self._stale or fault is None or virtual_loop().time() >= self._fresh_from:
            return False
        own = plural in OWN_KINDS
        return {"stale-all": True, "stale-own": own, "stale-children": not own}[fault.sort]

    def _perhaps_stale(self, request: Request) -> Request:
        plural = request.path.rsplit("/", 1)[1]
        if "limit" not in request.query or not self._is_stale_for(plural):
            return request
        known, fault = self._log.versions_at_write, self._log.disturbance
        assert fault is not None
        depth = STALE_WRITES[fault.at % len(STALE_WRITES)]
        version = known[max(0, len(known) - depth)]
        if not version:
            return request
        past = {"resourceVersion": str(version), "resourceVersionMatch": "Exact"}
        return replace(request, query={**request.query, **past})


async def _pump(
    lines: AsyncIterator[bytes], into: "asyncio.Queue[bytes | Exception | None]"
) -> None:
    """The line must be read on, whatever becomes of the events: see `line`."""
    try:
        async for line in lines:
            into.put_nowait(line)
        into.put_nowait(None)
    except (Unreachable, Refused) as error:
        into.put_nowait(error)
    finally:
        await lines.aclose()  # type: ignore[attr-defined]


def _status(code: int, reason: str) -> Response:
    body: dict[str, Any] = {"kind": "Status", "code": code, "reason": reason, "message": "injected"}
    return Response(code, json.dumps(body).encode(), 7.0 if code == 429 else None)


def _expired() -> dict[str, Any]:
    return {"kind": "Status", "code": 410, "reason": "Expired", "message": "injected"}
