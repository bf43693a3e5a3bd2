"""client-go's work queue: keys, each once, never processed twice at the same time.

- A key added while it waits is not added again; added while it is processed, it comes back when
  that is done.
- Delayed adds, and retries with a backoff per key, until it is forgotten.
- Two lanes: `fresh` keys (objects never seen before) and all others, which go first, but for every
  fifth turn. When many objects are created at once, the first ones' second passes do not wait for
  the first passes of all; and however busy the old ones are, new ones get their share.
"""

import asyncio
import time
from collections import deque

from jaxop.kube import metrics
from jaxop.kube.backoff import delay_after
from jaxop.kube.resources import Key

FIRST_RETRY_SECONDS = 0.05
LAST_RETRY_SECONDS = 300.0
FRESH_TURN = 5


class ShutDown(Exception):  # noqa: N818 - an end, not an error
    """The queue gives out no more keys."""


class WorkQueue:
    """For one event loop; not for threads."""

    def __init__(
        self,
        *,
        first_retry: float = FIRST_RETRY_SECONDS,
        last_retry: float = LAST_RETRY_SECONDS,
    ) -> None:
        self._fresh: deque[Key] = deque()
        self._known: deque[Key] = deque()
        self._since_fresh = 0
        self._waiting: dict[Key, float] = {}
        self._processing: set[Key] = set()
        self._dirty: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._first_retry, self._last_retry = first_retry, last_retry
        self._available = asyncio.Semaphore(0)
        self._closed = False

    def __len__(self) -> int:
        """Keys that wait for a worker; those that wait for their time are not counted."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is processed (delayed keys aside)."""
        return not self._waiting and not self._processing

    def add(self, key: Key, *, fresh: bool = False) -> None:
        if self._closed or key in self._waiting:
            return
        if key in self._processing:
            self._dirty.add(key)
            return
        self._waiting[key] = time.monotonic()
        (self._fresh if fresh else self._known).append(key)
        metrics.QUEUE_DEPTH.set(len(self._waiting))
        self._available.release()

    def add_after(self, key: Key, seconds: float) -> None:
        """The earliest of several delayed adds of a key counts, and is the only one."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        if (timer := self._timers.get(key)) is not None:
            if timer.when() <= when:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(when, self._due, key)

    def add_rate_limited(self, key: Key) -> float:
        """Adds after a delay that grows until `forget`; returns the delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = delay_after(failures, self._first_retry, self._last_retry)
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """Its next failure is the first again."""
        self._failures.pop(key, None)

    def retries(self, key: Key) -> int:
        return self._failures.get(key, 0)

    async def get(self) -> Key:
        """The next key, to be given back with `done`. Raises ShutDown."""
        await self._available.acquire()
        if self._closed:
            self._available.release()
            raise ShutDown
        lane = self._next_lane()
        key = lane.popleft()
        metrics.QUEUE_SECONDS.observe(time.monotonic() - self._waiting.pop(key))
        metrics.QUEUE_DEPTH.set(len(self._waiting))
        self._processing.add(key)
        return key

    def done(self, key: Key) -> None:
        self._processing.discard(key)
        if key in self._dirty:
            self._dirty.discard(key)
            self.add(key)

    def shut_down(self) -> None:
        """What is processed may be finished; nothing new is given out."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._available.release()

    def _next_lane(self) -> deque[Key]:
        self._since_fresh += 1
        if self._fresh and (not self._known or self._since_fresh >= FRESH_TURN):
            self._since_fresh = 0
            return self._fresh
        return self._known

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)
