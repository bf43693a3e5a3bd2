"""Two keepers on one volume, interleaved at the steps that they take on the file system."""

import itertools
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cache_builders import (
    DIGEST,
    a_pod,
    an_entry,
    an_entry_name,
    offer,
    sha256,
)
from cache_builders import publish as published_before
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_cache_keeper import Clocks, TheKeeper

from jaxrun.cache.files import no_tick, open_directory
from jaxrun.cache.keeper.ages import Ages
from jaxrun.cache.keeper.publish import NotYetError, publish
from jaxrun.cache.keeper.scrub import LEFTOVER_SECONDS, scrub
from jaxrun.cache.layout import blobs_of, entries_of, is_sha256
from jaxrun.cache.manifest import read_manifest

STEPS = {
    "open",
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.scandir",
    "os.listdir",
}


class Player(threading.Thread):
    """Runs `work`, and waits before each step until it is let on."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._may = threading.Semaphore(0)
        self._waits = threading.Semaphore(0)
        self.done = False
        self.error: BaseException | None = None

    def run(self) -> None:
        self._may.acquire()
        try:
            self._work()
        except BaseException as error:
            self.error = error
        self.done = True
        self._waits.release()

    def step(self) -> None:
        """Called in its own thread."""
        self._waits.release()
        self._may.acquire()

    def let_on(self) -> None:
        """One step further; returns when it is before the next."""
        self._may.release()
        assert self._waits.acquire(timeout=60)


def _hook(event: str, _: Any) -> None:
    if event in STEPS:
        player = threading.current_thread()
        if isinstance(player, Player):
            player.step()


sys.addaudithook(_hook)


def interleaved(works: list[Callable[[], None]], schedule: Iterator[int]) -> Iterator[None]:
    """Yields after every step."""
    players = [Player(work) for work in works]
    for player in players:
        player.start()
    while waiting := [player for player in players if not player.done]:
        waiting[next(schedule) % len(waiting)].let_on()
        yield
    for player in players:
        if player.error is not None:
            raise player.error


def schedule_of(runs: list[tuple[int, int]]) -> Iterator[int]:
    """Each player for some steps, then in turn."""
    for player, steps in runs:
        yield from [player] * steps
    while True:
        yield 0
        yield 1


@given(runs=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 40)), max_size=20))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_order_of_steps_loses_or_spoils_an_entry(runs: list[tuple[int, int]]) -> None:
    """One entry is new, one known, one damaged, one a blob that nobody has named for hours."""
    root = Path(tempfile.mkdtemp())
    try:
        pod = a_pod(root)
        first, second = TheKeeper(root), TheKeeper(root)
        first.policy()
        blobs, entries = blobs_of(pod.published, DIGEST), entries_of(pod.published, DIGEST)
        damaged, orphan = blobs / sha256(an_entry(1)), blobs / sha256(an_entry(2))
        blobs.mkdir(parents=True)
        orphan.write_bytes(an_entry(2))
        for k in range(2):
            offer(root, an_entry_name(k), an_entry(k))
        for keeper in (first, second):
            keeper.passes()
            keeper.clocks.wait(3700)
        damaged.write_bytes(b"damaged")
        for k in range(4):
            offer(root, an_entry_name(k), an_entry(k), host=f"h{k}")

        works = [first.passes, second.passes]
        for _ in interleaved(works, schedule_of(runs)):
            for path in blobs.iterdir():
                if is_sha256(path.name) and path != damaged:
                    assert sha256(path.read_bytes()) == path.name

        after = TheKeeper(root)
        after.passes()
        assert sorted(path.name for path in entries.iterdir() if path.name[0] != ".") == sorted(
            an_entry_name(k) for k in range(4)
        )
        for k in range(4):
            manifest = read_manifest(entries / an_entry_name(k))
            assert manifest is not None
            assert (blobs / manifest.sha256).read_bytes() == an_entry(k)
    finally:
        shutil.rmtree(root)


def orphan(blob: Path, manifest: Path) -> None:
    manifest.unlink()


def damaged(blob: Path, manifest: Path) -> None:
    blob.write_bytes(b"damaged")


def without_blob(blob: Path, manifest: Path) -> None:
    blob.unlink()


def without_manifest(blob: Path, manifest: Path) -> None:
    manifest.write_text("no manifest")


@pytest.mark.parametrize("before", [orphan, damaged, without_blob, without_manifest])
def test_one_scrubs_what_the_other_repairs(
    tmp_path: Path, before: Callable[[Path, Path], None]
) -> None:
    """Scrubbing is stopped after each of its steps, and publishing then after each of its own."""
    for steps in itertools.product(range(16), repeat=2):
        race(tmp_path / "-".join(map(str, steps)), before, *steps)


def race(root: Path, before: Callable[[Path, Path], None], scrubbed: int, published: int) -> None:
    pod = a_pod(root)
    blob = published_before(pod.published, an_entry_name(), an_entry())
    manifest = entries_of(pod.published, DIGEST) / an_entry_name()
    before(blob, manifest)
    offered = offer(root, an_entry_name(), an_entry())
    directory = open_directory(offered.parent)
    clock = Clocks()
    ages = Ages(lambda: clock.passed)

    def scrubs() -> None:
        list(scrub(pod.published, DIGEST, ages, no_tick))

    def publishes() -> None:
        while True:
            try:
                publish(pod.published, DIGEST, offered.name, directory, 1 << 20, no_tick)
                return
            except NotYetError:
                continue

    if before is orphan:
        scrubs()
        clock.wait(LEFTOVER_SECONDS + 1)
    order = schedule_of([(0, scrubbed), (1, published), (0, 1000)])
    for _ in interleaved([scrubs, publishes], order):
        pass
    os.close(directory)
    found = read_manifest(manifest)
    assert found is not None, (scrubbed, published)
    assert sha256(blob.read_bytes()) == found.sha256 == blob.name, (scrubbed, published)
    shutil.rmtree(root)
