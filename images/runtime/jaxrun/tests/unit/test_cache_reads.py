"""An entry that cannot be read is counted, and no longer keeps JAX from writing a good one."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from test_spans import ASilentReporter

from jaxrun import contract
from jaxrun.program import cache_reads

KEY = "jit_f-0123"


class ACache:
    """JAX's module, with a directory of links."""

    def __init__(self, root: Path) -> None:
        self.line = ASilentReporter()
        self.blob = root / "blob"
        self.blob.write_bytes(b"rubbish")
        self.entry = root / f"{KEY}-cache"
        self.module = ModuleType("compilation_cache")
        vars(self.module)["get_executable_and_time"] = self._read
        self.fails = False

    def _read(self, key: str, *_: Any, **__: Any) -> tuple[Any, Any]:
        if self.fails:
            raise ValueError("unreadable")
        return (b"program", 1) if self.entry.exists() else (None, None)

    def read(self) -> tuple[Any, Any]:
        found: tuple[Any, Any] = self.module.get_executable_and_time(KEY, None, backend=None)
        return found

    @property
    def errors(self) -> int:
        return int(self.line.progress.get("cache_read_errors", 0))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ACache:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", f"{tmp_path}/")
    cache = ACache(tmp_path)
    cache_reads.watch_reads(cache.line, cache.module)
    return cache


def test_a_link_to_what_cannot_be_read_is_taken_away(cache: ACache) -> None:
    cache.entry.symlink_to(cache.blob)
    cache.fails = True
    with pytest.raises(ValueError, match="unreadable"):
        cache.read()
    assert cache.errors == 1
    assert not cache.entry.is_symlink()
    assert cache.blob.exists()


def test_a_file_of_the_users_stays(cache: ACache) -> None:
    cache.entry.write_bytes(b"rubbish")
    cache.fails = True
    with pytest.raises(ValueError, match="unreadable"):
        cache.read()
    assert cache.errors == 1
    assert cache.entry.exists()


def test_a_file_in_the_launchers_directory_goes(
    cache: ACache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_reads, "OWN_DIRECTORY", str(cache.entry.parent))
    cache.entry.write_bytes(b"half a prog")
    cache.fails = True
    with pytest.raises(ValueError, match="unreadable"):
        cache.read()
    assert not cache.entry.exists()


def test_a_link_to_nothing_is_taken_away(cache: ACache) -> None:
    cache.entry.symlink_to(cache.blob)
    cache.blob.unlink()
    assert cache.read() == (None, None)
    assert cache.errors == 0
    assert not cache.entry.is_symlink()


def test_a_hit_changes_nothing(cache: ACache) -> None:
    cache.entry.symlink_to(cache.blob)
    assert cache.read() == (b"program", 1)
    assert cache.entry.is_symlink()
    assert cache.errors == 0


@pytest.mark.parametrize("directory", ["", "/nowhere/at/all"])
def test_no_directory(cache: ACache, monkeypatch: pytest.MonkeyPatch, directory: str) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", directory)
    assert cache.read() == (None, None)
    cache.fails = True
    with pytest.raises(ValueError, match="unreadable"):
        cache.read()
    assert cache.errors == 1


def test_the_launchers_directory_is_the_contracts() -> None:
    assert cache_reads.OWN_DIRECTORY == contract.CACHE_LOCAL
