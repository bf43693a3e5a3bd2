"""What JAX is about to compile, from its own log: the function, its arguments and their shapes.

JAX tells it at DEBUG, or at WARNING with jax_log_compiles. So this one logger is opened further,
and what its user would not have seen is taken out again. The names of the arguments are not in the
record, but in the frame that logs it.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

_LOGGER = "jax._src.interpreters.pxla"
_MESSAGE = "Compiling %s with global shapes and types"
_LEVEL = logging.DEBUG - 1
"""Nobody else's, so that a level that the user sets later is told from ours."""
_FUNCTION = "_cached_lowering_to_hlo"
_FRAMES = 12
_MOST_ARGUMENTS = 4096
_NAME_LIMIT = 128


class Argument(NamedTuple):
    name: str
    """`batch['x']`; empty where JAX does not tell."""
    shape: str
    """`float32[32,64]`"""
    sharding: int
    """A hash."""


class Lowered(NamedTuple):
    function: str
    """Without the transformation: `train_step` of `jit(train_step)`."""
    source: str
    """`train_step at /app/train.py:16`; empty where JAX does not tell."""
    arguments: tuple[Argument, ...]
    own: bool
    """JAX's: an operation outside of any jit, or a function of jax.numpy."""


def watch(on_lowered: Callable[[Lowered], None]) -> None:
    """`on_lowered` is called in the thread that compiles; several may watch."""
    logger = logging.getLogger(_LOGGER)
    for known in logger.filters:
        owner = getattr(known, "__self__", None)
        if isinstance(owner, _Filter):
            owner.watchers.append(on_lowered)
            return
    logger.addFilter(_Filter(logger, on_lowered).passes)
    logger.setLevel(_LEVEL)


def function_name(name: str) -> str:
    """`train_step` of `jit(train_step)`, at most 128 characters."""
    inner = name.partition("(")[2]
    return (inner[:-1] if inner and name.endswith(")") else name)[:_NAME_LIMIT]


class _Filter:
    def __init__(self, logger: logging.Logger, on_lowered: Callable[[Lowered], None]) -> None:
        self._logger = logger
        self._level = logger.level
        self.watchers = [on_lowered]

    def passes(self, record: logging.LogRecord) -> bool:
        try:
            if isinstance(record.msg, str) and record.msg.startswith(_MESSAGE):
                lowered = _lowered(record.args)
                for watcher in self.watchers:
                    _harmlessly(watcher, lowered)
        except Exception:
            pass
        return record.levelno >= self._users_level()

    def _users_level(self) -> int:
        if self._logger.level != _LEVEL:
            return self._logger.level
        parent = self._logger.parent
        return self._level or (parent.getEffectiveLevel() if parent is not None else 0)


def _harmlessly(watcher: Callable[[Lowered], None], lowered: Lowered) -> None:
    try:
        watcher(lowered)
    except Exception:
        pass


def _lowered(args: Any) -> Lowered:
    name, shapes, shardings = args
    info = _debug_info()
    names = tuple(getattr(info, "arg_names", None) or ())
    # Constants that the function closes over come first, without a name.
    names = ("",) * (len(shapes) - len(names)) + names
    arguments = tuple(
        Argument(sys.intern(str(name)[:_NAME_LIMIT]), sys.intern(_shape(shape)), _hash(sharding))
        for name, shape, sharding in zip(
            names[:_MOST_ARGUMENTS],
            shapes[:_MOST_ARGUMENTS],
            shardings[:_MOST_ARGUMENTS],
            strict=True,
        )
    )
    source = str(getattr(info, "func_src_info", None) or "")[:512]
    return Lowered(function_name(str(name)), source, arguments, _is_of_jax(source))


def _debug_info() -> Any:
    frame = sys._getframe(1)
    for _ in range(_FRAMES):
        if frame.f_code.co_name == _FUNCTION:
            jaxpr = frame.f_locals.get("jaxpr")
            return getattr(jaxpr, "debug_info", None) or getattr(jaxpr, "_debug_info", None)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None


def _shape(aval: Any) -> str:
    short = getattr(aval, "str_short", None)
    text = str(short() if short is not None else aval)[:_NAME_LIMIT]
    return f"{text} (weak type)" if getattr(aval, "weak_type", False) else text


def _hash(sharding: Any) -> int:
    try:
        return hash(sharding)
    except TypeError:
        return 0


def _is_of_jax(source: str) -> bool:
    file: str = getattr(sys.modules.get("jax"), "__file__", None) or ""
    return file != "" and f" at {os.path.dirname(file)}{os.sep}" in source
