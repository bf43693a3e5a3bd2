"""A Ready Warmup, and what the keeper says of the entries that it vouches for."""

import pytest
from jaxop.api.plan import Plan
from jaxop.domain.warmup import Keeper
from jaxop.domain.warmup.eviction import lost
from warmups import Namespace, a_namespace

OTHER = "fedcba9876543210"


def ready(**spec: object) -> Namespace:
    """It has published 12 entries, which the keeper has."""
    ns = a_namespace(**spec)
    ns.settle()
    ns.succeeds("w-fill0", requests=12, offered=12)
    ns.look()
    ns.keeper_saw("w-fill0", 12)
    ns.settle()
    ns.succeeds("w-verify0", requests=12, hits=12)
    ns.keeper = keeper()
    ns.settle()
    assert ns.where() == ("Ready", "Verified")
    ns.pass_time(60)
    return ns


def keeper(
    entries: int | None = 12, *, healthy: bool = True, lists_all: bool = True, other: int = 3
) -> Keeper:
    """None: it does not list the Warmup's namespace."""
    kept = {OTHER: other} | ({} if entries is None else {digest(): entries})
    return Keeper(answers=True, healthy=healthy, kept=kept, lists_all=lists_all)


def digest() -> str:
    """Of the cache namespace that the Warmup fills."""
    ns = a_namespace()
    ns.settle()
    found = ns.status().cache_namespace
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (keeper(), None),
        (keeper(40), None),
        (keeper(None), f"cache namespace {digest()} is not on the volume any more"),
        (keeper(0), f"cache namespace {digest()} is not on the volume any more"),
        (keeper(11), f"of 12 entries at most 11 are left in cache namespace {digest()}"),
        (keeper(11, lists_all=False), "of 12 entries at most 11 are left"),
        (keeper(None, lists_all=False), None),
        (keeper(None, healthy=False), None),
        (keeper(0, healthy=False), None),
        (Keeper(), None),
        (Keeper(answers=True), None),
    ],
    ids=[
        *("all there", "others too", "evicted", "empty", "in part", "in part, of a long list"),
        *("not in a long list", "not read yet", "not read whole", "silent", "with a problem"),
    ],
)
def test_what_is_known_to_be_gone(said: Keeper, what: str | None) -> None:
    ns = ready()
    ns.keeper = said
    found = lost(ns.snapshot())
    assert (found or "").startswith(what or "")
    assert (found is None) == (what is None)


def test_entries_that_another_has_published_are_not_counted() -> None:
    """FoundFilled: nobody knows which of the entries are this program's."""
    ns = a_namespace()
    ns.settle()
    ns.succeeds("w-fill0", requests=12, hits=12)
    ns.keeper = keeper(2)
    ns.settle()
    assert ns.where() == ("Ready", "FoundFilled")
    ns.pass_time(60)
    ns.keeper = keeper(None)
    ns.settle()
    assert ns.where() == ("Evicted", "Evicted")


def test_who_waited_for_it_may_begin_first() -> None:
    """And what the keeper has said may be older."""
    ns = ready(ttlSecondsAfterFinished=86400)
    ns.keeper = keeper(None)
    ns.pass_time(-1)
    assert ns.look() == Plan(requeue_after=1)
    ns.pass_time(1)
    ns.look()
    assert ns.warmups == {}


def test_one_that_is_not_ready_vouches_for_nothing() -> None:
    ns = a_namespace()
    ns.settle()
    ns.keeper = keeper(None)
    assert lost(ns.snapshot()) is None
    ns.settle()
    assert ns.where() == ("Compiling", "Filling")


class TestWithATtl:
    """Those that jobs have asked for."""

    def test_it_goes_at_once_so_that_the_next_who_asks_makes_it_anew(self) -> None:
        ns = ready(ttlSecondsAfterFinished=86400)
        ns.keeper = keeper(None)
        (itself,) = ns.look().delete
        assert (itself.kind, itself.name, itself.uid) == ("Warmup", "w", "uid-w")
        assert ns.warmups == {}

    def test_it_stays_while_all_is_there(self) -> None:
        ns = ready(ttlSecondsAfterFinished=86400)
        assert ns.look() == Plan(requeue_after=86340)

    @pytest.mark.parametrize("said", [Keeper(), keeper(None, healthy=False)])
    def test_of_a_keeper_that_does_not_know_it_is_asked_again(self, said: Keeper) -> None:
        ns = ready(ttlSecondsAfterFinished=86400)
        ns.keeper = said
        assert ns.look() == Plan(requeue_after=30)
        ns.pass_time(86330)
        assert ns.look() == Plan(requeue_after=10)


class TestWithoutATtl:
    def test_it_says_so_and_stays(self) -> None:
        ns = ready()
        ended = ns.status().completion_time
        ns.keeper = keeper(None)
        ns.pass_time(3600)
        ns.settle()
        assert ns.where() == ("Evicted", "Evicted")
        assert ns.status().message == (
            f"cache namespace {digest()} is not on the volume any more: delete this Warmup, and "
            "create it anew if its program is to start warm"
        )
        assert ns.conditions() == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
        assert [(e.type, e.reason) for e in ns.events][-1] == ("Warning", "Evicted")
        assert ns.status().completion_time == ended
        assert ns.look() == Plan()

    def test_what_others_publish_there_later_changes_nothing(self) -> None:
        ns = ready()
        ns.keeper = keeper(None)
        ns.settle()
        ns.keeper = keeper(12)
        assert ns.look() == Plan()

    def test_its_time_counts_from_its_end_if_a_ttl_is_set_then(self) -> None:
        ns = ready()
        ns.keeper = keeper(None)
        ns.settle()
        ns.warmups["w"]["spec"]["ttlSecondsAfterFinished"] = 60
        ns.pass_time(-50)
        assert ns.look() == Plan(requeue_after=50)
        ns.pass_time(50)
        ns.look()
        assert ns.warmups == {}
