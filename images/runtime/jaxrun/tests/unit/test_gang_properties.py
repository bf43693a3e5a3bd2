"""Whatever happens in whatever order: one verdict, all are told to stop, within a bounded time."""

from builders import APlayedGang, exited, raised, signalled
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxrun.cause import is_consequence
from jaxrun.gang.protocol import Calls, Stack, StopAsked
from jaxrun.program_progress import Progress
from jaxrun.settings import Timing

SIZE = 3
processes = st.integers(0, SIZE - 1)
deaths = st.sampled_from(
    [
        lambda p: exited(3, p),
        lambda p: signalled(6, p),
        lambda p: signalled(11, p),
        lambda p: raised("ValueError", "bad", p),
        lambda p: raised("ValueError", "UNKNOWN: Gloo failed: Connection reset by peer", p),
    ]
)
events = st.lists(
    st.one_of(
        st.tuples(st.just("died"), processes, deaths),
        st.tuples(st.just("gone with death"), processes, deaths),
        st.tuples(st.just("gone"), processes, st.sampled_from([0, 0, 1])),
        st.tuples(st.just("left"), processes, st.none()),
        st.tuples(st.just("asked"), processes, st.none()),
        st.tuples(st.just("calls"), processes, st.integers(0, 100)),
        st.tuples(st.just("stack"), processes, st.none()),
        st.tuples(
            st.just("progress"),
            processes,
            st.fixed_dictionaries(
                {
                    name: st.booleans()
                    for name in ("initialising", "initialised", "exiting", "compiling")
                }
            ),
        ),
        st.tuples(st.just("wait"), processes, st.sampled_from([0.05, 1.0, 5.0])),
    ),
    max_size=25,
)


@given(events)
@settings(max_examples=500, deadline=None)
def test_any_order_of_events(story: list[tuple[str, int, object]]) -> None:
    timing = Timing(start_timeout=20, exit_grace=20, barrier_grace=40, grace=30)
    gang = APlayedGang(SIZE, timing).joined().spawned()
    connected, finished = set(range(SIZE)), set[int]()
    failed = asked = only_echoes = False
    culprit: int | None = None
    for what, process, detail in story:
        if gang.verdict is not None:
            break
        if what == "wait":
            assert isinstance(detail, float)
            gang.after(detail)
            continue
        if process not in connected:
            continue
        untouched = not gang.stopped
        strong = False
        if what in ("died", "gone with death") and process not in finished:
            death = detail(process)  # type: ignore[operator]
            strong, failed = not is_consequence(death), True
            only_echoes = only_echoes or (untouched and not strong)
            if what == "died":
                gang.died(process, death)
            else:
                finished.add(process)
                gang.gone(process, death.exit_code, signal=death.signal, death=death)
        elif what == "gone" and process not in finished:
            finished.add(process)
            gang.gone(process, 0)
        elif what == "left":
            connected.discard(process)
            strong = process not in finished
            failed = failed or strong
            finished.add(process)
            gang.left(process)
        elif what == "asked":
            asked = True
            gang.say(process, StopAsked(15))
        elif what == "calls":
            gang.say(process, Calls(1, detail))  # type: ignore[arg-type]
        elif what == "stack":
            gang.say(process, Stack(1, "somewhere"))
        elif what == "progress":
            gang.say(process, Progress(1, **detail))  # type: ignore[arg-type]
        if strong and culprit is None and (untouched or only_echoes):
            culprit = process
        if failed:
            assert gang.stopped or gang.verdict is not None
    if failed:
        gang.after(timing.heartbeat_timeout + timing.heartbeat_interval + 0.5)
        assert gang.verdict is not None
        assert gang.verdict.exit_code != 0
        if asked:
            assert gang.verdict.cause is not None
        elif culprit is not None:
            assert gang.verdict.process == culprit
    # However it went on: late words and lost connections add no second verdict.
    for process in range(SIZE):
        gang.gone(process, 0)
        gang.left(process)
    gang.after(60)
    assert gang.verdict is not None
