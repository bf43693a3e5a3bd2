"""CompileCaches: the controller, and what it reads outside the stores.

controller      watches, observe, decide, refused
trimming        what is kept of claims and policies in memory
keeper_reports  GET /status of each keeper, every few seconds
metrics         jaxop_compile_cache_*
"""

from jaxop.controllers.compilecache.controller import CompileCacheController
from jaxop.controllers.compilecache.keeper_reports import KeeperReports

__all__ = ["CompileCacheController", "KeeperReports"]
