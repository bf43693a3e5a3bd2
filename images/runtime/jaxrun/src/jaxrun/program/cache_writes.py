"""Compilations that JAX never keeps: of functions that call back into Python.

jax.debug.print, io_callback and pure_callback put the address of a Python object into the program.
JAX asks its cache for such a function like for any other and compiles it in every process. It says
why nowhere but where it would write the entry, in the thread that has just compiled.
"""

import functools
import inspect
import threading
from types import ModuleType
from typing import Any

_MOST_FUNCTIONS = 4
_WRITE = "_cache_write"
_CALLBACKS = "host_callbacks"

_here = threading.local()


def watch_writes(compiler: ModuleType) -> None:
    """See jax._src.compiler write entries, or not.

    Raises:
        AttributeError, ValueError: it does so in another way; nothing is seen then.
    """
    write: Any = vars(compiler).get(_WRITE)
    if write is None:
        raise AttributeError(_WRITE)
    place = list(inspect.signature(write).parameters).index(_CALLBACKS)

    @functools.wraps(write)
    def watched(*args: Any, **kwargs: Any) -> Any:
        callbacks = args[place] if place < len(args) else kwargs.get(_CALLBACKS)
        _here.never_kept = bool(callbacks)
        return write(*args, **kwargs)

    vars(compiler)[_WRITE] = watched


def count(seen: dict[str, Any], function: str) -> None:
    """Once for each compilation in the thread that calls, when it is over."""
    if not getattr(_here, "never_kept", False):
        return
    _here.never_kept = False
    seen["cache_never_kept"] = seen.get("cache_never_kept", 0) + 1
    names: list[str] = seen.setdefault("never_kept", [])
    if function not in names and len(names) < _MOST_FUNCTIONS:
        names.append(function)
