"""The compile cache's faults, one by one, with real JAX as the reader.

Whatever was offered or is damaged: only whole entries are linked, the program runs, and at the end
its good entries are published and the next pod compiles nothing.
"""

import hashlib
import os
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cache_site import DIGEST, MOST_ENTRY_BYTES, CacheSite

OTHER = "fedcba9876543210"

Entries = dict[str, bytes]


@pytest.fixture(scope="module")
def the_site(tmp_path_factory: pytest.TempPathFactory) -> CacheSite:
    return CacheSite(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def entries(the_site: CacheSite) -> Entries:
    """What JAX writes for the program."""
    the_site.clean()
    ran = the_site.run()
    written = {path.name: path.read_bytes() for path in the_site.local.iterdir()}
    assert ran.hits == 0
    assert len(written) == ran.requests > 0
    return written


@pytest.fixture
def site(the_site: CacheSite, entries: Entries) -> CacheSite:
    """A cold volume and an empty pod."""
    the_site.clean()
    return the_site


def assert_only_whole_entries_are_linked(site: CacheSite, entries: Entries) -> int:
    """Returns how many."""
    linked = site.link()
    contents = {path.name: path.read_bytes() for path in site.local.iterdir()}
    assert linked.problem is None
    assert len(contents) == linked.linked
    assert contents.items() <= entries.items()
    return linked.linked


def assert_the_next_pod_is_warm(site: CacheSite, entries: Entries) -> None:
    """After this pod's own entries were offered."""
    assert site.offer_all().problem is None
    site.passes(2)
    site.fresh_pod()
    assert assert_only_whole_entries_are_linked(site, entries) == len(entries)
    ran = site.run()
    assert ran.hits == ran.requests > 0
    assert site.keeper.status.problem is None


def test_first_run_cold_second_run_warm(site: CacheSite, entries: Entries) -> None:
    assert assert_only_whole_entries_are_linked(site, entries) == 0
    assert site.run().hits == 0
    assert_the_next_pod_is_warm(site, entries)


def truncated(path: Path, good: bytes) -> None:
    path.write_bytes(good[: len(good) // 2])


def truncated_and_named_so(path: Path, good: bytes) -> None:
    rest = good[:-1]
    truncated_name = path.name.partition("@")[0]
    path.with_name(f"{truncated_name}@{_sha256(rest)}").write_bytes(rest)


def empty(path: Path, good: bytes) -> None:
    path.with_name(f"{path.name.partition('@')[0]}@{_sha256(b'')}").touch()


def random_bytes(path: Path, good: bytes) -> None:
    noise = os.urandom(len(good))
    path.with_name(f"{path.name.partition('@')[0]}@{_sha256(noise)}").write_bytes(noise)


def oversized(path: Path, good: bytes) -> None:
    with path.open("wb") as file:
        file.truncate(MOST_ENTRY_BYTES + 1)


def of_another_content(path: Path, good: bytes) -> None:
    path.write_bytes(zlib.compress(b"\0\0\0\1another executable"))


def of_another_form(path: Path, good: bytes) -> None:
    path.with_name("..@" + _sha256(good)).write_bytes(good)
    path.with_name("x" * 120).write_bytes(good)


def symbolic_link(path: Path, good: bytes) -> None:
    outside = path.parents[2] / "outside"
    outside.write_bytes(good)
    path.symlink_to(outside)


def hard_link(path: Path, good: bytes) -> None:
    outside = path.parents[2] / "outside"
    outside.write_bytes(good)
    path.hardlink_to(outside)


def fifo(path: Path, good: bytes) -> None:
    os.mkfifo(path)


def directory(path: Path, good: bytes) -> None:
    path.mkdir()
    (path / "file").write_bytes(good)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "fault",
    [
        truncated,
        truncated_and_named_so,
        empty,
        random_bytes,
        oversized,
        of_another_content,
        of_another_form,
        symbolic_link,
        hard_link,
        fifo,
        directory,
    ],
)
def test_a_bad_offer(
    site: CacheSite, entries: Entries, fault: Callable[[Path, bytes], None]
) -> None:
    for name, good in entries.items():
        fault(site.offer_path(name, good), good)
    site.passes()
    assert site.keeper.status.refused >= len(entries)
    assert site.keeper.status.published == 0
    assert list((site.staging / f"{DIGEST}.bad").iterdir()) == []
    assert assert_only_whole_entries_are_linked(site, entries) == 0
    assert site.run().hits == 0
    assert_the_next_pod_is_warm(site, entries)


def test_an_offer_for_the_directory_of_another_digest(site: CacheSite, entries: Entries) -> None:
    (name, good), (_, another), *_ = entries.items()
    site.offer_path(name, good, digest=OTHER).write_bytes(good)
    site.offer_path(f"jit_x-{'0' * 64}-cache", another).write_bytes(another)
    for bad in (DIGEST, f"{DIGEST}.", "published.x", f"{DIGEST}.a b"):
        (site.staging / bad).mkdir()
    site.passes()
    linked = site.link()
    assert linked.linked == 1, "content is looked for by its key alone: of no use, and of no harm"
    ran = site.run()
    assert ran.hits == 0
    assert site.offer_all().problem is None
    site.passes()
    site.fresh_pod()
    site.link()
    ran = site.run()
    assert ran.hits == ran.requests
    assert {path.name for path in site.staging.iterdir()} == {
        f"{DIGEST}.bad",
        f"{DIGEST}.pod-0",
        f"{OTHER}.bad",
    }, "what is no directory of offers goes"


def flip(path: Path, good: bytes) -> None:
    path.write_bytes(bytes([good[0] ^ 1]) + good[1:])


def cut(path: Path, good: bytes) -> None:
    path.write_bytes(good[: len(good) // 2])


def nothing(path: Path, good: bytes) -> None:
    path.write_bytes(b"")


def gone(path: Path, good: bytes) -> None:
    path.unlink()


def linked_elsewhere(path: Path, good: bytes) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("fault", [flip, cut, nothing, gone, linked_elsewhere])
@pytest.mark.parametrize("part", ["blob", "manifest"])
def test_a_damaged_entry(
    site: CacheSite, entries: Entries, fault: Callable[[Path, bytes], None], part: str
) -> None:
    site.run()
    site.offer_all()
    site.passes()
    for name, good in entries.items():
        path = site.blob(good) if part == "blob" else site.manifest(name)
        fault(path, path.read_bytes())
    site.fresh_pod()
    assert assert_only_whole_entries_are_linked(site, entries) == 0
    assert site.run().hits == 0
    assert_the_next_pod_is_warm(site, entries)
    assert site.keeper.status.repaired == (
        len(entries) if (part, fault) != ("manifest", gone) else 0
    )


@pytest.mark.parametrize("fault", [flip, cut])
def test_damage_under_a_running_reader_costs_one_compilation(
    site: CacheSite, entries: Entries, fault: Callable[[Path, bytes], None]
) -> None:
    site.run()
    site.offer_all()
    site.passes()
    site.fresh_pod()
    assert site.link().linked == len(entries)
    for link in site.local.iterdir():
        fault(link.resolve(), link.read_bytes())
    site.run()
    assert site.link().refused == len(entries)
    site.run()
    assert_the_next_pod_is_warm(site, entries)


def test_a_full_volume(site: CacheSite, entries: Entries) -> None:
    with mounted(site, "size=3m"):
        ballast = site.volume / "ballast"
        site.run()
        site.offer_all()
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(4 << 20))
        assert ballast.stat().st_size > 0
        site.passes(2)
        assert "full" in (site.keeper.status.problem or "")
        assert not site.keeper.status.ready
        assert site.keeper.status.staged == len(entries)
        assert site.link().linked == 0
        assert site.run().hits == len(entries), "its own"
        ballast.unlink()
        site.passes(2)
        assert site.keeper.status.problem is None
        assert site.keeper.status.ready
        assert_the_next_pod_is_warm(site, entries)


def test_a_read_only_volume(site: CacheSite, entries: Entries) -> None:
    with mounted(site, "size=4m"):
        site.run()
        subprocess.run(["mount", "-o", "remount,ro", str(site.volume)], check=True)
        assert "Read-only" in (site.offer_all().problem or "")
        site.monotonic += 60
        site.passes(2)
        assert site.keeper.status.problem == "the volume is read-only"
        assert not site.keeper.status.ready
        assert site.run().hits == len(entries), "its own"
        subprocess.run(["mount", "-o", "remount,rw", str(site.volume)], check=True)
        site.passes(2)
        assert site.keeper.status.ready
        assert_the_next_pod_is_warm(site, entries)


def test_a_volume_that_vanishes(site: CacheSite, entries: Entries) -> None:
    site.run()
    away = site.volume.rename(site.volume.with_name("away"))
    site.passes(2)
    assert "No such file" in (site.keeper.status.problem or "")
    assert not site.keeper.status.ready
    assert site.link().problem is not None
    assert site.offer_all().problem is not None
    assert site.run().hits == len(entries), "its own"
    away.rename(site.volume)
    site.passes(2)
    assert site.keeper.status.ready
    assert_the_next_pod_is_warm(site, entries)


def test_a_pod_that_writes_rubbish(site: CacheSite, entries: Entries) -> None:
    mine = site.staging / f"{DIGEST}.rubbish"
    mine.mkdir()
    for k in range(10_000):
        (mine / f"rubbish-{k}").touch()
    deep = site.staging / "deep"
    here = deep
    here.mkdir()
    descriptor = os.open(here, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    (site.staging / "out").symlink_to(site.volume.parent)
    site.run()
    site.offer_all()
    site.passes()
    assert site.keeper.status.entries == len(entries), "rubbish holds nobody else up"
    site.passes(80)
    assert list(mine.iterdir()) == []
    assert {path.name for path in site.staging.iterdir()} == {mine.name}
    assert list((site.volume / "trash").iterdir()) == []
    assert site.policy.exists()
    assert_the_next_pod_is_warm(site, entries)


@pytest.fixture(autouse=True)
def no_mount_is_left(the_site: CacheSite) -> Iterator[None]:
    yield
    while os.path.ismount(the_site.volume):
        subprocess.run(["umount", "-l", str(the_site.volume)], check=True)


class mounted:  # noqa: N801 - reads as a statement
    """A small file system of its own as the volume."""

    def __init__(self, site: CacheSite, options: str) -> None:
        self._site, self._options = site, options

    def __enter__(self) -> None:
        site = self._site
        site.volume.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", str(site.volume)],
            capture_output=True,
        )
        if done.returncode:
            pytest.skip("may not mount here")
        site.passes()

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self._site.volume)], check=True)
