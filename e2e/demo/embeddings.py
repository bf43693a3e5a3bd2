"""A client of the example minilm: sentences in, embeddings out."""

import http.client
import json
from collections.abc import Sequence
from math import hypot
from types import TracebackType
from typing import Any

from e2e.cluster.errors import ClusterError

TIMEOUT_SECONDS = 30.0
Embedding = Sequence[float]


class Client:
    """One connection to a port of this machine. All methods raise ClusterError."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def embed(self, texts: Sequence[str]) -> list[Embedding]:
        """An embedding for each text."""
        embeddings: list[Embedding] = self._ask("POST", "/embed", {"texts": texts})["embeddings"]
        return embeddings

    def status(self) -> dict[str, Any]:
        """The server's own: `serving` of the in-pod contract."""
        return self._ask("GET", "/status")

    def _ask(self, method: str, path: str, said: object = None) -> dict[str, Any]:
        body = None if said is None else json.dumps(said).encode()
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ClusterError(f"{method} {path}: {type(error).__name__}: {error}") from error
        if answer.status != 200:
            raise ClusterError(f"{method} {path}: {answer.status}: {text[:500].decode()}")
        found: dict[str, Any] = json.loads(text)
        return found


def cosine(one: Embedding, other: Embedding) -> float:
    """Of the angle between them: 1 where they mean the same, about 0 where they have nothing in
    common."""
    return sum(a * b for a, b in zip(one, other, strict=True)) / (hypot(*one) * hypot(*other))
