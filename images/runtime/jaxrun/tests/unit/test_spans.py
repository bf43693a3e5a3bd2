"""Seconds in data and checkpoints, each counted once, however spans lie in each other."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

import jaxrun
from jaxrun.program import api, jax_events, spans
from jaxrun.program.reporter import Reporter


class ASilentReporter(Reporter):
    """Keeps what it would have sent."""

    def __init__(self) -> None:
        super().__init__("/nowhere")
        self.top = True
        self.sent: list[dict[str, Any]] = []

    def send(self, kind: str, body: dict[str, Any], urgent: bool = False) -> None:
        self.sent.append(dict(body))


class Monitoring:
    """What jax.monitoring calls, by hand."""

    def __init__(self) -> None:
        self.event: Callable[..., None]
        self.duration: Callable[..., None]

    def register_event_listener(self, listener: Callable[..., None]) -> None:
        self.event = listener

    def register_event_duration_secs_listener(self, listener: Callable[..., None]) -> None:
        self.duration = listener


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(spans, "time", clock)
    return clock


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> ASilentReporter:
    line = ASilentReporter()
    monkeypatch.setattr(api, "reporter", lambda: line)
    return line


@pytest.fixture
def jax(line: ASilentReporter) -> Monitoring:
    monitoring = Monitoring()
    jax_events.listen(line, monitoring)  # type: ignore[arg-type]
    return monitoring


def told(line: ASilentReporter) -> tuple[float, float]:
    progress = line.progress
    return progress.get("data_seconds", 0.0), progress.get("checkpoint_seconds", 0.0)


def test_spans_add_up(line: ASilentReporter, clock: Clock) -> None:
    for _ in range(3):
        with jaxrun.span("data"):
            clock.now += 2
        clock.now += 10
    with jaxrun.span("checkpoint"):
        clock.now += 5
    assert told(line) == (6, 5)


def test_the_inner_one_has_its_time(line: ASilentReporter, clock: Clock) -> None:
    with jaxrun.span("checkpoint"):
        clock.now += 1
        with jaxrun.span("data"):
            clock.now += 2
            assert line.progress["waiting"] == "data"
        assert line.progress["waiting"] == "checkpoint"
        clock.now += 4
    assert told(line) == (2, 5)
    assert line.progress["waiting"] == ""


def test_an_exception_ends_a_span_and_goes_on(line: ASilentReporter, clock: Clock) -> None:
    def load() -> None:
        with jaxrun.span("data"):
            clock.now += 2
            raise KeyError

    with pytest.raises(KeyError):
        load()
    assert told(line) == (2, 0)


def test_data_times_what_is_waited_for(line: ASilentReporter, clock: Clock) -> None:
    def batches() -> Any:
        for i in range(3):
            clock.now += 2
            yield i
        clock.now += 1

    seen = []
    for batch in jaxrun.data(batches()):
        seen.append(batch)
        clock.now += 10
    assert seen == [0, 1, 2]
    assert told(line) == (7, 0)


def test_compilation_inside_a_span_is_compilation(
    line: ASilentReporter, clock: Clock, jax: Monitoring
) -> None:
    with jaxrun.span("data"):
        clock.now += 3
        jax.duration("/jax/core/compile/backend_compile_duration", 2.0)
    assert told(line) == (1, 0)
    assert line.progress["compile_seconds"] == 2


def test_orbax_tells_by_itself_and_twice(
    line: ASilentReporter, clock: Clock, jax: Monitoring
) -> None:
    jax.event("/jax/orbax/write/async/start")
    assert line.progress["waiting"] == "checkpoint"
    clock.now += 4
    jax.duration("/jax/checkpoint/write/async/blocking_duration_secs", 4.0)
    jax.duration("/jax/orbax/write/async/blocking_duration_secs", 4.0, storage_type="local")
    assert told(line) == (0, 4)
    assert line.progress["waiting"] == ""
    clock.now += 60
    jax.duration("/jax/orbax/write/async/total_duration_secs", 64.0)
    assert told(line) == (0, 4), "what is written beside the steps costs none"


def test_orbax_in_a_span_of_the_user(line: ASilentReporter, clock: Clock, jax: Monitoring) -> None:
    with jaxrun.span("checkpoint"):
        clock.now += 1
        jax.event("/jax/orbax/read/start")
        clock.now += 4
        jax.duration("/jax/orbax/read/blocking_duration_secs", 4.0)
        clock.now += 1
    assert told(line) == (0, 6)


def test_a_wait_inside_of_a_save_that_began_before_it(
    line: ASilentReporter, clock: Clock, jax: Monitoring
) -> None:
    """CheckpointManager waits for the previous save, tells so, then tells of the whole."""
    clock.now += 1
    with jaxrun.span("data"):
        clock.now += 1
    clock.now += 3
    jax.duration("/jax/checkpoint/write/wait_for_prev_duration_secs", 2.0)
    clock.now += 4
    jax.duration("/jax/orbax/write/async/blocking_duration_secs", 7.0)
    assert told(line) == (1, 7)


def test_a_save_that_failed_is_over_at_the_next_step(
    line: ASilentReporter, clock: Clock, jax: Monitoring
) -> None:
    jax.event("/jax/orbax/write/start")
    jaxrun.report(step=4)
    assert line.progress["waiting"] == ""


def test_other_threads_are_not_counted(
    line: ASilentReporter, clock: Clock, jax: Monitoring
) -> None:
    def load() -> None:
        with jaxrun.span("data"):
            clock.now += 5
        jax.event("/jax/orbax/write/start")
        jax.duration("/jax/orbax/write/blocking_duration_secs", 5.0)

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    assert told(line) == (0, 0)
    assert not line.progress.get("waiting")


@pytest.mark.parametrize("kind", ["evaluation", "", None, 7, ["data"]])
def test_other_kinds_are_nothing(line: ASilentReporter, clock: Clock, kind: Any) -> None:
    with jaxrun.span(kind):
        clock.now += 5
    assert told(line) == (0, 0)


def test_a_fast_loop_does_not_talk_all_the_time(line: ASilentReporter, clock: Clock) -> None:
    for _ in range(1000):
        with jaxrun.span("data"):
            clock.now += 0.001
        clock.now += 0.001
    assert 10 <= len(line.sent) <= 50
    assert told(line)[0] == pytest.approx(1.0)


def test_a_long_wait_is_told_while_it_lasts(line: ASilentReporter, clock: Clock) -> None:
    clock.now += 1
    with jaxrun.span("data"):
        assert line.sent[-1]["waiting"] == "data"
        clock.now += 0.01
    assert line.sent[-1]["waiting"] == "", "what was said to have begun is said to be over"
