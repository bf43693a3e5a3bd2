"""What the CompileCache controller counts, in docs/metrics.md; no series is of one cache.

All of it comes from statuses as they change, so nothing counts twice when an operator restarts.
"""

from typing import Final

from prometheus_client import Counter

from jaxop.api.v1alpha1.compile_cache import CompileCacheStatus
from jaxop.domain.cache.events import more

PUBLISHED = Counter(
    "jaxop_compile_cache_published_total", "Entries that keepers published for others to read."
)
REFUSED = Counter(
    "jaxop_compile_cache_refused_total", "Entries offered to keepers that they did not publish."
)
REPAIRED = Counter(
    "jaxop_compile_cache_repaired_total", "Published entries found damaged, and removed."
)
EVICTED = Counter("jaxop_compile_cache_evicted_total", "Cache namespaces that keepers evicted.")
REPORTS = Counter(
    "jaxop_compile_cache_reports_total",
    "Reports asked of keepers, by outcome: heard, unreachable, unreadable.",
    ("outcome",),
)

_COUNTED: Final = (
    ("published", PUBLISHED),
    ("refused", REFUSED),
    ("repaired", REPAIRED),
    ("evicted", EVICTED),
)


def count(old: CompileCacheStatus, new: CompileCacheStatus) -> None:
    """A change of status that this process saw."""
    for name, counter in _COUNTED:
        counter.inc(more(getattr(old, name), getattr(new, name)))
