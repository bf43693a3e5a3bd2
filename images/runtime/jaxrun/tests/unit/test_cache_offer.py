"""Which of a pod's new entries are offered, when, and what happens when they cannot be."""

import asyncio
import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from cache_builders import DIGEST, a_pod, an_entry, an_entry_name, publish, sha256

from jaxrun.cache import offer
from jaxrun.cache.local import link
from jaxrun.cache.offer import Offers
from jaxrun.cache.settings import CacheSettings


def offered(pod: CacheSettings) -> dict[str, bytes]:
    assert pod.staging is not None
    return {
        str(path.relative_to(pod.staging)): path.read_bytes()
        for path in pod.staging.rglob("*")
        if path.is_file()
    }


async def test_a_new_entry_is_offered_once_when_it_was_the_same_at_two_looks(
    tmp_path: Path,
) -> None:
    pod = a_pod(tmp_path)
    offers = Offers(pod)
    path = pod.local / an_entry_name()
    path.write_bytes(an_entry()[:20])
    await offers.offer_new()
    path.write_bytes(an_entry())
    await offers.offer_new()
    assert offered(pod) == {}
    for _ in range(2):
        await offers.offer_new()
        name = f"{DIGEST}.{pod.host}/{an_entry_name()}@{sha256(an_entry())}"
        assert offered(pod) == {name: an_entry()}
        assert (offers.offered, offers.offered_bytes) == (1, len(an_entry()))
        assert offers.problem is None


async def test_when_the_program_has_ended_one_look_is_enough(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    offers = Offers(pod)
    (pod.local / an_entry_name()).write_bytes(an_entry())
    (pod.local / an_entry_name(1)).write_bytes(an_entry(1)[:-1])
    await offers.offer_new(finished=True)
    assert offers.offered == 1


async def test_links_other_names_and_broken_entries_are_not_offered(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    publish(pod.published, an_entry_name(), an_entry())
    await link(pod, 20)
    (pod.local / "notes").write_text("mine")
    (pod.local / an_entry_name(1)).write_bytes(b"\0" * 50)
    (pod.local / an_entry_name(2)).mkdir()
    os.mkfifo(pod.local / an_entry_name(3))
    offers = Offers(pod)
    for _ in range(3):
        await offers.offer_new()
    assert offered(pod) == {}
    assert offers.problem is None


async def test_others_may_read_and_remove_an_offer_whatever_the_umask(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    (pod.local / an_entry_name()).write_bytes(an_entry())
    before = os.umask(0o077)
    try:
        await Offers(pod).offer_new(finished=True)
    finally:
        os.umask(before)
    assert pod.staging is not None
    directory = pod.staging / f"{DIGEST}.{pod.host}"
    assert directory.stat().st_mode & 0o7777 == 0o777
    assert next(directory.iterdir()).stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
async def test_what_cannot_be_written_is_a_problem_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    pod = a_pod(tmp_path)
    (pod.local / an_entry_name()).write_bytes(an_entry())
    offers = Offers(pod)

    def full(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(offer, "copy_hashed", full)
        await offers.offer_new(finished=True)
    assert offers.problem is not None
    assert os.strerror(code) in offers.problem
    assert offered(pod) == {}
    await offers.offer_new(finished=True)
    assert offers.problem is None
    assert offers.offered == 1


async def test_a_staging_area_that_is_missing_or_a_link_is_a_problem(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    (pod.local / an_entry_name()).write_bytes(an_entry())
    assert pod.staging is not None
    (tmp_path / "elsewhere").mkdir()
    (pod.staging / f"{DIGEST}.{pod.host}").symlink_to(tmp_path / "elsewhere")
    offers = Offers(pod)
    await offers.offer_new(finished=True)
    assert offers.problem is not None
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (pod.staging / f"{DIGEST}.{pod.host}").unlink()
    pod.staging.rmdir()
    await offers.offer_new(finished=True)
    assert "No such file" in (offers.problem or "")


async def test_a_slow_volume_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = a_pod(tmp_path)
    (pod.local / an_entry_name()).write_bytes(an_entry())
    answers = threading.Event()
    monkeypatch.setattr(offer, "copy_hashed", lambda *_: answers.wait(60))
    offers = Offers(pod)
    for _ in range(2):
        await asyncio.wait_for(offers.offer_new(finished=True, seconds=0.1), 50)
    assert "did not answer" in (offers.problem or "")
    answers.set()


async def test_without_a_staging_area_nothing_is_done(tmp_path: Path) -> None:
    pod = a_pod(tmp_path)
    (pod.local / an_entry_name()).write_bytes(an_entry())
    await Offers(CacheSettings(DIGEST, pod.published, None, pod.local, "h")).offer_new(
        finished=True
    )
    assert offered(pod) == {}
