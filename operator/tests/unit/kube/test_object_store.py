"""What a store believes, when news come late, twice or out of order."""

from typing import Any

import pytest
from jaxop.api.plan import Manifest
from jaxop.kube.resources import CONFIGMAPS, Key
from jaxop.kube.store import ObjectStore

US = Key("Widget", "ns", "w")


def an_object(
    name: str = "a", version: int = 1, *, uid: str = "", group: str = "g", **rest: Any
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            "labels": {"group": group},
            "managedFields": [{}],
        },
        **rest,
    }


class Told:
    def __init__(self, store: ObjectStore) -> None:
        self.lines: list[str] = []
        store.listeners.append(self)

    def __call__(self, old: Manifest | None, new: Manifest | None, by: Key | None) -> None:
        def brief(obj: Manifest | None) -> str:
            return obj["metadata"]["resourceVersion"] if obj else "-"

        who = " by us" if by else ""
        name = (new or old or {})["metadata"]["name"]
        self.lines.append(f"{name} {brief(old)}>{brief(new)}{who}")


@pytest.fixture
def store() -> ObjectStore:
    index = {"group": lambda obj: [obj["metadata"]["labels"]["group"]]}
    return ObjectStore(CONFIGMAPS, indexes=index)


@pytest.fixture
def told(store: ObjectStore) -> Told:
    return Told(store)


def names(objects: Any) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects]


def test_put_get_remove(store: ObjectStore, told: Told) -> None:
    assert store.put(an_object())
    assert (store.get("ns", "a") or {})["metadata"]["uid"] == "uid-a"
    assert "managedFields" not in (store.get("ns", "a") or {})["metadata"]
    assert store.remove(an_object(version=2))
    assert store.get("ns", "a") is None
    assert told.lines == ["a ->1", "a 1>-"]


def test_older_news_are_not_believed(store: ObjectStore, told: Told) -> None:
    store.put(an_object(version=9, data={"n": 1}))
    assert not store.put(an_object(version=9, data={"n": 2}))
    assert not store.put(an_object(version=10**0, data={"n": 2}))
    assert store.put(an_object(version=10, data={"n": 3}))
    assert told.lines == ["a ->9", "a 9>10"]


def test_a_version_is_a_number(store: ObjectStore) -> None:
    store.put(an_object(version=9))
    assert store.put(an_object(version=10, data={})), "10 is after 9"


def test_changes_that_trim_hides_wake_nobody(store: ObjectStore, told: Told) -> None:
    store.put(an_object(version=1, data={"n": 1}))
    store.put(an_object(version=2, data={"n": 1}))
    assert told.lines == ["a ->1"]
    assert (store.get("ns", "a") or {})["metadata"]["resourceVersion"] == "2"


def test_indexes_follow(store: ObjectStore) -> None:
    for name in "cab":
        store.put(an_object(name))
    assert names(store.by_index("group", "g")) == ["a", "b", "c"]
    store.put(an_object("b", 2, group="h"))
    store.remove(an_object("c"))
    assert names(store.by_index("group", "g")) == ["a"]
    assert names(store.by_index("group", "h")) == ["b"]
    assert names(store.by_index("group", "none")) == []
    with pytest.raises(KeyError):
        store.by_index("unknown", "g")


def test_another_object_of_the_same_name(store: ObjectStore, told: Told) -> None:
    store.put(an_object(version=1, uid="old"))
    store.put(an_object(version=5, uid="new"))
    assert told.lines == ["a ->1", "a 1>-", "a ->5"]
    assert not store.remove(an_object(version=4, uid="old")), "the end of the old one"
    assert store.get("ns", "a") is not None
    assert names(store.by_index("group", "g")) == ["a"]


def test_what_we_wrote_is_not_news_when_the_watch_tells(store: ObjectStore, told: Told) -> None:
    store.put(an_object(version=5), by=US)
    assert not store.put(an_object(version=5))
    assert told.lines == ["a ->5 by us"]


def test_what_we_deleted_does_not_come_back(store: ObjectStore, told: Told) -> None:
    store.put(an_object(version=1))
    store.remove_deleted(an_object(version=1), by=US)
    assert not store.put(an_object(version=2, data={})), "the watch lags behind"
    assert store.get("ns", "a") is None
    assert not store.remove(an_object(version=3))
    assert store.put(an_object(version=4, uid="next"))
    assert told.lines == ["a ->1", "a 1>- by us", "a ->4"]
    assert not store._deleted_uids


def test_what_the_server_says_is_gone_does_not_come_back(store: ObjectStore, told: Told) -> None:
    """A watch that was broken goes on from long before, with the object's creation."""
    store.put(an_object(version=7))
    store.remove_deleted(an_object(version=7), by=None)
    assert not store.put(an_object(version=3)), "its creation"
    assert not store.remove(an_object(version=8)), "its deletion"
    assert told.lines == ["a ->7", "a 7>-"], "told to all"
    assert not store._deleted_uids


def test_a_list_replaces(store: ObjectStore, told: Told) -> None:
    for name in "abc":
        store.put(an_object(name))
    listing = store.listing()
    listing.put(an_object("a"))
    listing.put(an_object("c", 7, uid="other"))
    listing.put(an_object("d", 8))
    listing.finish("9")
    assert sorted(names(store.all())) == ["a", "c", "d"]
    assert told.lines[3:] == ["c 1>-", "c ->7", "d ->8", "b 1>-"]


def test_what_is_younger_than_the_list_stays(store: ObjectStore) -> None:
    listing = store.listing()
    store.put(an_object("mine", 12), by=US)
    listing.finish("11")
    assert names(store.all()) == ["mine"]


def test_a_list_from_before_our_delete(store: ObjectStore) -> None:
    store.put(an_object())
    store.remove_deleted(an_object(), by=US)
    listing = store.listing()
    listing.put(an_object())
    listing.finish("5")
    assert len(store) == 0
    listing = store.listing()
    listing.finish("6")
    assert not store._deleted_uids, "the next list no longer has it"
