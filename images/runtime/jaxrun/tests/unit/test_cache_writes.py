"""A compilation that JAX never keeps is counted, with its function, in the thread that did it."""

import threading
from types import ModuleType
from typing import Any

import pytest

from jaxrun.program import cache_writes


class ACompiler:
    """JAX's module, and a program that compiles with it."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.seen: dict[str, Any] = {}
        self.module = ModuleType("compiler")

        def write(cache_key: str, backend: Any, host_callbacks: Any) -> None:
            self.written.append(cache_key)

        vars(self.module)["_cache_write"] = write
        cache_writes.watch_writes(self.module)

    def compiles(
        self, function: str, callbacks: tuple[Any, ...] = (), by_name: bool = False
    ) -> None:
        write = vars(self.module)["_cache_write"]
        if by_name:
            write(function, None, host_callbacks=callbacks)
        else:
            write(function, None, callbacks)
        self.ends(function)

    def ends(self, function: str) -> None:
        cache_writes.count(self.seen, function)

    @property
    def never_kept(self) -> tuple[int, list[str]]:
        return self.seen.get("cache_never_kept", 0), self.seen.get("never_kept", [])


@pytest.mark.parametrize("by_name", [False, True])
def test_a_function_with_a_callback_is_named(by_name: bool) -> None:
    program = ACompiler()
    program.compiles("init")
    program.compiles("train_step", (print,), by_name)
    program.compiles("evaluate", (), by_name)
    program.ends("found in the cache")
    assert program.never_kept == (1, ["train_step"])
    assert program.written == ["init", "train_step", "evaluate"], "JAX's own is called as ever"


def test_names_are_told_once_and_four_of_them() -> None:
    program = ACompiler()
    for function in ("a", "a", "b", "c", "d", "e"):
        program.compiles(function, (print,))
    assert program.never_kept == (6, ["a", "b", "c", "d"])


def test_what_another_thread_compiles_is_its_own() -> None:
    program = ACompiler()
    write = vars(program.module)["_cache_write"]
    thread = threading.Thread(target=write, args=("in a thread", None, (print,)))
    thread.start()
    thread.join()
    program.ends("train_step")
    assert program.never_kept == (0, [])


def another(cache_key: str, callbacks: Any) -> None:
    """Takes no argument of that name."""


@pytest.mark.parametrize("write", [None, another], ids=["gone", "another signature"])
def test_a_jax_that_does_it_in_another_way_is_left_alone(write: Any) -> None:
    module = ModuleType("compiler")
    if write is not None:
        vars(module)["_cache_write"] = write
    with pytest.raises((AttributeError, ValueError)):
        cache_writes.watch_writes(module)
    assert vars(module).get("_cache_write") is write
