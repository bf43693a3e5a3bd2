"""The keeper's answer to GET /status -> KeeperReport.

What runs in a pod is a stranger's: nothing here raises, and what makes no sense is absent.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from jaxop.domain import contract
from jaxop.domain.cache.snapshot import KeeperReport, KeptNamespace, Offer
from jaxop.domain.json_values import mapping, mappings, moment, text, whole

DIGEST: Final = re.compile(r"[0-9a-f]{16}")

_MAX_LISTED: Final = 256


def read_keeper_report(raw: object) -> KeeperReport | None:
    body = mapping(raw)
    state = body.get("state")
    if body.get("version") != contract.VERSION or state not in ("Ready", "Degraded"):
        return None
    return KeeperReport(
        healthy=state == "Ready",
        problem=text(body.get("problem")) or None,
        published=_count(body, "published"),
        refused=_count(body, "refused"),
        last_refusal=text(body.get("lastRefusal")) or None,
        repaired=_count(body, "repaired"),
        evicted=_count(body, "evicted"),
        entries=_count(body, "entries"),
        bytes=_count(body, "bytes"),
        namespace_count=_count(body, "namespaceCount"),
        namespaces=tuple(
            KeptNamespace(
                digest=each["digest"],
                entries=_count(each, "entries"),
                bytes=_count(each, "bytes"),
                last_used=moment(each.get("lastUsed")),
                in_use=each.get("inUse") is True,
            )
            for each in mappings(body.get("namespaces"))[:_MAX_LISTED]
            if is_digest(each.get("digest"))
        ),
        offers=tuple(_offers(mapping(body.get("offers")))),
    )


def is_digest(value: object) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _offers(body: Mapping[str, Any]) -> list[Offer]:
    found = []
    for name, said in list(body.items())[-_MAX_LISTED:]:
        digest, _, host = str(name).partition(".")
        counts = mapping(said)
        if is_digest(digest) and host:
            numbers = (_count(counts, of) for of in ("published", "refused", "pending"))
            found.append(Offer(digest, text(host), *numbers))
    return found


def _count(body: Mapping[str, Any], name: str) -> int:
    return whole(body.get(name)) or 0
