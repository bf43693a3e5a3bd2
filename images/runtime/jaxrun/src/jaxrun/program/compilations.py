"""Compilations by function, and those after the first step: of which function, and why again.

Memory is bounded: the functions that took longest are told, the last 256 are known by the shapes of
their arguments. After the first step those count that JAX compiles again, of functions that are not
its own: a function that is new may well have to be compiled, and jax.numpy has small ones by the
dozen.
"""

from typing import Any

from jaxrun.program.lowerings import Argument, Lowered, function_name

_TOLD = 16
_MOST_FUNCTIONS = 256
_MOST_CHANGES = 4
_TEXT_LIMIT = 512


class Compilations:
    """Of one process; keeps what is to be told in `seen`."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self._seen = seen
        self._spent: dict[str, tuple[int, float]] = {}
        self._pending: dict[str, Lowered] = {}
        self._known: dict[tuple[str, str], Lowered] = {}

    def lowered(self, lowered: Lowered) -> None:
        """It is compiled next, unless somebody only wanted to see it."""
        _keep(self._pending, lowered.function, lowered)

    def compiled(self, name: str, seconds: float) -> None:
        """`name` as JAX gives it, such as `jit(train_step)`."""
        function = function_name(name)
        self._spend(function, seconds)
        lowered = self._pending.pop(function, None)
        if lowered is None:
            lowered = next((x for x in self._known.values() if x.function == function), None)
            if lowered is None:
                return
        if lowered.own:
            return
        key = (function, lowered.source)
        before = self._known.pop(key, None)
        _keep(self._known, key, lowered)
        if before is not None and "step" in self._seen:
            self._seen["recompilations"] = self._seen.get("recompilations", 0) + 1
            self._seen["recompiled"] = f"{function}: {what_changed(before, lowered)}"[:_TEXT_LIMIT]

    def _spend(self, function: str, seconds: float) -> None:
        count, before = self._spent.pop(function, (0, 0.0))
        if len(self._spent) >= _MOST_FUNCTIONS:
            del self._spent[min(self._spent, key=lambda name: self._spent[name][1])]
        self._spent[function] = (count + 1, before + seconds)
        most = sorted(self._spent.items(), key=lambda item: -item[1][1])[:_TOLD]
        self._seen["functions"] = [[name, *spent] for name, spent in most]


def what_changed(before: Lowered, after: Lowered) -> str:
    """`x float32[32,64] -> float32[17,64]`"""
    old, new = before.arguments, after.arguments
    if len(old) != len(new):
        return f"{len(old)} -> {len(new)} arguments"
    changes = [
        f"{_called(then, place)} {then.shape} -> {now.shape}"
        for place, (then, now) in enumerate(zip(old, new, strict=True))
        if then.shape != now.shape
    ] or [
        f"the sharding of {_called(then, place)}"
        for place, (then, now) in enumerate(zip(old, new, strict=True))
        if then.sharding != now.sharding
    ]
    if not changes:
        return "the same shapes; a constant, a static argument, or a function made anew"
    more = len(changes) - _MOST_CHANGES
    told = ", ".join(changes[:_MOST_CHANGES])
    return f"{told} and {more} more" if more > 0 else told


def _called(argument: Argument, place: int) -> str:
    return argument.name or f"argument {place}"


def _keep(where: dict[Any, Lowered], key: Any, lowered: Lowered) -> None:
    where.pop(key, None)
    if len(where) >= _MOST_FUNCTIONS:
        del where[next(iter(where))]
    where[key] = lowered
