"""What compiles after ready is counted by function and shapes, in bounded memory."""

from jaxrun.program.lowerings import Argument, Lowered
from jaxrun.serve.engine.recompilations import OTHERS, Recompilations


def lowered(function: str, *shapes: str) -> Lowered:
    return Lowered(function, "", tuple(Argument("", shape, 0) for shape in shapes), True)


def test_each_function_and_shape_has_its_count() -> None:
    seen = Recompilations()
    for shapes in (("float32[3]",), ("float32[3]",), ("float32[4]", "int32[]")):
        seen.lowered(lowered("tanh", *shapes))
        seen.compiled("tanh")
    assert seen.counts == {("tanh", "float32[3]"): 2, ("tanh", "float32[4], int32[]"): 1}


def test_what_was_not_announced_is_counted_without_shapes() -> None:
    seen = Recompilations()
    seen.compiled("tanh")
    assert seen.counts == {("tanh", ""): 1}


def test_a_thousand_kinds_are_counted_under_few() -> None:
    seen = Recompilations()
    for number in range(1000):
        seen.lowered(lowered("tanh", f"float32[{number}]"))
        seen.compiled("tanh")
    assert len(seen.counts) == 65
    assert seen.counts[OTHERS] == 1000 - 64


def test_many_shapes_are_cut() -> None:
    seen = Recompilations()
    seen.lowered(lowered("step", *["int32[]"] * 100))
    seen.compiled("step")
    ((_, shapes),) = seen.counts
    assert shapes == ", ".join(["int32[]"] * 8) + ", ..."
