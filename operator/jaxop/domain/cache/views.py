"""What a keeper says, as far as decisions rest on it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """What became of the entries that one pod has offered; known by `<digest>.<host>`."""

    published: int = 0
    """Entries that all others can read now, those that were there already included."""
    refused: int = 0
    pending: int = 0
    """Not looked at yet."""

    @property
    def seen(self) -> int:
        return self.published + self.refused
