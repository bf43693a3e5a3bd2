"""What the launcher has made of the compile cache so far, for /status and the last words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CacheUse:
    """Of this launcher's life; JAX's own requests and hits are the program's progress."""

    namespace: str | None = None
    problem: str | None = None
    """Why the cache is not used as it should be, as one sentence."""
    linked: int = 0
    """Published entries that the program finds in its directory."""
    refused: int = 0
    """Those that it does not, as their content is not what their name says."""
    offered: int = 0
    offered_bytes: int = 0
