"""Where a pod finds the compile cache."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CacheSettings:
    """`namespace` is None without a CompileCache, `staging` None where nothing may be offered."""

    namespace: str | None
    published: Path
    staging: Path | None
    local: Path
    host: str
