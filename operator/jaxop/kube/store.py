"""Objects of one kind as last seen, with indexes: what `observe` reads.

Fed by a reflector (or by kopf), and by the executor with the results of its own writes, so that
the next pass sees them. The watch may lag behind those writes, hence two rules: an older version
never replaces a newer one, and what we deleted does not come back before its end is confirmed.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from jaxop.api.plan import Manifest
from jaxop.kube import metrics
from jaxop.kube.resources import Key, Resource

Trim = Callable[[Manifest], Manifest]
"""Keeps only what is needed. Must keep apiVersion, kind and, of metadata, name, namespace, uid,
resourceVersion, deletionTimestamp, labels, ownerReferences and annotations that are read.
May change its argument. Literal keys in the result also save memory: json makes new ones for
each document."""

IndexFunc = Callable[[Manifest], Iterable[str]]

Listener = Callable[[Manifest | None, Manifest | None, Key | None], None]
"""Told (old, new, by): None for what does not exist; `by` is the key whose pass wrote it."""

Identity = tuple[str, str]


def drop_managed_fields(obj: Manifest) -> Manifest:
    """The least that every store trims: managedFields are a third of an object and never read."""
    obj["metadata"].pop("managedFields", None)
    return obj


class Store(Protocol):
    """The side of a store that controllers see."""

    @property
    def resource(self) -> Resource: ...

    def get(self, namespace: str, name: str) -> Manifest | None:
        """Callers must not change what they get, here and below."""
        ...

    def by_index(self, index: str, value: str) -> list[Manifest]:
        """The objects for which the IndexFunc named `index` gives `value`, in order of name."""
        ...

    def all(self) -> Iterable[Manifest]: ...

    def __len__(self) -> int: ...


Stores = Mapping[Resource, Store]
"""What `observe` and `keys_of` read from: one store for each watched kind."""


def version(resource_version: str) -> int:
    """The order of resourceVersions of one kind; 0 for one that is not a number."""
    return int(resource_version) if resource_version.isdecimal() else 0


class ObjectStore:
    """The Store itself: the only one that is written to."""

    def __init__(
        self,
        resource: Resource,
        *,
        trim: Trim = drop_managed_fields,
        indexes: Mapping[str, IndexFunc] | None = None,
    ) -> None:
        self.resource = resource
        self.listeners: list[Listener] = []
        self._trim = trim
        self._objects: dict[Identity, Manifest] = {}
        self._index_funcs = dict(indexes or {})
        self._indexes: dict[str, dict[str, set[Identity]]] = {n: {} for n in self._index_funcs}
        self._deleted_uids: set[str] = set()
        self._size = metrics.STORE_OBJECTS.labels(resource.kind)

    def get(self, namespace: str, name: str) -> Manifest | None:
        return self._objects.get((namespace, name))

    def by_index(self, index: str, value: str) -> list[Manifest]:
        found = self._indexes[index].get(value, ())
        return [self._objects[identity] for identity in sorted(found)]

    def all(self) -> Iterable[Manifest]:
        return self._objects.values()

    def __len__(self) -> int:
        return len(self._objects)

    def put(self, obj: Manifest, *, by: Key | None = None) -> bool:
        """Takes in an object as it was at some time; False if we knew it as late or later.

        Listeners hear of it if something that `trim` keeps has changed.
        """
        metadata = obj["metadata"]
        if metadata["uid"] in self._deleted_uids and by is None:
            return False
        identity = _identity(obj)
        old = self._objects.get(identity)
        if old is not None and _age(old) >= version(metadata["resourceVersion"]) > 0:
            return False
        new = self._trim(obj)
        if old is not None and old["metadata"]["uid"] != new["metadata"]["uid"]:
            self._discard(identity, old, by)
            old = None
        self._set(identity, old, new)
        if old is None or not _same(old, new):
            self._tell(old, new, by)
        return True

    def remove(self, obj: Manifest) -> bool:
        """The object is gone; False if it was not there, or another of that name is."""
        uid = obj["metadata"]["uid"]
        self._deleted_uids.discard(uid)
        return self._remove(obj, None)

    def remove_deleted(self, obj: Manifest, *, by: Key | None) -> None:
        """We deleted it, or were told that it is gone, and the watch has not said so yet: what it
        says until then is past."""
        if self._remove(obj, by):
            self._deleted_uids.add(obj["metadata"]["uid"])

    def clear(self) -> None:
        """Forgets everything, and tells nobody: what comes next is all new."""
        self._objects.clear()
        self._deleted_uids.clear()
        for index in self._indexes.values():
            index.clear()

    def listing(self) -> "Listing":
        return Listing(self)

    def finish(self, listed_uids: set[str], resource_version: str) -> None:
        """What was not listed was deleted meanwhile, unless it is younger than the list."""
        self._deleted_uids &= listed_uids
        taken_at = version(resource_version)
        for identity, obj in list(self._objects.items()):
            if obj["metadata"]["uid"] not in listed_uids and not _age(obj) > taken_at > 0:
                self._discard(identity, obj, None)

    def _remove(self, obj: Manifest, by: Key | None) -> bool:
        identity = _identity(obj)
        old = self._objects.get(identity)
        if old is None or old["metadata"]["uid"] != obj["metadata"]["uid"]:
            return False
        self._discard(identity, old, by)
        return True

    def _discard(self, identity: Identity, old: Manifest, by: Key | None) -> None:
        del self._objects[identity]
        self._unindex(identity, old)
        self._size.set(len(self._objects))
        self._tell(old, None, by)

    def _set(self, identity: Identity, old: Manifest | None, new: Manifest) -> None:
        if old is not None:
            self._unindex(identity, old)
        self._objects[identity] = new
        for name, values_of in self._index_funcs.items():
            for value in values_of(new):
                self._indexes[name].setdefault(value, set()).add(identity)
        self._size.set(len(self._objects))

    def _unindex(self, identity: Identity, old: Manifest) -> None:
        for name, values_of in self._index_funcs.items():
            index = self._indexes[name]
            for value in values_of(old):
                if identities := index.get(value):
                    identities.discard(identity)
                    if not identities:
                        del index[value]

    def _tell(self, old: Manifest | None, new: Manifest | None, by: Key | None) -> None:
        for listener in self.listeners:
            listener(old, new, by)


class Listing:
    """A whole LIST on its way into a store, page by page."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._uids: set[str] = set()

    def put(self, obj: Manifest) -> None:
        self.mark(obj["metadata"]["uid"])
        self._store.put(obj)

    def mark(self, uid: str) -> None:
        """It was listed, and that is all we know."""
        self._uids.add(uid)

    def finish(self, resource_version: str) -> None:
        """Deletes from the store what was not in the list, which is as of `resource_version`."""
        self._store.finish(self._uids, resource_version)


def _identity(obj: Manifest) -> Identity:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _age(obj: Manifest) -> int:
    return version(obj["metadata"]["resourceVersion"])


def _same(old: Manifest, new: Manifest) -> bool:
    """But for resourceVersion, which every write changes."""
    if old.keys() != new.keys() or any(
        old[field] != new[field] for field in old if field != "metadata"
    ):
        return False
    was, now = old["metadata"], new["metadata"]
    return was.keys() == now.keys() and all(
        was[field] == now[field] for field in was if field != "resourceVersion"
    )
