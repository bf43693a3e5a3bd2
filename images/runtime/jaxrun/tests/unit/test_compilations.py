"""Which function was compiled again after the first step, and what had changed."""

from typing import Any

import pytest

from jaxrun.program.compilations import Compilations, what_changed
from jaxrun.program.lowerings import Argument, Lowered, function_name


def lowered(
    *shapes: str,
    function: str = "train_step",
    source: str = "train_step at /app/train.py:16",
    names: tuple[str, ...] = (),
    shardings: tuple[int, ...] = (),
    own: bool = False,
) -> Lowered:
    names = names or ("",) * len(shapes)
    shardings = shardings or (0,) * len(shapes)
    arguments = tuple(map(Argument, names, shapes, shardings))
    return Lowered(function, source, arguments, own)


class AProgram:
    """What JAX tells of one."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}
        self.compilations = Compilations(self.seen)

    def compiles(self, what: Lowered, seconds: float = 1.0) -> "AProgram":
        self.compilations.lowered(what)
        self.compilations.compiled(f"jit({what.function})", seconds)
        return self

    def steps(self) -> "AProgram":
        self.seen["step"] = 1
        return self

    @property
    def recompiled(self) -> tuple[int, str | None]:
        return self.seen.get("recompilations", 0), self.seen.get("recompiled")


X = ("x",)


def test_another_shape_after_the_first_step_is_named() -> None:
    program = AProgram().compiles(lowered("float32[32,64]", names=X)).steps()
    program.compiles(lowered("float32[17,64]", names=X))
    assert program.recompiled == (1, "train_step: x float32[32,64] -> float32[17,64]")
    program.compiles(lowered("float32[9,64]", names=X))
    assert program.recompiled == (2, "train_step: x float32[17,64] -> float32[9,64]")


def test_before_the_first_step_nothing_counts() -> None:
    program = AProgram().compiles(lowered("float32[2]")).compiles(lowered("float32[3]"))
    assert program.steps().recompiled == (0, None)


def test_a_function_that_is_new_is_no_recompilation() -> None:
    program = AProgram().compiles(lowered("float32[2]")).steps()
    program.compiles(lowered("float32[2]", function="evaluate", source="evaluate at a.py:1"))
    program.compiles(lowered("float32[3]", source="train_step at /app/other.py:3"))
    assert program.recompiled == (0, None)


def test_jaxs_own_functions_are_counted_by_name_only() -> None:
    program = AProgram().compiles(lowered("float32[2]", function="add", own=True)).steps()
    program.compiles(lowered("float32[3]", function="add", own=True))
    assert program.recompiled == (0, None)
    assert program.seen["functions"] == [["add", 2, 2.0]]


def test_compiled_again_without_being_lowered_again() -> None:
    """As with other options for the compiler."""
    program = AProgram().compiles(lowered("float32[2]")).steps()
    program.compilations.compiled("jit(train_step)", 1.0)
    count, text = program.recompiled
    assert count == 1
    assert text is not None
    assert text.startswith("train_step: the same shapes")


def test_a_compilation_that_jax_tells_no_shapes_of() -> None:
    program = AProgram().steps()
    program.compilations.compiled("jit(train_step)", 1.0)
    program.compilations.compiled("jit(train_step)", 1.0)
    assert program.recompiled == (0, None)
    assert program.seen["functions"] == [["train_step", 2, 2.0]]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (lowered("int32[]", "f32[2]"), lowered("int32[]", "f32[3]"), "argument 1 f32[2] -> f32[3]"),
        (lowered("f32[2]"), lowered("f32[2]", "f32[2]"), "1 -> 2 arguments"),
        (
            lowered("f32[2]", names=X, shardings=(1,)),
            lowered("f32[2]", names=X, shardings=(2,)),
            "the sharding of x",
        ),
        (
            lowered("f32[2]"),
            lowered("f32[2]"),
            "the same shapes; a constant, a static argument, or a function made anew",
        ),
        (
            lowered(*["a"] * 6),
            lowered(*["b"] * 6),
            "argument 0 a -> b, argument 1 a -> b, argument 2 a -> b, argument 3 a -> b and 2 more",
        ),
    ],
)
def test_what_changed(before: Lowered, after: Lowered, text: str) -> None:
    assert what_changed(before, after) == text


def test_the_text_is_bounded() -> None:
    program = AProgram().compiles(lowered("a" * 128, names=("n" * 128,) * 1)).steps()
    program.compiles(lowered(*["b" * 128] * 5, names=("n" * 128,) * 5))
    program.compiles(lowered(*["c" * 128] * 5, names=("n" * 128,) * 5))
    assert program.recompiled[0] == 2
    assert len(program.recompiled[1] or "") == 512


def test_memory_is_bounded() -> None:
    program = AProgram()
    for number in range(2000):
        name = f"f{number}"
        program.compiles(lowered("a", function=name, source=name), seconds=float(number))
        program.compilations.lowered(lowered("a", function=f"seen{number}"))
    kept = vars(program.compilations)
    assert all(len(kept[name]) <= 256 for name in ("_spent", "_pending", "_known"))
    assert program.seen["functions"][0] == ["f1999", 1, 1999.0]
    assert len(program.seen["functions"]) == 16


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("jit(train_step)", "train_step"),
        ("pmap(<lambda>)", "<lambda>"),
        ("jit_train_step", "jit_train_step"),
        ("jit(" + "x" * 500 + ")", "x" * 128),
        ("", ""),
    ],
)
def test_names_of_functions(name: str, function: str) -> None:
    assert function_name(name) == function
