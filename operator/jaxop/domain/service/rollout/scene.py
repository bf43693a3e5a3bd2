"""What a strategy sees, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Count:
    """Replicas of one revision."""

    revision: str
    desired: int = 0
    """That there are to be, as was last written."""
    existing: int = 0
    """That are there, those that end included."""
    ready: int = 0
    """That serve."""

    @property
    def counted(self) -> int:
        """Ready replicas that stay: what is beyond `desired` is about to go."""
        return min(self.ready, self.desired)

    @property
    def gone(self) -> bool:
        return self.desired == 0 and self.existing == 0


@dataclass(frozen=True, slots=True)
class Limits:
    wanted: int
    """Replicas of the service."""
    surge: int = 1
    """Beyond those, that there may be."""
    unavailable: int = 0
    """Fewer than those, that may be ready."""


@dataclass(frozen=True, slots=True)
class Scene:
    target: Count
    """The revision that is to have all replicas."""
    others: tuple[Count, ...]
    """Those that are to have none; the ones to keep longest come last."""
    limits: Limits
    keep: Mapping[str, int]
    """Replicas that some of the others keep for people to look at, as far as there is room."""


@dataclass(frozen=True, slots=True)
class Step:
    replicas: Mapping[str, int]
    """By revision, of the target and of all others."""
    message: str
    """What happens, as a sentence."""
