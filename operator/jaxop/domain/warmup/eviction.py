"""Is what a Ready Warmup vouches for still on the volume? Only the keeper can say.

the keeper                                    what was published
is silent, or has a problem                   may be there
lists other namespaces, but not all it has    may be there
lists all it has, and not this one            is gone
has fewer entries in it than were published   is gone in part
"""

from jaxop.domain.warmup.snapshot import Snapshot


def lost(snapshot: Snapshot) -> str | None:
    """What is known to be gone, as one sentence; None for a Warmup that is not Ready."""
    status, keeper = snapshot.warmup.status, snapshot.keeper
    digest = status.cache_namespace
    if status.state != "Ready" or digest is None or not keeper.healthy:
        return None
    kept = keeper.kept.get(digest, 0 if keeper.lists_all else None)
    if kept is None:
        return None
    if kept == 0:
        return f"cache namespace {digest} is not on the volume any more"
    published = status.entries or 0
    if kept < published:
        return f"of {published} entries at most {kept} are left in cache namespace {digest}"
    return None
