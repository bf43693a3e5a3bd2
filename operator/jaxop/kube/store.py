"""Objects of one kind as last seen, with indexes: what `observe` reads.

Fed by a reflector (or by kopf), and by the executor with the results of its own writes, so that
the next pass sees them. An older version never replaces a newer one.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from jaxop.api.plan import Manifest
from jaxop.kube.resources import Resource

Trim = Callable[[Manifest], Manifest]
"""Keeps only what is needed. Must keep apiVersion, kind and, of metadata, name, namespace, uid,
resourceVersion, deletionTimestamp, labels, ownerReferences and annotations that are read.
May mutate its argument."""

IndexFunc = Callable[[Manifest], Iterable[str]]


class Store(Protocol):
    resource: Resource

    def get(self, namespace: str, name: str) -> Manifest | None: ...

    def by_index(self, index: str, value: str) -> list[Manifest]:
        """The objects for which the IndexFunc named `index` gives `value`, in order of name.

        Callers must not change what they get."""
        ...

    def all(self) -> Iterable[Manifest]: ...

    def __len__(self) -> int: ...


Stores = Mapping[Resource, Store]
"""What `observe` and `keys_of` read from: one store for each watched kind."""
