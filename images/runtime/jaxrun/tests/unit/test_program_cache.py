"""What the launcher does for its program's compile cache; the volume may hang."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from jaxrun import program_cache
from jaxrun.cache import local, offer
from jaxrun.program_cache import ProgramCache
from jaxrun.settings import read_settings

DIGEST = "0123456789abcdef"


@pytest.fixture
def pod(tmp_path: Path) -> dict[str, str]:
    for name in ("published", "staging", "local"):
        (tmp_path / name).mkdir()
    return {
        "JAXRUN_CACHE_NAMESPACE": DIGEST,
        "JAXRUN_CACHE_OFFERS": "true",
        "JAXRUN_CACHE_PUBLISHED": str(tmp_path / "published"),
        "JAXRUN_CACHE_STAGING": str(tmp_path / "staging"),
        "JAXRUN_CACHE_LOCAL": str(tmp_path / "local"),
    }


def cache_of(pod: dict[str, str], **changes: str) -> ProgramCache:
    environ = {**pod, **changes}
    return ProgramCache(read_settings(environ), environ)


def an_entry(directory: Path) -> Path:
    import zlib

    path = directory / f"jit_f-{'a' * 64}-cache"
    path.write_bytes(zlib.compress(b"time" + b"executable"))
    return path


def test_no_namespace_is_no_problem(pod: dict[str, str]) -> None:
    cache = cache_of({"JAXRUN_CACHE_LOCAL": pod["JAXRUN_CACHE_LOCAL"]})
    assert cache.variables
    assert (cache.use.namespace, cache.use.problem) == (None, None)


def test_no_directory_and_no_namespace_is_no_problem() -> None:
    cache = cache_of({"JAXRUN_CACHE_LOCAL": "/nowhere"})
    assert not cache.variables
    assert cache.use.problem is None


def test_no_directory_for_a_namespace_is_one(pod: dict[str, str]) -> None:
    cache = cache_of(pod, JAXRUN_CACHE_LOCAL="/nowhere")
    assert not cache.variables
    assert cache.use.problem is not None
    assert "/nowhere cannot be written" in cache.use.problem


def test_a_volume_that_hangs_is_waited_for_until_the_deadline(
    pod: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(program_cache, "_LINK_SECONDS", 0.5)
    monkeypatch.setattr(local, "read_manifest", lambda path: answers.wait(60))
    (Path(pod["JAXRUN_CACHE_PUBLISHED"]) / DIGEST / "entries").mkdir(parents=True)
    an_entry(Path(pod["JAXRUN_CACHE_PUBLISHED"]) / DIGEST / "entries")

    async def begin() -> ProgramCache:
        cache = cache_of(pod)
        cache.begin_to_link()
        # Meanwhile peers are awaited: the deadline counts from the beginning, not from linked().
        deadline = time.monotonic() + 50
        while cache.use.problem is None:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        await cache.linked()
        return cache

    use = asyncio.run(begin()).use
    answers.set()
    assert use.linked == 0
    assert use.problem is not None
    assert "too slow" in use.problem


def test_a_hanging_offer_is_given_up(pod: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(program_cache, "_OFFERS_WHEN_ASKED_TO_STOP_SECONDS", 0.2)
    monkeypatch.setattr(offer, "_copy", lambda path, directory: answers.wait(60))
    an_entry(Path(pod["JAXRUN_CACHE_LOCAL"]))

    async def offer_rest() -> ProgramCache:
        cache = cache_of(pod)
        await asyncio.wait_for(cache.offer_rest(asked_to_stop=True), 50)
        return cache

    use = asyncio.run(offer_rest()).use
    answers.set()
    assert use.problem is not None
    assert "did not answer" in use.problem


@pytest.mark.parametrize("process", [0, 1])
def test_only_process_0_offers(pod: dict[str, str], process: int) -> None:
    entry = an_entry(Path(pod["JAXRUN_CACHE_LOCAL"]))
    place = {"JOB_COMPLETION_INDEX": str(process), "JAXRUN_NUM_PROCESSES": "2"}
    gang = {"JAXRUN_GANG_ADDRESS": "digits-0", "JAXRUN_TOKEN": "t", "JAXRUN_HOST": "digits-1"}

    async def offer_rest() -> ProgramCache:
        cache = cache_of(pod, **place, **gang)
        await cache.offer_rest(asked_to_stop=False)
        return cache

    use = asyncio.run(offer_rest()).use
    staged = list(Path(pod["JAXRUN_CACHE_STAGING"]).glob("*/*"))
    assert len(staged) == use.offered == (1 if process == 0 else 0)
    assert use.offered_bytes == (entry.stat().st_size if process == 0 else 0)
