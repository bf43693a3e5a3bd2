"""What a program finds in its private cache directory, whatever is on the volume."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cache_builders import DIGEST, a_pod, an_entry, an_entry_name, publish, sha256

from jaxrun.cache import checked
from jaxrun.cache.checked import Checked
from jaxrun.cache.files import Tick, hash_of
from jaxrun.cache.layout import entries_of
from jaxrun.cache.local import Linked, link
from jaxrun.cache.settings import CacheSettings


def names(pod: CacheSettings) -> list[str]:
    return sorted(path.name for path in pod.local.iterdir())


async def test_every_right_entry_is_linked_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    blobs = [publish(pod.published, an_entry_name(k), an_entry(k)) for k in range(3)]
    for _ in range(2):
        assert await link(pod, 120) == Linked(3, 0, None)
        for k, blob in enumerate(blobs):
            assert (pod.local / an_entry_name(k)).readlink() == blob
            assert (pod.local / an_entry_name(k)).read_bytes() == an_entry(k)
        assert len(names(pod)) == 3


async def test_without_a_compile_cache_or_on_a_cold_one_nothing_is_wrong(tmp_path: Path) -> None:
    assert await link(a_pod(tmp_path), 20) == Linked(0, 0, None)
    assert await link(a_pod(tmp_path, namespace=None), 20) == Linked(0, 0, None)


async def test_without_the_volume_the_problem_is_told(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    pod.published.rmdir()
    linked = await link(pod, 120)
    assert linked.linked == 0
    assert linked.problem is not None
    assert "volume mounted" in linked.problem


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"no json",
        b"[" * 4000,
        b"[]",
        b"{}",
        json.dumps({"sha256": "../../etc/passwd", "bytes": 1}).encode(),
        json.dumps({"sha256": sha256(an_entry()), "bytes": 0}).encode(),
        json.dumps({"sha256": sha256(an_entry()), "bytes": True}).encode(),
        json.dumps({"sha256": sha256(an_entry()), "bytes": len(an_entry()) + 1}).encode(),
        json.dumps({"sha256": sha256(b"another"), "bytes": 7}).encode(),
        json.dumps({"sha256": sha256(an_entry()), "bytes": 1 << 62}).encode(),
        b" " * 10_000 + b"{}",
    ],
)
async def test_a_manifest_is_not_believed(tmp_path: Path, manifest: bytes) -> None:
    pod = a_pod(tmp_path)
    publish(pod.published, an_entry_name(), an_entry())
    publish(pod.published, an_entry_name(1), an_entry(1))
    (entries_of(pod.published, DIGEST) / an_entry_name()).write_bytes(manifest)
    assert await link(pod, 120) == Linked(1, 1, None)
    assert names(pod) == [an_entry_name(1)]


@pytest.mark.parametrize("content", [b"", an_entry()[:-1], an_entry(1), os.urandom(200)])
async def test_a_damaged_blob_is_not_linked_and_an_old_link_to_it_goes(
    tmp_path: Path, content: bytes
) -> None:
    pod = a_pod(tmp_path)
    blob = publish(pod.published, an_entry_name(), an_entry())
    assert await link(pod, 120) == Linked(1, 0, None)
    blob.write_bytes(content)
    assert await link(pod, 120) == Linked(0, 1, None)
    assert names(pod) == []


async def test_a_blob_that_is_a_link_or_a_fifo_is_not_opened(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    for k in range(2):
        blob = publish(pod.published, an_entry_name(k), an_entry(k))
        blob.unlink()
        if k:
            os.mkfifo(blob)
        else:
            (tmp_path / "elsewhere").write_bytes(an_entry(k))
            blob.symlink_to(tmp_path / "elsewhere")
    assert await link(pod, 120) == Linked(0, 2, None)


@pytest.mark.parametrize(
    "name", ["jit_f-cache", ".hidden", "jit_f-" + "g" * 64 + "-cache", "x" * 255]
)
async def test_a_name_that_jax_would_not_look_for_is_refused(tmp_path: Path, name: str) -> None:
    pod = a_pod(tmp_path)
    publish(pod.published, name, an_entry())
    assert await link(pod, 120) == Linked(0, 1, None)


async def test_this_pods_own_entries_stay(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    publish(pod.published, an_entry_name(), an_entry(7))
    own = pod.local / an_entry_name()
    own.write_bytes(an_entry())
    assert await link(pod, 120) == Linked(0, 0, None)
    assert own.read_bytes() == an_entry()


@pytest.mark.parametrize("rest", [b"", an_entry()[:-1], b"\0" * 50])
async def test_what_a_killed_program_left_half_written_goes(tmp_path: Path, rest: bytes) -> None:
    pod = a_pod(tmp_path)
    for name in (an_entry_name(), an_entry_name(1), "notes"):
        (pod.local / name).write_bytes(rest)
    publish(pod.published, an_entry_name(), an_entry())
    assert await link(pod, 120) == Linked(1, 0, None)
    assert names(pod) == [an_entry_name(), "notes"]


async def test_a_wrong_link_is_replaced_and_a_stale_one_goes(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    blob = publish(pod.published, an_entry_name(), an_entry())
    (pod.local / an_entry_name()).symlink_to(tmp_path / "nowhere")
    (pod.local / an_entry_name(1)).symlink_to(blob)
    assert await link(pod, 120) == Linked(1, 0, None)
    assert names(pod) == [an_entry_name()]
    assert (pod.local / an_entry_name()).readlink() == blob


async def test_a_volume_that_hangs_costs_the_deadline_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = a_pod(tmp_path)
    for k in range(3):
        publish(pod.published, an_entry_name(k), an_entry(k))
    assert (await link(pod, 120)).linked == 3
    reads: list[Path] = []
    answers = threading.Event()

    def hanging(path: Path, size: int, tick: Tick) -> str | None:
        reads.append(path)
        if len(reads) > 1:
            answers.wait(60)
        return path.name

    monkeypatch.setattr(checked, "hash_of", hanging)
    linked = await asyncio.wait_for(link(pod, 2), 50)
    assert linked.linked == 1
    assert linked.problem is not None
    assert "too slow" in linked.problem
    assert len(names(pod)) == 1
    answers.set()
    for thread in threading.enumerate():
        if thread.name == "jaxrun-link":
            await asyncio.to_thread(thread.join, 60)
    assert len(names(pod)) == 1, "linked after the deadline"


class AReader:
    """One launcher's `link`, by an hour hence; `read` are the blobs that it has hashed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ahead_seconds: float = 3600) -> None:
        self.checked = Checked(clock=lambda: time.time() + ahead_seconds)
        self.read: list[str] = []

        def noted(path: Path, size: int, tick: Tick) -> str | None:
            self.read.append(path.name)
            return hash_of(path, size, tick)

        monkeypatch.setattr(checked, "hash_of", noted)

    async def link(self, pod: CacheSettings) -> Linked:
        self.read.clear()
        return await link(pod, 120, self.checked)


async def test_what_was_found_right_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod, reader = a_pod(tmp_path), AReader(monkeypatch)
    blobs = [publish(pod.published, an_entry_name(k), an_entry(k)) for k in range(3)]
    assert await reader.link(pod) == Linked(3, 0, None)
    assert len(reader.read) == 3
    assert await reader.link(pod) == Linked(3, 0, None)
    assert reader.read == []
    new = publish(pod.published, an_entry_name(3), an_entry(3))
    (pod.local / an_entry_name(0)).unlink()
    assert await reader.link(pod) == Linked(4, 0, None)
    assert reader.read == [new.name]
    assert (pod.local / an_entry_name(0)).readlink() == blobs[0]


def in_place(blob: Path) -> None:
    with blob.open("r+b") as file:
        file.write(b"\1")


def with_its_old_time(blob: Path) -> None:
    before = blob.stat()
    in_place(blob)
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))


def by_a_rename(blob: Path) -> None:
    before, other = blob.stat(), blob.with_name("other")
    other.write_bytes(b"\1" + blob.read_bytes()[1:])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(blob)


def by_a_link(blob: Path) -> None:
    elsewhere = blob.rename(blob.with_name("elsewhere"))
    blob.symlink_to(elsewhere)


@pytest.mark.parametrize("changed", [in_place, with_its_old_time, by_a_rename, by_a_link])
async def test_what_was_changed_since_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: Callable[[Path], None]
) -> None:
    pod, reader = a_pod(tmp_path), AReader(monkeypatch)
    blob = publish(pod.published, an_entry_name(), an_entry())
    publish(pod.published, an_entry_name(1), an_entry(1))
    assert await reader.link(pod) == Linked(2, 0, None)
    await asyncio.sleep(0.05)  # a tick of the file system's clock
    changed(blob)
    assert await reader.link(pod) == Linked(1, 1, None)
    assert reader.read == [blob.name]
    blob.unlink()
    blob.write_bytes(an_entry())
    assert await reader.link(pod) == Linked(2, 0, None)


async def test_a_manifest_of_another_size_is_still_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod, reader = a_pod(tmp_path), AReader(monkeypatch)
    blob = publish(pod.published, an_entry_name(), an_entry())
    assert await reader.link(pod) == Linked(1, 0, None)
    told = json.dumps({"sha256": blob.name, "bytes": len(an_entry()) + 1})
    (entries_of(pod.published, DIGEST) / an_entry_name()).write_text(told)
    assert await reader.link(pod) == Linked(0, 1, None)


async def test_what_was_written_just_now_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be written to again without its times being others."""
    pod, reader = a_pod(tmp_path), AReader(monkeypatch, ahead_seconds=-60)
    publish(pod.published, an_entry_name(), an_entry())
    for _ in range(2):
        assert await reader.link(pod) == Linked(1, 0, None)
        assert len(reader.read) == 1


async def test_its_own_entries_too_are_read_once_until_somebody_writes_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod, reader, looks = a_pod(tmp_path), AReader(monkeypatch), []
    own = pod.local / an_entry_name()
    own.write_bytes(an_entry())
    fault_of = checked.fault_of

    def noted(file: Any, tick: Tick) -> str | None:
        looks.append(file)
        return fault_of(file, tick=tick)

    monkeypatch.setattr(checked, "fault_of", noted)
    for _ in range(2):
        await reader.link(pod)
        assert len(looks) == 1
        assert own.exists()
    await asyncio.sleep(0.05)
    own.write_bytes(an_entry()[:-1])
    await reader.link(pod)
    assert not own.exists()


async def test_a_local_directory_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    pod.local.rmdir()
    pod.local.write_text("a file")
    linked = await link(pod, 120)
    assert linked.linked == 0
    assert linked.problem is not None
