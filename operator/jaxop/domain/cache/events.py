"""What a person should read of a change of status."""

from collections.abc import Iterator

from jaxop.api.plan import Event
from jaxop.api.v1alpha1.compile_cache import CompileCacheStatus
from jaxop.domain.cache.snapshot import KeeperReport


def events(
    old: CompileCacheStatus, new: CompileCacheStatus, report: KeeperReport | None, stalled: bool
) -> tuple[Event, ...]:
    return (*_turns(old, new, stalled), *_counts(old, new, report))


def more(before: int, after: int) -> int:
    """How far a counter went that starts at 0 again with its keeper."""
    return after - before if after >= before else after


def _turns(old: CompileCacheStatus, new: CompileCacheStatus, stalled: bool) -> Iterator[Event]:
    if (old.state, old.reason) == (new.state, new.reason):
        return
    message = new.message or ""
    if new.state == "Ready":
        yield Event("Normal", "Ready", message)
    elif new.state == "Degraded":
        yield Event("Warning", "Degraded", message)
    elif stalled and new.reason is not None:
        yield Event("Warning", new.reason, message)


def _counts(
    old: CompileCacheStatus, new: CompileCacheStatus, report: KeeperReport | None
) -> Iterator[Event]:
    if evicted := more(old.evicted, new.evicted):
        what = "cache namespace" if evicted == 1 else "cache namespaces"
        yield Event("Normal", "Evicted", f"{evicted} {what} evicted, unused for longest")
    if refused := more(old.refused, new.refused):
        last = report.last_refusal if report is not None else None
        what = "entry that was" if refused == 1 else "entries that were"
        why = f"; the last: {last}" if last else ""
        yield Event("Warning", "Refused", f"{refused} {what} offered, but not published{why}")
