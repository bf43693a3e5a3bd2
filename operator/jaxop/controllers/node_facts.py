"""The nodes, fetched only while a pod cannot be scheduled or may be on a dead one, and trimmed."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from jaxop.domain.jaxjob.reading.reading import read_node
from jaxop.domain.jaxjob.views import NodeView
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import KubeError
from jaxop.kube.resources import NODES, Key

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 30.0
NODES_PER_SECOND: Final = 50
"""A large cluster's nodes are listed more rarely."""


class NodeFacts:
    """`of` asks for the nodes; `wake` is called for those who asked when they are there."""

    def __init__(self, client: ApiClient, wake: Callable[[Key], None]) -> None:
        self._client = client
        self._wake = wake
        self._nodes: tuple[NodeView, ...] | None = None
        self._fetched_at = float("-inf")
        self._asked: set[Key] = set()
        self._wanted = asyncio.Event()

    def of(
        self, key: Key, fresh_seconds: float = FRESH_SECONDS
    ) -> tuple[tuple[NodeView, ...] | None, bool]:
        """What is known, and whether something newer is on its way and nothing is known yet."""
        age = asyncio.get_running_loop().time() - self._fetched_at
        fresh_for = max(fresh_seconds, len(self._nodes or ()) / NODES_PER_SECOND)
        if age < fresh_for:
            return self._nodes, False
        self._asked.add(key)
        self._wanted.set()
        return self._nodes, self._nodes is None

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._nodes = await self._fetch()
            self._fetched_at = asyncio.get_running_loop().time()
            asked, self._asked = self._asked, set()
            for key in asked:
                self._wake(key)

    async def _fetch(self) -> tuple[NodeView, ...] | None:
        """None if that is not possible: the message then does without."""
        found: list[NodeView] = []
        token = ""
        try:
            while True:
                page = await self._client.list_page(NODES, limit=200, continue_token=token)
                found += [read_node(item) for item in page.items]
                token = page.continue_token
                if not token:
                    return tuple(found)
        except KubeError as error:
            log.warning("messages on scheduling do without the nodes: %s", error)
            return None
