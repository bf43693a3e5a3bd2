"""Two threads keep the device busy: one lays out and dispatches, one fetches and answers.

While a batch executes, the next is padded, transferred and put behind it in the device's queue; so
at most `depth` batches are in flight, and only they hold memory on the device. Batches end in the
order in which they were submitted.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Batch = TypeVar("Batch")
Begun = TypeVar("Begun")
Answer = TypeVar("Answer")
_Submitted = tuple[Batch, "Future[Answer]", Callable[[], None]]


class Pipeline(Generic[Batch, Begun, Answer]):
    """begin(batch) dispatches, finish(begun) waits for the answer; what they raise is the future's.

    Each is called in one thread only.
    """

    def __init__(
        self, depth: int, begin: Callable[[Batch], Begun], finish: Callable[[Begun], Answer]
    ) -> None:
        self._begin, self._finish = begin, finish
        self._slots = threading.Semaphore(depth)
        self._waiting: queue.SimpleQueue[_Submitted[Batch, Answer] | None] = queue.SimpleQueue()
        self._flying: queue.SimpleQueue[tuple[Begun, Future[Answer]] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for run, name in ((self._dispatch, "jaxrun-dispatch"), (self._fetch, "jaxrun-fetch"))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, batch: Batch, begun: Callable[[], None] = lambda: None) -> "Future[Answer]":
        """Never blocks. `begun` is called in the thread that dispatches, once it has."""
        future: Future[Answer] = Future()
        self._waiting.put((batch, future, begun))
        return future

    def close(self) -> None:
        """Returns when every batch that was submitted is over."""
        self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _dispatch(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            self._slots.acquire()
            self._dispatched(*waiting)
            del waiting
        self._flying.put(None)

    def _dispatched(self, batch: Batch, future: "Future[Answer]", told: Callable[[], None]) -> None:
        if not future.set_running_or_notify_cancel():
            self._slots.release()
            return
        try:
            begun = self._begin(batch)
        except BaseException as error:
            self._slots.release()
            future.set_exception(error)
        else:
            told()
            self._flying.put((begun, future))

    def _fetch(self) -> None:
        while (flying := self._flying.get()) is not None:
            self._fetched(*flying)
            # The arrays of a batch do not outlive it while there is no next one.
            del flying

    def _fetched(self, begun: Begun, future: "Future[Answer]") -> None:
        try:
            answer = self._finish(begun)
        except BaseException as error:
            self._slots.release()
            future.set_exception(error)
        else:
            self._slots.release()
            future.set_result(answer)
