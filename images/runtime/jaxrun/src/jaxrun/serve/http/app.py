"""Every path's endpoint, and every error's answer."""

import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from jaxrun.serve.dispatch import Server
from jaxrun.serve.errors import ServeError
from jaxrun.serve.http.body import BodyTooLargeError, BodyTooSlowError
from jaxrun.serve.http.exchange import (
    CLOSE,
    TEXT,
    Answer,
    ClientGoneError,
    Exchange,
    Header,
    Receive,
    Scope,
    Send,
)
from jaxrun.serve.http.infer import Inference, OwnRoute
from jaxrun.serve.http.pages import model_metadata, readiness, server_metadata, why_unready
from jaxrun.serve.http.plain_json import dumps
from jaxrun.serve.model import Model
from jaxrun.serve.state import Draining, Loading

Endpoint = Callable[[Exchange], Awaitable[Answer]]

_log = logging.getLogger("jaxrun.serve")
_GET = ("GET", "HEAD")
_RETRY_WHILE_LOADING_SECONDS = 5


class Application:
    """An ASGI application that serves from its first moment, and a model once it has one.

    `alive` answers the liveness probe; `metrics` gives the content type and body of /metrics.
    """

    def __init__(
        self,
        server: Server,
        alive: Callable[[], bool],
        metrics: Callable[[], tuple[str, bytes]],
    ) -> None:
        self._server = server
        self._alive = alive
        self._metrics = metrics
        self.closing = False
        """The process is about to stop: unready, and each answer also ends its connection."""
        self.requests = 0
        """For the model, so far."""
        self._gets: dict[str, Callable[[], Answer]] = {
            "/v2": server_metadata,
            "/v2/": server_metadata,
            "/v2/health/live": self._live,
            "/v2/health/ready": self._ready,
            "/metrics": self._metrics_page,
            "/status": self._status,
        }
        self._posts: dict[str, Endpoint] = {}
        self._model: Model | None = None

    def add(self, model: Model, output_dtypes: Mapping[str, str] | None = None) -> None:
        """Answer for this model, and for no other; again once its outputs' dtypes are known."""
        self._model = model
        inference = Inference(model, self._server)
        for path in (
            f"/v2/models/{model.name}",
            f"/v2/models/{model.name}/versions/{model.version}",
        ):
            page = model_metadata(model, output_dtypes or {})
            self._gets[path] = lambda page=page: page  # type: ignore[misc]
            self._gets[f"{path}/ready"] = self._ready
            self._posts[f"{path}/infer"] = inference
        for route in model.routes:
            self._posts[route.path] = OwnRoute(route, model, self._server)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        try:
            answer = await self._answer(exchange)
        except ClientGoneError:
            return
        except ServeError as error:
            answer = _of_error(error)
        except Exception:
            _log.exception("%s %s failed", exchange.method, exchange.path)
            answer = _error(500, "the server failed at this request; its log says why")
        if self.closing and CLOSE not in answer.headers:
            answer = Answer(
                answer.status, answer.body, answer.content_type, (*answer.headers, CLOSE)
            )
        await exchange.answer(answer)

    async def _answer(self, exchange: Exchange) -> Answer:
        path = exchange.path
        endpoint = self._posts.get(path)
        if endpoint is not None:
            if exchange.method != "POST":
                return _not_allowed("POST")
            self.requests += 1
            return await endpoint(exchange)
        page = self._gets.get(path)
        if page is not None:
            return page() if exchange.method in _GET else _not_allowed("GET")
        return self._unknown(path)

    def _unknown(self, path: str) -> Answer:
        model = self._model
        if model is None:
            state = self._server.state
            said = why_unready(state) if isinstance(state, Loading) else "there is no model"
            retry: Header = (b"retry-after", b"%d" % _RETRY_WHILE_LOADING_SECONDS)
            return _error(503, f"no {path:.200} yet: {said}", retry)
        if path.startswith("/v2/models/"):
            name, _, rest = path.removeprefix("/v2/models/").partition("/")
            if name != model.name:
                return _error(404, f"no model {name:.100}: this server has {model.name}")
            if rest.startswith("versions/") and rest.split("/")[1] != model.version:
                return _error(
                    404, f"no version {rest.split('/')[1]:.100}: {name} has {model.version}"
                )
        return _error(404, f"no {path:.200}")

    def _live(self) -> Answer:
        if self._alive():
            return Answer(200, b"live\n", TEXT)
        state = self._server.state
        return Answer(503, f"no progress: {why_unready(state)}\n".encode(), TEXT)

    def _ready(self) -> Answer:
        return readiness(Draining() if self.closing else self._server.state)

    def _status(self) -> Answer:
        return Answer(200, dumps(self._server.statistics()) + b"\n")

    def _metrics_page(self) -> Answer:
        kind, body = self._metrics()
        return Answer(200, body, kind.encode())


def _of_error(error: ServeError) -> Answer:
    headers: tuple[Header, ...] = ()
    if error.retry_after_seconds is not None:
        headers = ((b"retry-after", b"%d" % max(math.ceil(error.retry_after_seconds), 1)),)
    if isinstance(error, BodyTooLargeError | BodyTooSlowError):
        headers = (*headers, CLOSE)
    return _error(error.status, error.message, *headers)


def _error(status: int, message: str, *headers: Header) -> Answer:
    said: dict[str, Any] = {"error": message}
    return Answer(status, dumps(said), headers=headers)


def _not_allowed(method: str) -> Answer:
    return _error(405, f"only {method}", (b"allow", method.encode()))
