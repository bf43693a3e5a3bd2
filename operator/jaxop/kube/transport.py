"""One HTTP exchange with the API server: the seam where faults can be injected.

A `Transport` knows nothing of retries, leaders or kinds. Whoever wants to crash the operator after
the k-th write, drop the i-th watch event or serve a stale list wraps its methods.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from jaxop import __version__
from jaxop.kube.errors import Unreachable
from jaxop.kube.login import Login, tls_identity

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

CONNECT_SECONDS = 10
REFRESH_SECONDS = 5
"""Credentials are not loaded anew more often than this, however many requests get a 401."""


@dataclass(frozen=True, slots=True)
class Request:
    """`path` starts with /api or /apis; `body` is what becomes JSON; `timeout` is in seconds:
    of the whole exchange for `request`, between two reads for `stream`."""

    method: Method
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"
    timeout: float = 30.0

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """`retry_after` is in seconds."""

    status: int
    body: bytes
    retry_after: float | None = None


class Transport(Protocol):
    async def request(self, request: Request) -> Response:
        """Any answer, also 4xx and 5xx. Raises Unreachable if there was none."""
        ...

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        """The lines of a watch, as they come; ends when the server ends it. Raises Refused if
        the answer was not 200, Unreachable if there was none or it broke off."""
        ...

    async def close(self) -> None: ...


class Refused(Exception):  # noqa: N818 - an answer
    """A stream was answered, but not with 200."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True, slots=True)
class _Connection:
    configuration: Configuration
    identity: str
    rest: RESTClientObject
    since: float


class KubernetesTransport:
    """The `kubernetes` package's asyncio REST client; a 401 loads the credentials anew, once."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._connection: _Connection | None = None
        self._retired: list[RESTClientObject] = []
        self._lock = asyncio.Lock()

    async def request(self, request: Request) -> Response:
        limits = aiohttp.ClientTimeout(total=request.timeout, sock_connect=CONNECT_SECONDS)
        answer = await self._open(request, limits)
        try:
            body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{request}: {_words(error)}") from error
        return _response(answer, body)

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=request.timeout
        )
        answer = await self._open(request, limits)
        try:
            if answer.status != 200:
                raise Refused(_response(answer, await answer.read()))
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        yield line
            if rest:
                raise Unreachable(f"{request}: broke off in the middle of a line")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{request}: {_words(error)}") from error
        finally:
            answer.close()

    async def close(self) -> None:
        open_ones = [*self._retired, *([self._connection.rest] if self._connection else [])]
        self._retired, self._connection = [], None
        for rest in open_ones:
            await rest.close()

    async def _open(self, request: Request, limits: aiohttp.ClientTimeout) -> Any:
        connection = self._connection or await self._connect(None)
        try:
            answer = await _exchange(connection, request, limits)
        except aiohttp.ClientError as error:
            if not _about_tls(error):
                raise Unreachable(f"{request}: {_words(error)}") from error
            answer = None
        except TimeoutError as error:
            raise Unreachable(f"{request}: {_words(error)}") from error
        if answer is not None and answer.status != 401:
            return answer
        if answer is not None:
            answer.release()
        connection = await self._connect(connection)
        try:
            return await _exchange(connection, request, limits)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{request}: {_words(error)}") from error

    async def _connect(self, rejected: _Connection | None) -> _Connection:
        async with self._lock:
            current, now = self._connection, asyncio.get_running_loop().time()
            if current and (current is not rejected or now - current.since < REFRESH_SECONDS):
                return current
            configuration = await self._login()
            identity = tls_identity(configuration)
            if current and current.identity == identity:
                rest = current.rest
            else:
                rest = RESTClientObject(configuration)
                if current:
                    await self._retire(current.rest)
            self._connection = _Connection(configuration, identity, rest, now)
            return self._connection

    async def _retire(self, rest: RESTClientObject) -> None:
        """What is in flight on it may end by itself."""
        self._retired.append(rest)
        if len(self._retired) > 1:
            await self._retired.pop(0).close()


async def _exchange(
    connection: _Connection, request: Request, limits: aiohttp.ClientTimeout
) -> aiohttp.ClientResponse:
    headers = {
        "Accept": request.accept,
        "Accept-Encoding": "identity",
        "Content-Type": request.content_type,
        "User-Agent": f"jax-operator/{__version__}",
    }
    settings = await connection.configuration.auth_settings()
    if (bearer := settings.get("BearerToken")) and (value := bearer["value"]):
        headers["Authorization"] = value
    url = connection.configuration.host + request.path
    if request.query:
        url += "?" + urlencode(request.query)
    answer = await connection.rest.request(  # type: ignore[no-untyped-call]
        request.method, url, headers=headers, body=request.body, _request_timeout=limits
    )
    response: aiohttp.ClientResponse = answer.response
    return response


def _response(answer: aiohttp.ClientResponse, body: bytes) -> Response:
    header = answer.headers.get("Retry-After", "")
    return Response(answer.status, body, float(header) if header.isdecimal() else None)


def _about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError | ssl.CertificateError | aiohttp.ClientSSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
