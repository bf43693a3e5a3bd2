"""Live Jobs, fetched when one of their pods may need a successor: the store keeps no templates.

Kept for a few seconds by uid and generation, since many pods of one Job may be lost one after the
other; a template that changes (of a suspended Job) changes the generation.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.domain.jaxjob.views import JobView
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import KubeError
from jaxop.kube.resources import JOBS, Key

log = logging.getLogger(__name__)

KEPT_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 5.0
CONCURRENT: Final = 16


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: Key
    name: str
    uid: str
    generation: int

    @property
    def identity(self) -> tuple[str, int]:
        return self.uid, self.generation


class JobTemplates:
    """`of` asks for Jobs; `wake` is called for those who asked when they are there."""

    def __init__(self, client: ApiClient, wake: Callable[[Key], None]) -> None:
        self._client = client
        self._wake = wake
        self._there: dict[tuple[str, int], tuple[float, Manifest]] = {}
        self._asked: set[tuple[str, int]] = set()
        self._wanted: asyncio.Queue[_Wanted] = asyncio.Queue()
        self._room = asyncio.Semaphore(CONCURRENT)

    def of(self, key: Key, jobs: Iterable[JobView]) -> Mapping[str, Manifest]:
        """By uid, those that are known."""
        now, found = asyncio.get_running_loop().time(), {}
        for job in jobs:
            wanted = _Wanted(key, job.name, job.uid, job.generation)
            known = self._there.get(wanted.identity)
            if known is not None:
                self._there[wanted.identity] = now, known[1]
                found[job.uid] = known[1]
            elif wanted.identity not in self._asked:
                self._asked.add(wanted.identity)
                self._wanted.put_nowait(wanted)
        return found

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as questions:
            while True:
                wanted = await self._wanted.get()
                self._forget_the_old()
                questions.create_task(self._fetch(wanted))

    async def _fetch(self, wanted: _Wanted) -> None:
        try:
            async with self._room:
                job = await self._client.get(JOBS, wanted.key.namespace, wanted.name)
        except KubeError as error:
            log.warning("%s: its Job %s cannot be read: %s", wanted.key, wanted.name, error)
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            metadata = job["metadata"]
            identity = metadata["uid"], metadata.get("generation", 0)
            self._there[identity] = asyncio.get_running_loop().time(), job
        self._asked.discard(wanted.identity)
        self._wake(wanted.key)

    def _forget_the_old(self) -> None:
        oldest = asyncio.get_running_loop().time() - KEPT_SECONDS
        self._there = {k: entry for k, entry in self._there.items() if entry[0] >= oldest}
