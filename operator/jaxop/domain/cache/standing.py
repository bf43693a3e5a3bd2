"""Where a CompileCache stands: a state, a reason, and a sentence for a person."""

from dataclasses import dataclass
from typing import Final

from jaxop.api.v1alpha1.compile_cache import CacheState

COST: Final = "until then nothing is published; programs run, colder"


@dataclass(frozen=True, slots=True)
class Standing:
    state: CacheState
    reason: str
    message: str
    stalled: bool = False
    """Somebody has to change something."""
    usable: bool = False
    look_again: float | None = None
    """In so many seconds it may stand elsewhere, though nothing else has changed."""
