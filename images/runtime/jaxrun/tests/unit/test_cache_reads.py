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


class CompileOnlyPyClient:
    """What JAX calls its client of a topology whose devices are not there."""


class TestAnEntryForDevicesThatAreNotHere:
    @pytest.fixture(autouse=True)
    def whole(self, cache: ACache) -> None:
        """JAX's module can take the entry apart, and not load it."""
        cache.entry.symlink_to(cache.blob)
        cache.fails = True
        vars(cache.module).update(
            _get_cache=lambda backend: {KEY: b"compressed"},
            decompress_executable=lambda entry: entry + b"!",
            extract_executable_and_time=lambda entry: (entry, 3),
        )

    def read(self, cache: ACache, backend: object) -> None:
        with pytest.raises(ValueError, match="unreadable"):
            cache.module.get_executable_and_time(KEY, None, backend, None)

    def test_is_found_and_stays(self, cache: ACache) -> None:
        self.read(cache, CompileOnlyPyClient())
        assert cache.line.progress.get("cache_not_loadable") == 1
        assert cache.errors == 0
        assert cache.entry.is_symlink()

    def test_also_by_keyword(self, cache: ACache) -> None:
        with pytest.raises(ValueError, match="unreadable"):
            cache.module.get_executable_and_time(KEY, None, backend=CompileOnlyPyClient())
        assert cache.line.progress.get("cache_not_loadable") == 1

    def test_for_those_that_are_here_it_is_an_error(self, cache: ACache) -> None:
        self.read(cache, object())
        assert (cache.errors, cache.line.progress.get("cache_not_loadable")) == (1, None)
        assert not cache.entry.is_symlink()

    @pytest.mark.parametrize("damage", ["decompress_executable", "extract_executable_and_time"])
    def test_a_damaged_one_is_an_error(self, cache: ACache, damage: str) -> None:
        def broken(_: bytes) -> bytes:
            raise ValueError("not compressed")

        vars(cache.module)[damage] = broken
        self.read(cache, CompileOnlyPyClient())
        assert (cache.errors, cache.line.progress.get("cache_not_loadable")) == (1, None)
        assert not cache.entry.is_symlink()


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
