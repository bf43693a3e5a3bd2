"""On which AcceleratorClasses a runtime is verified."""

from typing import Final

from jaxop.domain.runtime.snapshot import Snapshot

MOST: Final = 64
"""As many as the status can tell of."""


def in_use(snapshot: Snapshot) -> tuple[str, ...]:
    """Those that the spec names, and those of unfinished jobs that name the runtime."""
    named = set(snapshot.runtime.spec.accelerators)
    return (*sorted(named), *sorted(snapshot.asked_for - named))[:MOST]
