"""Between HTTP and the engine: whether there is a model, and whether a request is taken.

Requests become tickets, which the scheduler admits or refuses; what becomes of those admitted is in
`flights`. Everything here runs on the event loop, and never waits.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxrun.serve.batching import Refusal, Scheduler, Ticket
from jaxrun.serve.buckets import BATCH
from jaxrun.serve.endings import RETRY_SECONDS, refused
from jaxrun.serve.errors import InvalidInput, RefusalReason, Refused, TooLarge
from jaxrun.serve.flights import Flights
from jaxrun.serve.metrics import exposition
from jaxrun.serve.model import Model
from jaxrun.serve.runner import Runner
from jaxrun.serve.settings import ServeSettings
from jaxrun.serve.sizes import sizes_of
from jaxrun.serve.state import Draining, Loading, Ready, State, Unready
from jaxrun.serve.statistics import Loaded, serving
from jaxrun.serve.tally import BrokenPromise, Outcome, Tally

if TYPE_CHECKING:
    from jaxrun.serve.engine.loading import Loading as EngineLoading
    from jaxrun.serve.runner import Array

MOST_PRIORITY = 1000


@dataclass(frozen=True, slots=True)
class InferRequest:
    """One request as the protocol's reader hands it over.

    inputs: by the model's names, without padding, first dimension `rows` each.
    rows: at least 1. deadline: on the clock of `time.monotonic`, None without one.
    priority: smaller goes first, 0 is the default and the highest. id: for messages only.
    """

    inputs: "Mapping[str, Array]"
    rows: int
    deadline: float | None = None
    priority: int = 0
    id: str = ""


class Server:
    """Lives from the process's first moment: it is `Loading` until `load` has returned.

    All methods belong to the event loop's thread.
    """

    def __init__(
        self, settings: ServeSettings | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings or ServeSettings()
        self._clock = clock
        self._state: State = Loading()
        self._tally = Tally()
        self._engine: Runner | None = None
        self._scheduler: Scheduler | None = None
        self._flights: Flights | None = None
        self._loop: asyncio.AbstractEventLoop
        self._load_seconds: float | None = None
        self._ready_at: float | None = None
        self._began = clock()
        self._ready_since = self._began
        self._last_id = 0

    @property
    def state(self) -> State:
        return self._state

    async def load(self, make: Callable[[], Runner]) -> None:
        """Runs `make` (imports the factory, returns an Engine) and the engine's `load` in a thread.

        The state counts buckets meanwhile and is Ready afterwards; where either raises it is
        Unready with the reason, and the exception is raised again. Where the engine follows another
        process it does so from then on, in a thread of its own, and requests are refused here.
        """
        self._loop = loop = asyncio.get_running_loop()
        began = self._clock()

        def told(loading: "EngineLoading") -> None:
            loop.call_soon_threadsafe(self._told, loading)

        def work() -> Runner:
            engine = make()
            loop.call_soon_threadsafe(setattr, self, "_engine", engine)
            engine.load(told)
            return engine

        try:
            engine = await asyncio.to_thread(work)
            scheduler = Scheduler(engine.model.grid, engine.costs, self._settings.limits)
        except Exception as error:
            self._state = Unready(f"load: {type(error).__name__}: {error}")
            raise
        self._engine, self._scheduler = engine, scheduler
        self._flights = Flights(scheduler, engine, self._tally, self._clock, self._give_up)
        self._ready_since = self._clock()
        self._load_seconds = self._ready_since - began
        self._ready_at = time.time()
        if isinstance(self._state, Loading):
            self._state = Ready()
        if engine.follows:
            threading.Thread(target=self._follow, args=(engine,), daemon=True).start()

    async def infer(self, request: InferRequest) -> "dict[str, Array]":
        """Outputs by name, cut to the request's own sizes; cancelling it cancels the request.

        Raises errors.Refused, InvalidInput, TooLarge, OutOfMemory, NotFinite or ModelFailed.
        """
        try:
            outputs = await self._infer(request)
        except Refused as error:
            self._tally.was_refused(error.reason)
            raise
        except (InvalidInput, TooLarge):
            self._tally.ended(Outcome.INVALID)
            raise
        except asyncio.CancelledError:
            self._tally.ended(Outcome.CANCELLED)
            raise
        except Exception:
            self._tally.ended(Outcome.FAILED)
            raise
        return outputs

    def turn_away(self, deadline: float | None) -> None:
        """Raises Refused where no request that ends by then is taken now, whatever is in it.

        For before anything is spent on reading it: an overloaded server has to refuse cheaply.
        deadline: the latest that it can turn out to have, None where it may turn out to have none.
        """
        try:
            self._turn_away(deadline)
        except Refused as error:
            self._tally.was_refused(error.reason)
            raise

    def deadline(self, named: float | None) -> float | None:
        """Of a request that comes now; `named` is what it says itself."""
        default = self._settings.default_timeout_seconds
        return self._clock() + default if named is None and default is not None else named

    def drain(self) -> None:
        """Refuses new requests from now on; those admitted are still answered."""
        if not isinstance(self._state, Unready):
            self._state = Draining()

    async def drained(self, timeout_seconds: float) -> bool:
        """Returns when nothing is queued or in flight and the engine is closed: False if the time
        was over first."""
        engine, flights = self._engine, self._flights
        if engine is None or flights is None:
            return True
        try:
            await asyncio.wait_for(flights.idle.wait(), timeout_seconds)
            if not engine.follows:
                await asyncio.wait_for(asyncio.to_thread(engine.close), timeout_seconds)
        except asyncio.TimeoutError:
            return False
        return True

    def statistics(self) -> dict[str, object]:
        """The `serving` object of /status."""
        return serving(self._loaded(), self._tally, self._clock())

    def exposition(self) -> tuple[str, bytes]:
        """Content type and body of /metrics."""
        return exposition(self._loaded(), self._tally)

    def _serving(self) -> tuple[Scheduler, Runner, Flights]:
        scheduler, engine, flights = self._scheduler, self._engine, self._flights
        ready = isinstance(self._state, Ready)
        if not ready or scheduler is None or engine is None or flights is None:
            raise self._not_ready()
        if engine.follows:
            raise Refused(
                503, RETRY_SECONDS, RefusalReason.FOLLOWER, "process 0 of this replica serves"
            )
        return scheduler, engine, flights

    def _turn_away(self, deadline: float | None) -> None:
        scheduler, *_ = self._serving()
        refusal = scheduler.foresee(deadline, self._clock())
        if refusal is not None:
            raise refused(refusal)

    async def _infer(self, request: InferRequest) -> "dict[str, Array]":
        scheduler, engine, flights = self._serving()
        now = self._clock()
        ticket = self._ticket(request, engine.model, now)
        verdict = scheduler.offer(ticket, now)
        if isinstance(verdict, Refusal):
            raise refused(verdict)
        outputs = await flights.answer(ticket, request.inputs)
        now = self._clock()
        self._tally.answered(now - ticket.arrived, now)
        if ticket.deadline is not None and now > ticket.deadline:
            self._tally.broken_promises[BrokenPromise.LATE] += 1
        return outputs

    def _ticket(self, request: InferRequest, model: Model, now: float) -> Ticket:
        sizes = sizes_of(model.inputs, request.inputs)
        rows = sizes[BATCH]
        if rows != request.rows:
            raise InvalidInput(f"the request says {request.rows} rows and its inputs have {rows}")
        if not 0 <= request.priority <= MOST_PRIORITY:
            raise InvalidInput(f"priority is {request.priority}; it is from 0 to {MOST_PRIORITY}")
        model.grid.batch_of(rows)
        self._last_id += 1
        return Ticket(
            id=self._last_id,
            rows=rows,
            family=model.grid.family_of(sizes),
            bytes=sum(array.nbytes for array in request.inputs.values()),
            arrived=now,
            deadline=self.deadline(request.deadline),
            priority=request.priority,
        )

    def _not_ready(self) -> Refused:
        state = self._state
        if isinstance(state, Draining):
            return Refused(503, RETRY_SECONDS, RefusalReason.DRAINING, "the server is stopping")
        if isinstance(state, Unready):
            return Refused(503, RETRY_SECONDS, RefusalReason.UNREADY, state.reason)
        seconds = state.seconds_left if isinstance(state, Loading) else None
        return Refused(
            503, max(seconds or 0.0, RETRY_SECONDS), RefusalReason.LOADING, "the model is loading"
        )

    def _give_up(self, reason: str) -> None:
        """Unready for good: nothing that waits is run any more."""
        if not isinstance(self._state, Unready):
            self._state = Unready(reason)
        if self._flights is not None:
            self._flights.abandon(self._not_ready())

    def _told(self, told: "EngineLoading") -> None:
        if isinstance(self._state, Loading):
            self._state = Loading(told.ready, told.total, told.predicted_seconds_left)

    def _follow(self, engine: Runner) -> None:
        try:
            engine.follow()
            state: State = Draining()
        except Exception as error:
            state = Unready(f"out of step with process 0: {type(error).__name__}: {error}")
        self._loop.call_soon_threadsafe(setattr, self, "_state", state)

    def _loaded(self) -> Loaded:
        scheduler, engine, flights = self._scheduler, self._engine, self._flights
        queued = scheduler.queued if scheduler is not None else 0
        return Loaded(
            state=self._state,
            model=engine.model.name if engine is not None else None,
            version=engine.model.version if engine is not None else None,
            buckets_total=len(engine.model.grid.all()) if engine is not None else 0,
            ready_at=self._ready_at,
            ready_since=self._ready_since,
            load_seconds=self._load_seconds,
            queued=queued,
            queued_bytes=scheduler.queued_bytes if scheduler is not None else 0,
            queued_seconds=scheduler.queued_seconds() if scheduler is not None else 0.0,
            in_flight=flights.in_flight if flights is not None else 0,
            compiles=dict(engine.compiles_after_ready) if engine is not None else {},
            not_finite=dict(engine.not_finite) if engine is not None else {},
            parameters_bytes=engine.plan.parameter_bytes if engine is not None else 0,
        )
