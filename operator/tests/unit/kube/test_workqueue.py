"""client-go's promises, one by one."""

import asyncio
from itertools import pairwise

import pytest
from jaxop.kube.resources import Key
from jaxop.kube.workqueue import ShutDown, WorkQueue


def key(name: str) -> Key:
    return Key("Widget", "ns", name)


A, B, C = map(key, "abc")


async def drained(queue: WorkQueue) -> list[str]:
    """What the queue gives out now, each key done at once."""
    names = []
    while len(queue):
        taken = await queue.get()
        names.append(taken.name)
        queue.done(taken)
    return names


async def test_first_in_first_out_and_each_once() -> None:
    queue = WorkQueue()
    for each in (A, B, A, C, B):
        queue.add(each)
    assert await drained(queue) == ["a", "b", "c"]


async def test_never_the_same_key_twice_at_once() -> None:
    queue = WorkQueue()
    queue.add(A)
    assert await queue.get() == A
    queue.add(A)
    queue.add(A)
    assert len(queue) == 0, "it waits for done"
    queue.done(A)
    assert await drained(queue) == ["a"], "dirty while processed: once more"


async def test_done_without_a_change_does_not_come_back() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.done(await queue.get())
    assert queue.idle


async def test_workers_wait_for_keys() -> None:
    queue = WorkQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for each in (A, B, C):
        queue.add(each)
    assert set(await asyncio.gather(*waiting)) == {A, B, C}


async def test_a_cancelled_worker_loses_no_key() -> None:
    queue = WorkQueue()
    first = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add(A)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await asyncio.wait_for(queue.get(), 1) == A


async def test_known_keys_go_first_but_fresh_ones_get_their_share() -> None:
    queue = WorkQueue()
    for i in range(3):
        queue.add(key(f"fresh{i}"), fresh=True)
    for i in range(8):
        queue.add(key(f"known{i}"))
    order = await drained(queue)
    assert [order.index(f"fresh{i}") for i in range(3)] == [4, 9, 10]
    assert [name for name in order if "known" in name] == [f"known{i}" for i in range(8)]


async def test_a_key_changes_lanes_when_it_comes_back() -> None:
    queue = WorkQueue()
    queue.add(A, fresh=True)
    taken = await queue.get()
    queue.add(A)
    for name in ("x", "y"):
        queue.add(key(name), fresh=True)
    queue.done(taken)
    assert (await drained(queue))[0] == "a"


async def test_delayed_adds_the_earliest_counts() -> None:
    queue = WorkQueue()
    loop = asyncio.get_running_loop()
    began = loop.time()
    queue.add_after(A, 60)
    queue.add_after(A, 0.03)
    queue.add_after(A, 60)
    assert len(queue) == 0
    assert await asyncio.wait_for(queue.get(), 5) == A
    assert loop.time() - began >= 0.029
    assert not queue._timers, "and is the only one"


async def test_a_delayed_add_of_zero_is_now() -> None:
    queue = WorkQueue()
    queue.add_after(A, 0)
    assert len(queue) == 1


async def test_retries_wait_ever_longer_until_forgotten() -> None:
    queue = WorkQueue(first_retry=1.0, last_retry=60.0)
    delays = [queue.add_rate_limited(A) for _ in range(10)]
    assert 0.5 <= delays[0] <= 1.0
    assert all(30.0 <= delay <= 60.0 for delay in delays[6:])
    assert all(later <= earlier * 4 for earlier, later in pairwise(delays))
    assert queue.retries(A) == 10
    assert queue.add_rate_limited(B) <= 1.0, "each key has its own"
    queue.forget(A)
    assert queue.add_rate_limited(A) <= 1.0


async def test_shut_down_ends_all_workers_and_takes_no_more() -> None:
    queue = WorkQueue()
    queue.add_after(B, 0.01)
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.shut_down()
    ends = await asyncio.wait_for(asyncio.gather(*workers, return_exceptions=True), 5)
    assert all(isinstance(end, ShutDown) for end in ends)
    queue.add(A)
    with pytest.raises(ShutDown):
        await queue.get()


async def test_many_workers_many_keys_none_lost_none_twice() -> None:
    queue = WorkQueue()
    at_work: set[Key] = set()
    passes: dict[Key, int] = {}

    async def worker() -> None:
        while True:
            try:
                taken = await queue.get()
            except ShutDown:
                return
            assert taken not in at_work
            at_work.add(taken)
            await asyncio.sleep(0)
            passes[taken] = passes.get(taken, 0) + 1
            if passes[taken] < 3:
                queue.add(taken)
            at_work.discard(taken)
            queue.done(taken)

    workers = [asyncio.create_task(worker()) for _ in range(8)]
    for i in range(100):
        queue.add(key(str(i)), fresh=True)
    while not queue.idle:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)
    queue.shut_down()
    await asyncio.gather(*workers)
    assert passes == {key(str(i)): 3 for i in range(100)}
