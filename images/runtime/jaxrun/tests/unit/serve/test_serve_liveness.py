"""When a server should be started anew."""

from jaxrun.serve.liveness import Liveness
from jaxrun.serve.state import Loading, Ready, Unready


def test_what_has_promised_nothing_may_take_as_long_as_it_takes() -> None:
    liveness = Liveness()
    assert liveness.alive(Loading(), 0.0)
    assert liveness.alive(Loading(0, 12, None), 100_000.0)


def test_each_bucket_gives_new_time() -> None:
    liveness = Liveness()
    assert liveness.alive(Loading(1, 12, 4.0), 0.0)
    assert liveness.alive(Loading(1, 12, 4.0), 899.0)
    assert not liveness.alive(Loading(1, 12, 4.0), 901.0)
    assert liveness.alive(Loading(2, 12, 4.0), 902.0)
    assert liveness.alive(Loading(2, 12, 4.0), 1801.0)


def test_a_slow_compile_has_what_it_was_predicted_to_take_and_more() -> None:
    liveness = Liveness()
    assert liveness.alive(Loading(1, 12, 3600.0), 0.0)
    assert liveness.alive(Loading(1, 12, 3600.0), 4 * 3600.0)
    assert not liveness.alive(Loading(1, 12, 3600.0), 5 * 3600.0 + 1)


def test_ready_is_alive_and_unready_for_a_minute() -> None:
    liveness = Liveness()
    assert liveness.alive(Ready(), 0.0)
    assert liveness.alive(Ready(), 1e9)
    assert liveness.alive(Unready("no memory"), 1e9 + 1)
    assert liveness.alive(Unready("no memory"), 1e9 + 60)
    assert not liveness.alive(Unready("no memory"), 1e9 + 62)
