"""The next batch is begun while one runs, no more than `depth` are in flight, and none is lost."""

import threading
import time
from collections.abc import Callable

import pytest

from jaxrun.serve.engine.pipeline import Pipeline


class Device:
    """Begins at once; a batch ends when the test lets it."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ends = {number: threading.Event() for number in range(10)}

    def begin(self, number: int) -> int:
        if number == 7:
            raise MemoryError("no room for 7")
        self.begun.append(number)
        return number

    def finish(self, number: int) -> str:
        assert self.ends[number].wait(60)
        if number == 5:
            raise ArithmeticError("5 went wrong")
        return f"answer {number}"


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_as_many_as_the_depth_are_in_flight_and_submitting_never_blocks() -> None:
    device = Device()
    pipeline = Pipeline(2, device.begin, device.finish)
    futures = [pipeline.submit(number) for number in range(4)]
    eventually(lambda: device.begun == [0, 1])
    assert not futures[0].done()
    device.ends[0].set()
    assert futures[0].result(60) == "answer 0"
    eventually(lambda: device.begun == [0, 1, 2])
    for end in device.ends.values():
        end.set()
    pipeline.close()
    assert [future.result(0) for future in futures] == [f"answer {n}" for n in range(4)]


def test_a_failure_is_its_own_batchs_and_frees_its_place() -> None:
    device = Device()
    for end in device.ends.values():
        end.set()
    pipeline = Pipeline(1, device.begin, device.finish)
    seven, five, six = (pipeline.submit(number) for number in (7, 5, 6))
    with pytest.raises(MemoryError):
        seven.result(60)
    with pytest.raises(ArithmeticError):
        five.result(60)
    assert six.result(60) == "answer 6"
    pipeline.close()


def test_a_batch_that_is_cancelled_before_its_turn_is_not_begun() -> None:
    device = Device()
    pipeline = Pipeline(1, device.begin, device.finish)
    first, second, third = (pipeline.submit(number) for number in (0, 1, 2))
    eventually(lambda: device.begun == [0])
    assert second.cancel()
    for end in device.ends.values():
        end.set()
    assert (first.result(60), third.result(60)) == ("answer 0", "answer 2")
    assert device.begun == [0, 2]
    pipeline.close()
