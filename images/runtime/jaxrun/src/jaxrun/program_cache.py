"""The compile cache of this pod's programs: linked before each epoch, offered while it runs.

    linking     begun with the launcher and after each epoch, beside all that is waited for; no
                program waits longer than until 20 s after its beginning
    offering    by process 0, the only one whose JAX writes entries: from the first step on, and
                when the program is gone

The volume may be missing, hang or lie: then programs run colder, and `use` says why.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from jaxrun.cache.checked import Checked
from jaxrun.cache.local import Linked, link
from jaxrun.cache.offer import Offers
from jaxrun.cache.settings import CacheSettings
from jaxrun.cache.use import CacheUse
from jaxrun.cache_env import cache_environment
from jaxrun.contract import WarmupMode
from jaxrun.log import say
from jaxrun.settings import Settings

_LINK_SECONDS = 20.0
_OFFER_EVERY_SECONDS = 3.0
_LAST_OFFERS_SECONDS = 10.0
_OFFERS_OF_A_FILL_SECONDS = 60.0
_OFFERS_WHEN_ASKED_TO_STOP_SECONDS = 1.0
_LONGEST_PROBLEM = 300


class ProgramCache:
    """`variables` is what the program's environment needs for it; empty where it has no cache."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.variables: Mapping[str, str] = {}
        self._settings = settings.cache
        self._fills = settings.warmup is WarmupMode.FILL
        self._problem: str | None = None
        self._linked = Linked(0, 0)
        self._checked = Checked()
        self._linking: asyncio.Task[None] | None = None
        self._offers: Offers | None = None
        cache = settings.cache
        if cache is None:
            return
        if not _writable(cache.local):
            if cache.namespace is not None:
                self._problem = f"the directory {cache.local} cannot be written: no cache is used"
            return
        found = cache_environment(cache.local, environ)
        self.variables, self._problem = found.variables, found.problem
        if found.problem is None and settings.leads and cache.staging is not None:
            self._offers = Offers(cache)

    def begin_to_link(self) -> None:
        """What has been published since is for the next program; none may run now."""
        if self.variables and self._settings is not None:
            self._linking = asyncio.create_task(self._link(self._settings))

    async def linked(self) -> None:
        """Until it is done, or has had its time."""
        if self._linking is not None:
            await asyncio.wait({self._linking})

    async def keep_offering(self, stepped: Callable[[], bool]) -> None:
        """For ever: whenever steps have been taken, what was compiled for them."""
        while self._offers is not None:
            await asyncio.sleep(_OFFER_EVERY_SECONDS)
            if stepped():
                await self._offers.offer_new()

    async def offer_rest(self, asked_to_stop: bool) -> None:
        """The program is gone: what it has left is offered, if the volume answers in time."""
        if self._offers is None:
            return
        seconds = self._patience_seconds(asked_to_stop)
        await self._offers.offer_new(finished=True, seconds=seconds)
        if self._offers.problem is not None:
            say(f"not all that was compiled is offered: {self._offers.problem}")

    @property
    def use(self) -> CacheUse:
        """What was made of it so far."""
        offers = self._offers
        problem = self._problem or self._linked.problem or (offers.problem if offers else None)
        return CacheUse(
            namespace=self._settings.namespace if self._settings is not None else None,
            problem=problem[:_LONGEST_PROBLEM] if problem is not None else None,
            linked=self._linked.linked,
            refused=self._linked.refused,
            offered=offers.offered if offers is not None else 0,
            offered_bytes=offers.offered_bytes if offers is not None else 0,
        )

    def _patience_seconds(self, asked_to_stop: bool) -> float:
        if asked_to_stop:  # its grace may be over, and the pod be killed at any moment
            return _OFFERS_WHEN_ASKED_TO_STOP_SECONDS
        return _OFFERS_OF_A_FILL_SECONDS if self._fills else _LAST_OFFERS_SECONDS

    async def _link(self, settings: CacheSettings) -> None:
        self._linked = await link(settings, _LINK_SECONDS, self._checked)
        if self._linked.problem is not None:
            say(f"not all of the compile cache is linked: {self._linked.problem}")


def _writable(directory: Path) -> bool:
    return directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)
