"""Is a changed status worth a write now? Numbers change all the time while a cache is filled."""

from datetime import datetime
from typing import Final

from jaxop.api.v1alpha1.compile_cache import CompileCacheStatus

NUMBERS_SECONDS: Final = 10.0


def seconds_to_wait(
    old: CompileCacheStatus, new: CompileCacheStatus, written_at: datetime | None, now: datetime
) -> float:
    """0 means: write now. `written_at` None: this process has not seen it change."""
    if written_at is None or _what_is_waited_for(old) != _what_is_waited_for(new):
        return 0.0
    passed = (now - written_at).total_seconds()
    return max(0.0, NUMBERS_SECONDS - passed) if passed >= 0 else 0.0


def _what_is_waited_for(status: CompileCacheStatus) -> tuple[object, ...]:
    return (
        status.state,
        status.reason,
        status.usable,
        status.claim_name,
        status.observed_generation,
        # Warmups of a namespace that is gone are not to be taken for ready any longer.
        status.namespace_count,
    )
