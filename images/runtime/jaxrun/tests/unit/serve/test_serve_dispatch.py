"""The asyncio side of the model server, with a played engine."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from serve_players import APlayedEngine, a_model

from jaxrun.serve.batching import Dispatch, Limits, Scheduler
from jaxrun.serve.dispatch import InferRequest, Server
from jaxrun.serve.engine.loading import Loading as EngineLoading
from jaxrun.serve.errors import (
    DeviceOutOfMemory,
    EngineBroken,
    InvalidInput,
    ModelFailed,
    NotFinite,
    OutOfMemory,
    RefusalReason,
    Refused,
    TooLarge,
)
from jaxrun.serve.settings import ServeSettings
from jaxrun.serve.state import Draining, Loading, Ready, Unready


def a_request(rows: int = 1, length: int = 3, value: int = 1, **more: Any) -> InferRequest:
    return InferRequest({"ids": np.full((rows, length), value, np.int32)}, rows, **more)


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        await asyncio.sleep(0.001)


class Served:
    """A loaded server and its engine."""

    def __init__(self, settings: ServeSettings | None = None) -> None:
        model = a_model()
        flat = {bucket: 0.001 + 1e-6 * bucket.batch for bucket in model.grid.all()}
        self.engine = APlayedEngine(model, flat)
        self.server = Server(settings)

    def ask(self, request: InferRequest) -> "asyncio.Task[dict[str, Any]]":
        return asyncio.ensure_future(self.server.infer(request))

    async def holds(self, batches: int) -> None:
        await until(lambda: len(self.engine.held) >= batches, f"batch {batches}")

    async def answers_all(self, *tasks: "asyncio.Task[Any]") -> list[Any]:
        gathered = asyncio.gather(*tasks, return_exceptions=True)
        while not gathered.done():
            if self.engine.held:
                self.engine.answer()
            await asyncio.sleep(0.001)
        return list(gathered.result())


def page(served: Served) -> list[str]:
    return served.server.exposition()[1].decode().splitlines()


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    await served.server.load(lambda: served.engine)
    yield served


async def test_a_request_is_answered_with_its_own_rows(served: Served) -> None:
    task = served.ask(a_request(rows=2, length=5, value=3))
    await served.holds(1)
    served.engine.answer()
    np.testing.assert_array_equal((await task)["y"], [15, 15])


async def test_the_scheduler_hears_when_the_device_was_free_and_when_it_had_the_next_batch(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[int, float, float]] = []

    def followed(_: Scheduler, batch: Dispatch, free_at: float, came_at: float) -> None:
        heard.append((batch.tickets[0].id, free_at, came_at))

    monkeypatch.setattr(Scheduler, "followed", followed)
    before = time.monotonic()
    first = served.ask(a_request())
    await served.holds(1)
    served.engine.answer()
    await first
    between = time.monotonic()
    second = served.ask(a_request())
    await served.holds(1)
    served.engine.answer()
    await second
    ((ticket, free_at, came_at),) = heard
    assert ticket == 2
    assert before < free_at < between < came_at < time.monotonic()


async def test_requests_of_one_turn_share_a_batch_and_get_their_own_answers(
    served: Served,
) -> None:
    tasks = [served.ask(a_request(value=value)) for value in range(4)]
    await served.holds(1)
    answers = await served.answers_all(*tasks)
    assert [int(answer["y"][0]) for answer in answers] == [0, 3, 6, 9]
    assert [rows for _, rows in served.engine.ran] == [[1, 1, 1, 1]]


async def test_at_most_two_batches_are_given_to_the_engine(served: Served) -> None:
    tasks = [served.ask(a_request(rows=8)) for _ in range(5)]
    await served.holds(2)
    await asyncio.sleep(0.05)
    assert len(served.engine.held) == 2
    answers = await served.answers_all(*tasks)
    assert len(answers) == len(served.engine.ran) == 5


async def test_while_loading_it_counts_buckets_and_refuses() -> None:
    served = Served()
    go = asyncio.Event()
    loop = asyncio.get_running_loop()

    def loads(told: Callable[[EngineLoading], None]) -> None:
        told(EngineLoading(3, 8, None, 1.0, 2.5))
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(5)

    served.engine.loads = loads
    loading = asyncio.ensure_future(served.server.load(lambda: served.engine))
    await until(lambda: served.server.state == Loading(3, 8, 2.5), "the count")
    said = served.server.statistics()
    assert (said["state"], said["bucketsReady"], said["bucketsTotal"]) == ("Loading", 3, 8)
    with pytest.raises(Refused) as refused:
        await served.server.infer(a_request())
    assert (refused.value.status, refused.value.reason) == (503, RefusalReason.LOADING)
    go.set()
    await loading
    assert served.server.state == Ready()
    assert served.server.statistics()["bucketsReady"] == 8


async def test_a_load_that_fails_is_unready_with_its_reason_and_raised() -> None:
    served = Served()
    served.engine.load_error = ValueError("golden[0] differs")
    with pytest.raises(ValueError, match="golden"):
        await served.server.load(lambda: served.engine)
    assert served.server.state == Unready("load: ValueError: golden[0] differs")
    with pytest.raises(Refused, match="golden"):
        await served.server.infer(a_request())


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (InferRequest({"x": np.zeros((1, 3), np.int32)}, 1), InvalidInput, "'x' is unknown"),
        (InferRequest({"ids": np.zeros((1, 3), np.int64)}, 1), InvalidInput, "int64"),
        (InferRequest({"ids": np.zeros((2, 3), np.int32)}, 1), InvalidInput, "1 rows"),
        (a_request(priority=-1), InvalidInput, "priority is -1"),
        (a_request(rows=9), TooLarge, "batch is 9"),
        (a_request(length=65), TooLarge, "length is 65"),
    ],
)
async def test_what_does_not_fit_the_model_is_told_and_not_run(
    served: Served, request_: InferRequest, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await served.server.infer(request_)
    assert served.server.statistics()["requests"] == 1
    assert not served.engine.ran


async def test_a_cancelled_request_in_the_queue_is_never_run(served: Served) -> None:
    running = [served.ask(a_request(rows=8)), served.ask(a_request(rows=8))]
    await served.holds(2)
    waiting = served.ask(a_request(value=7))
    await until(lambda: served.server.statistics()["queued"] == 1, "the queued request")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert served.server.statistics()["queued"] == 0
    await served.answers_all(*running)
    assert await served.server.drained(60)
    assert len(served.engine.ran) == 2


async def test_a_cancelled_request_in_flight_leaves_its_neighbours_their_answers(
    served: Served,
) -> None:
    gone, stays = served.ask(a_request(value=1)), served.ask(a_request(value=2))
    await served.holds(1)
    gone.cancel()
    answers = await served.answers_all(gone, stays)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert int(answers[1]["y"][0]) == 6


async def test_a_full_queue_is_refused_with_429() -> None:
    served = Served(ServeSettings(limits=Limits(max_queue=2)))
    await served.server.load(lambda: served.engine)
    tasks = [served.ask(a_request(rows=8)) for _ in range(2)]
    await served.holds(2)
    tasks += [served.ask(a_request()) for _ in range(2)]
    await until(lambda: served.server.statistics()["queued"] == 2, "the full queue")
    with pytest.raises(Refused) as refused:
        await served.server.infer(a_request())
    assert (refused.value.status, refused.value.reason) == (429, RefusalReason.QUEUE_FULL)
    assert refused.value.retry_after_seconds
    await served.answers_all(*tasks)


async def test_a_request_is_turned_away_unread_where_none_with_its_deadline_is_taken() -> None:
    served = Served(ServeSettings(limits=Limits(max_queue=2), default_timeout_seconds=60))
    await served.server.load(lambda: served.engine)
    served.server.turn_away(None)
    with pytest.raises(Refused) as refused:
        served.server.turn_away(time.monotonic() - 1)
    assert refused.value.reason == RefusalReason.DEADLINE_PASSED

    tasks = [served.ask(a_request(rows=8)) for _ in range(2)]
    await served.holds(2)
    tasks += [served.ask(a_request()) for _ in range(2)]
    await until(lambda: served.server.statistics()["queued"] == 2, "the full queue")
    with pytest.raises(Refused) as refused:
        served.server.turn_away(None)
    assert refused.value.reason == RefusalReason.QUEUE_FULL
    assert served.server.statistics()["refused"] == 2
    await served.answers_all(*tasks)


async def test_only_a_request_without_a_deadline_has_the_default() -> None:
    server = Server(ServeSettings(default_timeout_seconds=60))
    now = time.monotonic()
    assert server.deadline(now + 1) == now + 1
    default = server.deadline(None)
    assert default is not None
    assert now + 60 <= default <= time.monotonic() + 60
    assert Server().deadline(None) is None


async def test_a_deadline_in_the_queue_is_answered_then_and_not_after_the_batch_before() -> None:
    served = Served(ServeSettings(default_timeout_seconds=2))
    await served.server.load(lambda: served.engine)
    patient = time.monotonic() + 600
    running = [served.ask(a_request(rows=8, deadline=patient)) for _ in range(2)]
    await served.holds(2)
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(served.server.infer(a_request()), 60)
    assert (refused.value.status, refused.value.reason) == (504, RefusalReason.DEADLINE_PASSED)
    assert len(served.engine.held) == 2
    assert 'jaxrun_serve_broken_promises_total{outcome="unserved"} 1.0' in page(served)
    await served.answers_all(*running)


async def test_an_answer_after_its_deadline_is_given_and_counted(served: Served) -> None:
    deadline = time.monotonic() + 0.3
    task = served.ask(a_request(deadline=deadline))
    await served.holds(1)
    await until(lambda: time.monotonic() > deadline, "the deadline")
    (outputs,) = await served.answers_all(task)
    assert isinstance(outputs, dict)
    assert 'jaxrun_serve_broken_promises_total{outcome="late"} 1.0' in page(served)


async def test_no_memory_is_tried_again_in_smaller_buckets_and_put_together(
    served: Served,
) -> None:
    task = served.ask(InferRequest({"ids": np.arange(24, dtype=np.int32).reshape(8, 3)}, 8))
    await served.holds(1)
    served.engine.fail(DeviceOutOfMemory("RESOURCE_EXHAUSTED"))
    (answer,) = await served.answers_all(task)
    np.testing.assert_array_equal(answer["y"], np.arange(24).reshape(8, 3).sum(1))
    assert [bucket.batch for bucket, _ in served.engine.ran] == [8, 4, 4]
    assert served.server.state == Ready()


async def test_no_memory_for_the_retry_either_is_503_and_three_in_a_row_are_unready(
    served: Served,
) -> None:
    for _ in range(2):
        task = served.ask(a_request(rows=1))
        await served.holds(1)
        served.engine.fail(DeviceOutOfMemory("RESOURCE_EXHAUSTED"))
        with pytest.raises(OutOfMemory) as error:
            await task
        assert error.value.status == 503
        assert served.server.state == Ready()
    task = served.ask(a_request(rows=1))
    await served.holds(1)
    served.engine.fail(DeviceOutOfMemory("RESOURCE_EXHAUSTED: 2 GiB"))
    with pytest.raises(OutOfMemory):
        await task
    assert served.server.state == Unready("RESOURCE_EXHAUSTED: 2 GiB")
    with pytest.raises(Refused) as refused:
        await served.server.infer(a_request())
    assert refused.value.reason is RefusalReason.UNREADY


async def test_a_broken_engine_ends_everything_that_waits(served: Served) -> None:
    tasks = [served.ask(a_request(rows=8)) for _ in range(4)]
    await served.holds(2)
    served.engine.broken = "the device is gone"
    served.engine.fail(EngineBroken("the device is gone"))
    served.engine.fail(EngineBroken("the device is gone"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, Refused) for each in results)
    assert served.server.state == Unready("the device is gone")


async def test_a_model_that_raises_fails_its_batch_only(served: Served) -> None:
    task = served.ask(a_request())
    await served.holds(1)
    served.engine.fail(ModelFailed("XlaRuntimeError: INTERNAL"))
    with pytest.raises(ModelFailed):
        await task
    after = served.ask(a_request(value=2))
    (answer,) = await served.answers_all(after)
    assert int(answer["y"][0]) == 6
    assert served.server.statistics()["failed"] == 1


async def test_an_answer_that_is_not_finite_is_its_own_requests_only(served: Served) -> None:
    bad, good = served.ask(a_request(value=1)), served.ask(a_request(value=2))
    await served.holds(1)
    served.engine.answer_not_finite()
    with pytest.raises(NotFinite):
        await bad
    assert int((await good)["y"][0]) == 6


async def test_draining_answers_what_was_admitted_and_refuses_the_rest(served: Served) -> None:
    tasks = [served.ask(a_request(rows=8)) for _ in range(3)]
    await served.holds(2)
    served.server.drain()
    assert served.server.state == Draining()
    with pytest.raises(Refused) as refused:
        await served.server.infer(a_request())
    assert refused.value.reason is RefusalReason.DRAINING
    assert not await served.server.drained(0.01)
    answers = await served.answers_all(*tasks)
    assert all(isinstance(answer, dict) for answer in answers)
    assert await served.server.drained(60)
    assert served.engine.closed


async def test_statistics_and_metrics_tell_the_same(served: Served) -> None:
    await served.answers_all(served.ask(a_request(rows=7)))
    said = served.server.statistics()
    assert (said["requests"], said["refused"], said["queued"], said["inFlight"]) == (1, 0, 0, 0)
    assert said["padding"] == 0.125
    assert said["latency"]["p50Seconds"] > 0  # type: ignore[index]
    assert served.server.exposition()[0].startswith("text/plain")
    lines = page(served)
    assert 'jaxrun_serve_broken_promises_total{outcome="late"} 0.0' in lines
    assert 'jaxrun_serve_requests_total{outcome="answered"} 1.0' in lines
    assert 'jaxrun_serve_padding_rows_total{bucket="batch=8,length=16"} 1.0' in lines
    assert "jaxrun_serve_latency_seconds_count 1.0" in lines
    assert any(line.startswith("jaxrun_serve_rss_bytes ") for line in lines)
