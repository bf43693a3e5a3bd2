"""One token in each namespace that has JaxJobs: created if absent, never read, never changed.

The operator may create Secrets and needs no right to read any: that the name is taken says that
the token is there.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Final

from jaxop.domain.jaxjob.pods.token import token_secret
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    NotLeading,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from jaxop.kube.resources import SECRETS, Key

log = logging.getLogger(__name__)

TOKEN_BYTES: Final = 32
AGAIN_SECONDS: Final = 5.0


class GangTokens:
    """`ready` asks for a namespace's token and says whether it is known to exist; `wake` is called
    for those who asked when that, or what is `wrong`, has changed."""

    def __init__(self, client: ApiClient, wake: Callable[[Key], None], manager: str) -> None:
        self._client = client
        self._wake = wake
        self._manager = manager
        self._there: dict[str, float] = {}
        self._wrong: dict[str, str] = {}
        self._asked: dict[str, set[Key]] = {}
        self._wanted: asyncio.Queue[str] = asyncio.Queue()

    def ready(self, key: Key) -> bool:
        if key.namespace in self._there:
            return True
        asked = self._asked.get(key.namespace)
        if asked is None:
            asked = self._asked[key.namespace] = set()
            self._wanted.put_nowait(key.namespace)
        asked.add(key)
        return False

    def wrong(self, namespace: str) -> str | None:
        """Why the token cannot be created, as a sentence for the user."""
        return self._wrong.get(namespace)

    def lost(self, namespace: str) -> None:
        """A pod does not find the Secret: somebody deleted it, or the namespace is a new one."""
        since = self._there.get(namespace)
        if since is not None and asyncio.get_running_loop().time() - since > AGAIN_SECONDS:
            del self._there[namespace]

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as creations:
            while True:
                namespace = await self._wanted.get()
                creations.create_task(self._create(namespace))

    async def _create(self, namespace: str) -> None:
        if not await self._try_to_create(namespace):
            for key in self._asked[namespace]:
                self._wake(key)
            await asyncio.sleep(AGAIN_SECONDS)
        for key in self._asked.pop(namespace):
            self._wake(key)

    async def _try_to_create(self, namespace: str) -> bool:
        secret = token_secret(namespace, secrets.token_urlsafe(TOKEN_BYTES))
        try:
            await self._client.create(SECRETS, secret, manager=self._manager)
        except AlreadyExists:
            pass
        except NotLeading:
            return False
        except (Unreachable, Conflict, TooManyRequests, ServerError) as error:
            log.warning("namespace %s has no token yet: %s", namespace, error)
            return False
        except ApiError as error:
            self._wrong[namespace] = f"the gang's token cannot be created: {error.message}"
            log.warning("namespace %s: %s", namespace, self._wrong[namespace])
            return False
        self._there[namespace] = asyncio.get_running_loop().time()
        self._wrong.pop(namespace, None)
        return True
