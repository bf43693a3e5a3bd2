"""Where things are kept: binaries by version, and one directory a cluster."""

import os
from pathlib import Path

CACHE = Path(os.environ.get("JAXOP_CACHE", Path.home() / ".cache" / "jaxop"))
BINARIES = CACHE / "bin"
CLUSTERS = CACHE / "clusters"
MODULES = Path(__file__).parent / "binaries"
"""The Go modules, one directory each: go.mod, go.sum and, for our own programs, source."""
