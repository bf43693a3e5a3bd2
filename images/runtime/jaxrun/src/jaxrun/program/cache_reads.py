"""Entries of JAX's compile cache that cannot be read: counted, and taken out of JAX's way.

JAX compiles instead, but never writes over what is there, so that it would do so for ever. The name
of a published entry is a link, of no use here once its content cannot be read: without it JAX
writes an entry of its own, and finds that the next time. Files are left alone, but for those in the
directory that the launcher made for this program.

A whole entry for devices that are not here is no such entry: it was found, and they alone can load
it. It is counted apart, and stays.
"""

import functools
import os
from types import ModuleType
from typing import Any

from jaxrun.program.reporter import Reporter

OWN_DIRECTORY = "/jaxop-cache/local"
_SUFFIX = "-cache"


def watch_reads(line: Reporter, cache: ModuleType) -> None:
    """See jax._src.compilation_cache read entries."""
    read: Any = cache.get_executable_and_time

    @functools.wraps(read)
    def watched(cache_key: str, *args: Any, **kwargs: Any) -> Any:
        try:
            found = read(cache_key, *args, **kwargs)
        except Exception:
            backend = kwargs.get("backend", args[1] if len(args) > 1 else None)
            if _absent(backend) and _whole(cache, cache_key, backend):
                _found(line)
            else:
                _failed(line, cache_key)
            raise
        if found is None or found[0] is None:
            _missed(cache_key)
        return found

    vars(cache)["get_executable_and_time"] = watched


def _absent(backend: Any) -> bool:
    """Whether it can only compile: JAX's client of a topology's description."""
    return "CompileOnly" in type(backend).__name__


def _whole(cache: Any, key: str, backend: Any) -> bool:
    """Whether all but the loading of its program can be done with it."""
    try:
        entry = cache._get_cache(backend).get(key)
        program, _ = cache.extract_executable_and_time(cache.decompress_executable(entry))
        return len(program) > 0
    except Exception:
        return False


def _found(line: Reporter) -> None:
    try:
        line.note(cache_not_loadable=line.progress.get("cache_not_loadable", 0) + 1)
    except Exception:
        return


def _failed(line: Reporter, key: str) -> None:
    try:
        errors = line.progress.get("cache_read_errors", 0)
        line.note(cache_read_errors=errors + 1)
        directory, path = _place(key)
        if os.path.islink(path) or directory == OWN_DIRECTORY:
            os.unlink(path)
    except Exception:
        return


def _missed(key: str) -> None:
    """A link to nothing would have JAX write through it."""
    try:
        _, path = _place(key)
        if os.path.islink(path) and not os.path.exists(path):
            os.unlink(path)
    except Exception:
        return


def _place(key: str) -> tuple[str, str]:
    """JAX's directory, and the entry in it."""
    directory = os.environ.get("JAX_COMPILATION_CACHE_DIR", "")
    if not directory or os.sep in key:
        raise ValueError(key)
    return directory.rstrip(os.sep), os.path.join(directory, key + _SUFFIX)
