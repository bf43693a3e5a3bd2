"""JAX's log is listened to, and its user sees what he would have seen without that."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from jaxrun.program import lowerings
from jaxrun.program.lowerings import Lowered

COMPILING = "Compiling %s with global shapes and types %s. Argument mapping: %s."


class Aval:
    def __init__(self, text: str, weak_type: bool = False) -> None:
        self._text, self.weak_type = text, weak_type

    def str_short(self) -> str:
        return self._text


class DebugInfo:
    func_src_info = "train_step at /app/train.py:16"
    arg_names = ("state['w']", "batch")


class Jaxpr:
    debug_info = DebugInfo()


class ALog(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.shown.append(record.getMessage())


class Listening:
    """To a logger that stands for JAX's, below one that stands for `jax`."""

    def __init__(self) -> None:
        self.heard: list[Lowered] = []
        self.log = ALog()
        self.above = logging.getLogger("a_jax")
        self.above.addHandler(self.log)
        self.logger = logging.getLogger("a_jax.pxla")

    def begin(self) -> None:
        lowerings.watch(self.heard.append)

    def compile(self, *args: Any, level: int = logging.DEBUG) -> None:
        self._cached_lowering_to_hlo(level, *args)

    def _cached_lowering_to_hlo(self, level: int, *args: Any) -> None:
        jaxpr = Jaxpr()
        del jaxpr.__dict__  # only its class tells
        if self.logger.isEnabledFor(level):
            self.logger.log(level, COMPILING, *args)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    monkeypatch.setattr(lowerings, "_LOGGER", "a_jax.pxla")
    made = Listening()
    yield made
    made.above.removeHandler(made.log)
    for logger in (made.above, made.logger):
        logger.setLevel(logging.NOTSET)
        logger.filters.clear()


ARGS = ("jit(train_step)", (Aval("float32[4]"), Aval("float32[]", weak_type=True)), (1, []))


def test_function_arguments_and_shapes(listening: Listening) -> None:
    listening.begin()
    listening.compile(*ARGS)
    (heard,) = listening.heard
    assert (heard.function, heard.source, heard.own) == (
        "train_step",
        "train_step at /app/train.py:16",
        False,
    )
    assert [(a.name, a.shape) for a in heard.arguments] == [
        ("state['w']", "float32[4]"),
        ("batch", "float32[] (weak type)"),
    ]


def test_constants_come_before_the_arguments_that_have_names(listening: Listening) -> None:
    listening.begin()
    listening.compile("jit(f)", (Aval("a"), Aval("b"), Aval("c")), (0, 0, 0))
    assert [a.name for a in listening.heard[0].arguments] == ["", "state['w']", "batch"]


def test_from_elsewhere_without_names(listening: Listening) -> None:
    listening.begin()
    listening.logger.debug(COMPILING, *ARGS)
    assert [a.name for a in listening.heard[0].arguments] == ["", ""]


@pytest.mark.parametrize("level", [logging.NOTSET, logging.INFO, logging.DEBUG, logging.ERROR])
@pytest.mark.parametrize("above", [logging.NOTSET, logging.INFO, logging.DEBUG, logging.ERROR])
def test_the_user_sees_what_he_would_have_seen(
    listening: Listening, level: int, above: int
) -> None:
    def said() -> list[str]:
        listening.log.shown.clear()
        for at in (logging.DEBUG, logging.INFO, logging.WARNING, logging.CRITICAL):
            listening.compile(*ARGS, level=at)
        return list(listening.log.shown)

    listening.above.setLevel(above)
    listening.logger.setLevel(level)
    without = said()
    listening.begin()
    assert said() == without
    assert len(listening.heard) == 4


def test_a_level_that_is_set_later_holds(listening: Listening) -> None:
    listening.begin()
    listening.logger.setLevel(logging.DEBUG)
    listening.compile(*ARGS)
    assert len(listening.log.shown) == 1
    listening.logger.setLevel(logging.ERROR)
    listening.compile(*ARGS, level=logging.WARNING)
    assert len(listening.log.shown) == 1


@pytest.mark.parametrize("args", [(), (1,), ("jit(f)", None, None), ("f", (1, 2), (1,))])
def test_a_record_of_another_form_is_let_pass(listening: Listening, args: tuple[Any, ...]) -> None:
    listening.begin()
    listening.above.setLevel(logging.DEBUG)
    text = COMPILING if len(args) == 3 else "Compiling %s with global shapes and types"
    listening.logger.handle(
        logging.LogRecord("a_jax.pxla", logging.WARNING, "", 0, text % args if args else text,
                          None, None)
    )  # fmt: skip
    assert len(listening.log.shown) == 1
    assert listening.heard == []


def test_a_listener_that_fails_harms_nobody(listening: Listening) -> None:
    def fails(lowered: Lowered) -> None:
        raise ValueError(lowered)

    lowerings.watch(fails)
    listening.compile(*ARGS, level=logging.WARNING)
    assert len(listening.log.shown) == 1


def test_several_listen_and_one_that_fails_does_not_keep_it_from_the_others(
    listening: Listening,
) -> None:
    def fails(lowered: Lowered) -> None:
        raise ValueError(lowered)

    lowerings.watch(fails)
    listening.begin()
    listening.begin()
    listening.compile(*ARGS)
    assert len(listening.heard) == 2
    assert listening.log.shown == []
