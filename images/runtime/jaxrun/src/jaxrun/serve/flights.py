"""Batches on their way to the engine and back: admitted tickets go in, their answers come out.

Everything here runs on the event loop, and never waits. Requests that come in one turn of the loop
are offered before any of them goes, so that they can go together. When a batch is done the next
one is given to the device first, and only then are the answers of the old one handed out.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxrun.serve.batching import Dispatch, Scheduler, Ticket, Wait
from jaxrun.serve.endings import ending, refused
from jaxrun.serve.errors import DeviceOutOfMemory, EngineBroken, NotFinite, ServeError
from jaxrun.serve.pending import Pending
from jaxrun.serve.runner import Runner
from jaxrun.serve.tally import BrokenPromise, Tally

if TYPE_CHECKING:
    from jaxrun.serve.runner import Answer, Array


@dataclass(slots=True, eq=False)
class _Flight:
    """started: given to the engine. begun: given to the device, by the engine's thread."""

    dispatch: Dispatch
    started: float
    begun: float | None = None


class Flights:
    """gave_up: called with the reason when no further batch can succeed.

    All methods belong to the event loop's thread.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        engine: Runner,
        tally: Tally,
        clock: Callable[[], float],
        gave_up: Callable[[str], None],
    ) -> None:
        self._scheduler = scheduler
        self._engine = engine
        self._tally = tally
        self._clock = clock
        self._gave_up = gave_up
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, Pending] = {}
        self._last_done = 0.0
        self._pump_asked = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self.idle = asyncio.Event()
        """Nothing is queued or in flight."""
        self.idle.set()

    @property
    def in_flight(self) -> int:
        """Requests that the device has."""
        return len(self._pending) - self._scheduler.queued

    async def answer(self, ticket: Ticket, inputs: "Mapping[str, Array]") -> "dict[str, Array]":
        """Of a ticket that the scheduler has admitted; cancelling it cancels the ticket.

        Raises what `ServeError` the ticket ends with.
        """
        future: asyncio.Future[dict[str, Array]] = self._loop.create_future()
        self._pending[ticket.id] = Pending(ticket, inputs, future)
        self.idle.clear()
        self._ask_pump()
        try:
            return await future
        except asyncio.CancelledError:
            self._scheduler.cancel(ticket.id)
            raise
        finally:
            del self._pending[ticket.id]
            self._notice_idle()

    def abandon(self, error: ServeError) -> None:
        """Ends with it what waits; what is in flight stays."""
        for ticket in self._scheduler.abandon():
            self._end(ticket.id, error)

    def _ask_pump(self) -> None:
        if not self._pump_asked:
            self._pump_asked = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Gives the device what is due, and sets the alarm for what comes next."""
        self._pump_asked = False
        while isinstance(decided := self._scheduler.next(self._clock()), Dispatch):
            self._start(decided)
        for dropped in self._scheduler.take_dropped():
            self._tally.broken_promises[BrokenPromise.UNSERVED] += 1
            self._end(dropped.ticket.id, refused(dropped.refusal))
        self._set_timer(decided.until if isinstance(decided, Wait) else None)
        self._notice_idle()

    def _start(self, dispatch: Dispatch) -> None:
        now = self._clock()
        self._scheduler.started(dispatch, now)
        self._tally.left_queue(now - ticket.arrived for ticket in dispatch.tickets)
        flight = _Flight(dispatch, now)
        loop, clock = self._loop, self._clock

        def begun() -> None:
            flight.begun = clock()

        def done(future: "Future[list[Answer]]") -> None:
            # In the engine's thread: the loop may be late, the clock is not.
            loop.call_soon_threadsafe(self._landed, flight, future, clock())

        try:
            rows = [self._pending[piece.ticket.id].inputs_of(piece) for piece in dispatch.pieces]
            self._engine.run(dispatch.bucket, rows, begun).add_done_callback(done)
        except Exception as error:
            failed: Future[list[Answer]] = Future()
            failed.set_exception(error)
            loop.call_soon(self._landed, flight, failed, now)

    def _landed(self, flight: _Flight, future: "Future[list[Answer]]", at: float) -> None:
        dispatch = flight.dispatch
        seconds = at - max(flight.started, self._last_done)
        if flight.begun is not None and self._last_done:
            self._scheduler.followed(dispatch, self._last_done, flight.begun)
        self._last_done = at
        error = future.exception()
        if error is None:
            self._scheduler.finished(dispatch, seconds, self._clock())
            self._pump()
            self._tally.executed(dispatch.bucket, dispatch.rows, seconds, at)
            for piece, answer in zip(dispatch.pieces, future.result(), strict=True):
                if isinstance(answer, NotFinite):
                    self._end(piece.ticket.id, answer)
                elif (pending := self._pending.get(piece.ticket.id)) is not None:
                    whole = pending.take(piece, answer)
                    if whole is not None and not pending.future.done():
                        pending.future.set_result(whole)
        else:
            self._failed(dispatch, error)
        self._notice_idle()

    def _failed(self, dispatch: Dispatch, error: BaseException) -> None:
        no_memory = isinstance(error, DeviceOutOfMemory)
        self._tally.out_of_memory += no_memory
        failure = self._scheduler.failed(dispatch, self._clock(), no_memory=no_memory)
        for ticket in failure.lost:
            self._end(ticket.id, ending(error))
        broken = self._engine.broken
        if failure.unready or broken or isinstance(error, EngineBroken):
            self._gave_up(broken or str(error))
        self._pump()

    def _end(self, id: int, error: ServeError) -> None:
        pending = self._pending.get(id)
        if pending is not None and not pending.future.done():
            pending.future.set_exception(error)

    def _set_timer(self, until: float | None) -> None:
        if self._timer is not None:
            if until == self._timer_at:
                return
            self._timer.cancel()
            self._timer = None
        if until is not None:
            self._timer_at = until
            delay = max(until - self._clock(), 0.0)
            self._timer = self._loop.call_later(delay, self._timer_rang)

    def _timer_rang(self) -> None:
        self._timer = None
        self._pump()

    def _notice_idle(self) -> None:
        if not self._pending and self._scheduler.idle:
            self.idle.set()
