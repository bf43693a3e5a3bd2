"""The keeper's passes over a volume: what is published, kept, evicted and told."""

import json
import os
import threading
import time
from pathlib import Path

import pytest
from cache_builders import (
    DIGEST,
    OTHER,
    a_pod,
    an_entry,
    an_entry_name,
    offer,
    sha256,
)

from jaxrun.cache.keeper.passes import Keeper
from jaxrun.cache.keeper.trash import Trash
from jaxrun.cache.layout import blobs_of, entries_of
from jaxrun.cache.local import link

HOUR = 3600.0
DAY = 24 * HOUR


class Clocks:
    """The wall clock may jump; the other one goes on."""

    def __init__(self) -> None:
        self.unix = 1e9
        self.passed = 0.0

    def wait(self, seconds: float) -> None:
        self.unix += seconds
        self.passed += seconds


class TheKeeper(Keeper):
    """On the volume in `root`, with clocks of its own."""

    def __init__(self, root: Path, clocks: Clocks | None = None) -> None:
        self.root = root
        self.clocks = clocks or Clocks()
        super().__init__(
            root,
            root / "policy.json",
            clock=lambda: self.clocks.unix,
            monotonic=lambda: self.clocks.passed,
            most_entry_bytes=1 << 20,
        )

    def policy(
        self, *in_use: str, most_bytes: int | None = None, unused_seconds: float = 30 * DAY
    ) -> None:
        (self.root / "policy.json").write_text(
            json.dumps(
                {
                    "version": 1,
                    "maxBytes": most_bytes,
                    "unusedSeconds": int(unused_seconds),
                    "inUse": in_use,
                }
            )
        )

    def passes(self, seconds: float = 0) -> None:
        """One pass now, and one each minute for so long."""
        self.one_pass()
        while seconds > 0:
            self.clocks.wait(min(seconds, 60))
            seconds -= 60
            self.one_pass()


@pytest.fixture
def keeper(tmp_path: Path) -> TheKeeper:
    keeper = TheKeeper(tmp_path)
    keeper.policy()
    return keeper


async def linked(root: Path, digest: str = DIGEST) -> int:
    result = await link(a_pod(root, namespace=digest), 20)
    assert result.problem is None
    return result.linked


async def test_an_offer_is_published_and_its_file_goes(keeper: TheKeeper) -> None:
    path = offer(keeper.root, an_entry_name(), an_entry())
    keeper.passes()
    assert not path.exists()
    blob = blobs_of(keeper.root / "published", DIGEST) / sha256(an_entry())
    manifest = entries_of(keeper.root / "published", DIGEST) / an_entry_name()
    assert blob.read_bytes() == an_entry()
    assert json.loads(manifest.read_text()) == {
        "sha256": sha256(an_entry()),
        "bytes": len(an_entry()),
    }
    for file in (blob, manifest):
        assert file.stat().st_mode & 0o777 == 0o644
        assert file.parent.stat().st_mode & 0o777 == 0o755
    assert (keeper.root / "staging").stat().st_mode & 0o7777 == 0o1777
    assert await linked(keeper.root) == 1


def test_status_tells_all_of_it(keeper: TheKeeper) -> None:
    keeper.policy(DIGEST)
    offer(keeper.root, an_entry_name(), an_entry())
    offer(keeper.root, an_entry_name(1), b"rubbish", host="b")
    keeper.passes()
    status = keeper.status.as_json()
    volume, refusal = status.pop("volume"), status.pop("lastRefusal")
    rubbish = f"{an_entry_name(1)}@{sha256(b'rubbish')}"
    assert refusal == f"{DIGEST}.b/{rubbish} is neither zlib nor zstd"
    assert isinstance(volume, dict)
    assert 0 < volume["freeBytes"] < volume["bytes"]
    assert status == {
        "version": 1,
        "state": "Ready",
        "problem": None,
        "published": 1,
        "refused": 1,
        "repaired": 0,
        "evicted": 0,
        "staged": 0,
        "entries": 1,
        "bytes": len(an_entry()),
        "namespaceCount": 1,
        "namespaces": [
            {
                "digest": DIGEST,
                "entries": 1,
                "bytes": len(an_entry()),
                "lastUsed": 1e9,
                "inUse": True,
            }
        ],
        "offers": {
            f"{DIGEST}.a": {"published": 1, "refused": 0, "pending": 0},
            f"{DIGEST}.b": {"published": 0, "refused": 1, "pending": 0},
        },
    }


def test_the_same_entry_from_two_pods_is_published_once_and_counted_for_both(
    keeper: TheKeeper,
) -> None:
    offer(keeper.root, an_entry_name(), an_entry(), host="a")
    offer(keeper.root, an_entry_name(), an_entry(1), host="b")
    keeper.passes()
    assert keeper.status.published == 2
    assert keeper.status.entries == 1
    assert [tally.published for tally in keeper.status.offers.values()] == [1, 1]


def test_what_became_of_an_offer_outlives_the_keeper(keeper: TheKeeper) -> None:
    offer(keeper.root, an_entry_name(), an_entry())
    keeper.passes()
    after = TheKeeper(keeper.root)
    after.passes()
    assert after.status.offers[f"{DIGEST}.a"].published == 1


def test_what_is_not_yet_renamed_waits_and_goes_after_an_hour(keeper: TheKeeper) -> None:
    path = offer(keeper.root, an_entry_name(), an_entry())
    leftover = path.rename(path.with_name(".tmp-0123"))
    keeper.passes(HOUR)
    assert leftover.exists()
    keeper.passes(2 * 60)
    assert not leftover.exists()
    keeper.passes(HOUR + 120)
    assert not leftover.parent.exists()


async def test_a_damaged_entry_is_found_and_an_offer_repairs_it(keeper: TheKeeper) -> None:
    offer(keeper.root, an_entry_name(), an_entry())
    keeper.passes(60)
    blob = blobs_of(keeper.root / "published", DIGEST) / sha256(an_entry())
    blob.write_bytes(b"x" * len(an_entry()))
    offer(keeper.root, an_entry_name(), an_entry())
    keeper.passes()
    assert keeper.status.repaired == 1
    assert await linked(keeper.root) == 1
    blob.write_bytes(b"x" * len(an_entry()))
    keeper.passes(HOUR + 120)
    assert keeper.status.repaired == 2
    assert keeper.status.entries == 0
    assert not blob.exists()


def test_a_keeper_that_starts_scrubs_at_once(keeper: TheKeeper) -> None:
    for k in range(2):
        offer(keeper.root, an_entry_name(k), an_entry(k))
    keeper.passes()
    published = keeper.root / "published"
    (blobs_of(published, DIGEST) / sha256(an_entry())).unlink()
    (entries_of(published, DIGEST) / an_entry_name(1)).write_text("no manifest")
    after = TheKeeper(keeper.root)
    after.passes()
    assert after.status.repaired == 2
    assert after.status.entries == 0


def test_blobs_that_nobody_names_go_after_an_hour(keeper: TheKeeper) -> None:
    offer(keeper.root, an_entry_name(), an_entry())
    keeper.passes()
    blobs = blobs_of(keeper.root / "published", DIGEST)
    orphan, leftover = blobs / sha256(b"orphan"), blobs / ".tmp-0123"
    for path in (orphan, leftover):
        path.write_bytes(b"orphan")
    keeper.passes(HOUR)
    assert orphan.exists()
    keeper.passes(2 * HOUR + 120)
    assert [path.name for path in blobs.iterdir()] == [sha256(an_entry())]


def test_beyond_the_budget_the_longest_unused_goes_but_never_what_is_in_use(
    keeper: TheKeeper,
) -> None:
    digests = [f"{k:016x}" for k in range(4)]
    for digest in digests:
        offer(keeper.root, an_entry_name(), an_entry(), digest=digest)
        keeper.passes(60)
    size = len(an_entry())
    keeper.policy(digests[0], most_bytes=2 * size)
    keeper.passes(50 * 60)
    assert keeper.status.evicted == 0
    keeper.passes(20 * 60)
    assert [each.digest for each in keeper.status.namespaces] == [digests[0], digests[3]]
    assert keeper.status.evicted == 2
    assert list((keeper.root / "trash").iterdir()) == []


def test_what_nobody_used_for_long_goes(keeper: TheKeeper) -> None:
    for digest in (DIGEST, OTHER):
        offer(keeper.root, an_entry_name(), an_entry(), digest=digest)
    keeper.policy(OTHER, unused_seconds=2 * HOUR)
    keeper.passes(2 * HOUR - 60)
    assert keeper.status.evicted == 0
    keeper.passes(300)
    assert [each.digest for each in keeper.status.namespaces] == [OTHER]


def test_what_comes_into_use_before_it_goes_stays(keeper: TheKeeper) -> None:
    offer(keeper.root, an_entry_name(), an_entry())
    keeper.policy(unused_seconds=2 * HOUR)
    keeper.passes(2 * HOUR)
    keeper.passes(60)
    keeper.policy(DIGEST, unused_seconds=2 * HOUR)
    keeper.passes(10 * HOUR)
    assert keeper.status.evicted == 0


@pytest.mark.parametrize(
    "policy",
    [
        None,
        "",
        "{}",
        "[]",
        '{"version": 2, "maxBytes": 0, "unusedSeconds": 0, "inUse": []}',
        '{"version": 1, "maxBytes": -1, "unusedSeconds": 0, "inUse": []}',
        '{"version": 1, "maxBytes": 0, "unusedSeconds": null, "inUse": []}',
        '{"version": 1, "maxBytes": 0, "unusedSeconds": 0, "inUse": ["../etc"]}',
        '{"version": 1, "maxBytes": 0, "unusedSeconds": 0}',
    ],
)
def test_without_a_policy_nothing_is_evicted_and_entries_are_published(
    keeper: TheKeeper, policy: str | None
) -> None:
    path = keeper.root / "policy.json"
    if policy is None:
        path.unlink()
    else:
        path.write_text(policy)
    offer(keeper.root, an_entry_name(), an_entry())
    keeper.passes(3 * HOUR)
    assert keeper.status.entries == 1
    assert keeper.status.evicted == 0
    assert "nothing is evicted" in (keeper.status.problem or "")
    assert keeper.status.as_json()["state"] == "Degraded"
    assert keeper.status.ready
    keeper.policy()
    keeper.passes()
    assert keeper.status.problem is None


def test_without_a_limit_of_the_operators_it_is_80_percent_of_the_volume(
    keeper: TheKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = an_entry()
    offer(keeper.root, an_entry_name(), content)
    for share, evicted in ((80, 0), (79, 0), (81, 1)):
        total = len(content) * 100 // share + (share == 80)
        monkeypatch.setattr(
            "jaxrun.cache.keeper.volume.Volume.space", lambda _, total=total: (total, 1 << 30)
        )
        keeper.passes(3 * HOUR)
        assert keeper.status.evicted == evicted, f"{len(content)} of {total} bytes"


def test_a_clock_that_jumps_evicts_nothing_that_was_just_used(keeper: TheKeeper) -> None:
    offer(keeper.root, an_entry_name(), an_entry())
    keeper.policy(most_bytes=0)
    keeper.passes()
    for jump in (DAY, -DAY, -DAY, DAY):
        keeper.clocks.unix += jump
        keeper.passes(300)
        assert keeper.status.evicted == 0
        assert keeper.status.problem is None
        last_used = keeper.status.namespaces[0].last_used
        assert last_used <= keeper.clocks.unix


def test_a_last_use_in_the_future_is_now(keeper: TheKeeper) -> None:
    keeper.clocks.unix += DAY
    offer(keeper.root, an_entry_name(), an_entry())
    keeper.passes()
    after = TheKeeper(keeper.root)
    after.policy(unused_seconds=2 * HOUR)
    after.passes(DAY)
    assert after.status.evicted == 0
    after.passes(4 * HOUR)
    assert after.status.evicted == 1


def test_an_entry_that_is_too_large_is_refused(keeper: TheKeeper) -> None:
    offer(keeper.root, an_entry_name(), os.urandom(2 << 20))
    keeper.passes()
    assert "larger than 1048576 bytes" in (keeper.status.last_refusal or "")


def test_rubbish_that_cannot_be_removed_is_refused_once(
    keeper: TheKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory of another user that only this one may write."""
    path = offer(keeper.root, an_entry_name(), an_entry())
    (path.parent / "directory").mkdir()
    (keeper.root / "staging" / "directory").mkdir()
    monkeypatch.setattr(Trash, "take", lambda *_: False)
    keeper.passes(300)
    assert keeper.status.refused == 2
    assert keeper.status.published == 1
    assert keeper.status.problem is None


def test_a_thousand_namespaces_cost_little(keeper: TheKeeper) -> None:
    for k in range(1000):
        digest = f"{k:016x}"
        for path, content in (
            (blobs_of(keeper.root / "published", digest) / sha256(an_entry()), an_entry()),
            (
                entries_of(keeper.root / "published", digest) / an_entry_name(),
                json.dumps({"sha256": sha256(an_entry()), "bytes": len(an_entry())}).encode(),
            ),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    started = time.process_time()
    keeper.passes()
    first = time.process_time() - started
    assert keeper.status.entries == 1000
    started = time.process_time()
    for _ in range(5):
        keeper.passes()
    idle = (time.process_time() - started) / 5
    # A hundredth of it.
    assert idle < first / 10
    assert len(keeper.status.as_json()["namespaces"]) == 256  # type: ignore[arg-type]


def test_two_keepers_at_once_publish_everything(keeper: TheKeeper) -> None:
    keepers = [keeper, TheKeeper(keeper.root)]
    stop = threading.Event()

    def run(each: TheKeeper) -> None:
        while not stop.is_set():
            each.one_pass()

    threads = [threading.Thread(target=run, args=(each,)) for each in keepers]
    for thread in threads:
        thread.start()
    try:
        for k in range(200):
            offer(keeper.root, an_entry_name(k), an_entry(k), host=f"h{k % 7}")
        deadline = time.monotonic() + 60
        while any((keeper.root / "staging").glob("*/jit_*")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    after = TheKeeper(keeper.root)
    after.passes()
    assert after.status.entries == 200
    assert after.status.repaired == 0
    assert after.status.refused + keepers[0].status.refused + keepers[1].status.refused == 0
