"""The words in a Warmup's `status.reason`."""

from typing import Final

INVALID_SPEC: Final = "InvalidSpec"
CACHE_NOT_FOUND: Final = "CompileCacheNotFound"
CACHE_NOT_USABLE: Final = "CompileCacheNotUsable"

ANOTHER_FILLS: Final = "AnotherWarmupFills"

STARTING: Final = "Starting"
"""Of Compiling: this Warmup's turn has come, and its JaxJob is not made yet."""
FILLING: Final = "Filling"
PUBLISHING: Final = "Publishing"
KEEPER_SILENT: Final = "KeeperSilent"
VERIFYING: Final = "Verifying"

VERIFIED: Final = "Verified"
FOUND_FILLED: Final = "FoundFilled"
"""Of Ready: another had compiled all of it, so the fill itself has verified that."""

COMPILED_NOT_VERIFIED: Final = "CompiledNotVerified"
"""Of Ready: the entries are there and are found again, but nothing that could load them was."""

EVICTED: Final = "Evicted"

NOTHING_COMPILED: Final = "NothingCompiled"
RUN_FAILED: Final = "RunFailed"
NOT_PUBLISHED: Final = "NotPublished"
NOT_FOUND_AGAIN: Final = "NotFoundAgain"
