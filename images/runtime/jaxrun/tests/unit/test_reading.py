"""What is read from the program: faulthandler's stacks, and reports that may be anything."""

import math

from hypothesis import given
from hypothesis import strategies as st

from jaxrun.compiled import Compiled, FunctionCompiled
from jaxrun.observation import observe
from jaxrun.program_progress import Progress
from jaxrun.stack import innermost

DUMP = """Thread 0x00007f0a (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 320 in wait
  File "/app/other.py", line 1 in background

Current thread 0x00007f1c (most recent call first):
  File "/usr/lib/python3.11/socket.py", line 706 in readinto
  File "/venv/lib/python3.11/site-packages/requests/api.py", line 9 in get
  File "/app/train.py", line 12 in load_the_data
  File "/app/train.py", line 40 in <module>
"""


def test_the_users_innermost_frame_of_the_current_thread() -> None:
    assert innermost(DUMP) == "train.py:12 in load_the_data"


def test_a_library_frame_where_there_is_no_other() -> None:
    text = (
        'Current thread 0x1 (most recent call first):\n  File "/usr/lib/python3/a.py", line 3 in f'
    )
    assert innermost(text) == "a.py:3 in f"


def test_no_frames() -> None:
    assert innermost("") == ""
    assert innermost("Segmentation fault\n") == ""


def test_progress() -> None:
    message = {
        "initialised": True,
        "step": 3,
        "metrics": {"loss": 0.5, "bad": "x", "nan": None, "flag": True},
        "compile_seconds": 1.5,
    }
    seen = observe(Progress(1), message)
    assert (seen.initialised, seen.step, seen.compile_seconds) == (True, 3, 1.5)
    assert set(seen.metrics) == {"loss", "nan"}
    assert math.isnan(seen.metrics["nan"])


def test_what_was_compiled() -> None:
    message = {
        "functions": [["train_step", 2, 1.5], ["bad"], "bad", ["f", -1, 1.0], ["g", 1, "x"]],
        "recompilations": 1,
        "recompiled": "train_step: " + "x" * 1000,
        "cache_read_errors": 2,
        "cache_retrieval_seconds": 0.25,
        "cache_saved_seconds": -1e-9,
        "cache_never_kept": 7,
        "never_kept": ["train_step", 3, "f" * 1000, "g", "one too many"],
    }
    seen = observe(Progress(1), message).compiled
    assert seen == Compiled(
        functions=(FunctionCompiled("train_step", 2, 1.5),),
        recompilations=1,
        recompiled=("train_step: " + "x" * 1000)[:512],
        read_errors=2,
        retrieval_seconds=0.25,
        saved_seconds=0.0,
        never_kept=7,
        never_kept_functions=("train_step", "f" * 128, "g"),
    )
    assert observe(Progress(1, compiled=seen), {"step": 3}).compiled == seen


def test_phases_do_not_go_back() -> None:
    assert observe(Progress(1, initialised=True), {"initialised": False}).initialised


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none())


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *Progress.__dataclass_fields__,
                "functions",
                "recompilations",
                "recompiled",
                "cache_read_errors",
                "cache_retrieval_seconds",
                "cache_saved_seconds",
                "cache_never_kept",
                "never_kept",
            ]
        ),
        anything
        | st.lists(st.lists(anything, min_size=3, max_size=3), max_size=40)
        | st.dictionaries(st.text(max_size=3), anything, max_size=40),
    )
)
def test_whatever_is_said_is_taken_or_left(message: dict[str, object]) -> None:
    seen = observe(Progress(1), message)
    assert seen.epoch == 1
    assert type(seen.step) in (int, type(None))
    assert len(seen.metrics) <= 32
    assert math.isfinite(seen.compile_seconds)
    assert len(seen.compiled.functions) <= 16
    assert math.isfinite(seen.compiled.saved_seconds)
