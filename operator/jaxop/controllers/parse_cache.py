"""Raw objects parsed once for each version of them."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from jaxop.api.plan import Manifest

T = TypeVar("T")


class ParseCache(Generic[T]):
    """Keyed by uid; a new resourceVersion is parsed anew. `keep_only` forgets the rest."""

    def __init__(self, parse: Callable[[Manifest], T]) -> None:
        self._parse = parse
        self._parsed: dict[str, tuple[str, T]] = {}

    def get(self, raw: Manifest) -> T:
        metadata = raw["metadata"]
        uid, version = metadata["uid"], metadata["resourceVersion"]
        known = self._parsed.get(uid)
        if known is not None and known[0] == version:
            return known[1]
        parsed = self._parse(raw)
        self._parsed[uid] = version, parsed
        return parsed

    def keep_only(self, uids: Iterable[str]) -> None:
        kept = set(uids)
        self._parsed = {uid: entry for uid, entry in self._parsed.items() if uid in kept}

    def __len__(self) -> int:
        return len(self._parsed)
