"""POST /v2/models/NAME/infer, and what a model's own routes share with it."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from jaxrun.serve.dispatch import InferRequest, Server
from jaxrun.serve.errors import InvalidInput
from jaxrun.serve.http.body import read_body
from jaxrun.serve.http.exchange import Answer, Exchange
from jaxrun.serve.http.limits import limits_of
from jaxrun.serve.http.plain_json import dumps, loads
from jaxrun.serve.http.request import RequestReader
from jaxrun.serve.http.response import write_response
from jaxrun.serve.model import Model, Route
from jaxrun.serve.sizes import sizes_of

_HEADER_LENGTH = b"inference-header-content-length"
_TIMEOUT = b"x-request-timeout-ms"
_OCTETS = b"application/octet-stream"
_MOST_MILLISECONDS = 2**40


class Inference:
    """The endpoint of one model."""

    def __init__(self, model: Model, server: Server) -> None:
        self._model = model
        self._server = server
        self._limits = limits_of(model)
        self._reader = RequestReader(model, self._limits)

    async def __call__(self, exchange: Exchange) -> Answer:
        """Raises ServeError, ClientGoneError."""
        came = time.monotonic()
        deadline = header_deadline(exchange.headers, came)
        body = await read_body(exchange, self._limits.body_bytes)
        self._server.turn_away(deadline)
        read = self._reader.read(body, _header_length(exchange.headers))
        if read.timeout_seconds is not None:
            named = came + read.timeout_seconds
            deadline = named if deadline is None else min(deadline, named)
        request = InferRequest(
            read.inputs, read.rows, deadline, read.priority, read.id if read.id is not None else ""
        )
        outputs = await exchange.while_connected(self._server.infer(request))
        written = write_response(self._model, read.id, read.outputs, outputs)
        if written.header_length is None:
            return Answer(200, written.body)
        length = (b"inference-header-content-length", b"%d" % written.header_length)
        return Answer(200, written.body, _OCTETS, (length,))


class OwnRoute:
    """The endpoint of a Route: JSON in, JSON out, with the user's code around the model.

    That code runs in threads, so that none of it keeps other requests waiting.
    """

    def __init__(self, route: Route, model: Model, server: Server) -> None:
        self._route = route
        self._model = model
        self._server = server
        self._limits = limits_of(model)

    async def __call__(self, exchange: Exchange) -> Answer:
        """Raises ServeError, ClientGoneError, and what the user's code raises but for ValueError
        from `before`, which is InvalidInput."""
        deadline = header_deadline(exchange.headers, time.monotonic())
        body = await read_body(exchange, self._limits.body_bytes)
        self._server.turn_away(self._server.deadline(deadline))
        said = loads(body, "the request")
        return await exchange.while_connected(self._run(said, deadline))

    async def _run(self, said: Any, deadline: float | None) -> Answer:
        inputs = await asyncio.to_thread(self._before, said)
        rows = sizes_of(self._model.inputs, inputs)["batch"]
        outputs = await self._server.infer(InferRequest(inputs, rows, deadline))
        return Answer(200, await asyncio.to_thread(self._after, outputs))

    def _before(self, said: Any) -> Mapping[str, Any]:
        try:
            return self._route.before(said)
        except ValueError as error:
            raise InvalidInput(str(error)) from error

    def _after(self, outputs: Mapping[str, Any]) -> bytes:
        return dumps(self._route.after(outputs))


def header_deadline(headers: Mapping[bytes, bytes], now: float) -> float | None:
    """On the clock of `now`; None where the request has none.

    Raises InvalidInput.
    """
    said = headers.get(_TIMEOUT)
    if said is None:
        return None
    milliseconds = int(said) if said.isdigit() and len(said) < 14 else 0
    if not 0 < milliseconds < _MOST_MILLISECONDS:
        shown = said.decode("latin-1")
        raise InvalidInput(f"X-Request-Timeout-Ms is {shown!r:.40}, not a number of milliseconds")
    return now + milliseconds / 1000


def _header_length(headers: Mapping[bytes, bytes]) -> int | None:
    said = headers.get(_HEADER_LENGTH)
    if said is None:
        return None
    if not said.isdigit() or len(said) > 12:
        shown = said.decode("latin-1")
        raise InvalidInput(f"Inference-Header-Content-Length is {shown!r:.40}, not a length")
    return int(said)
