"""JaxServices: the controller, and what it reads outside the stores.

controller       watches, observe, decide, refused
compiling        which services a change of a JaxRuntime, CompileCache or Warmup wakes
trimming         what is kept of revisions and budgets in memory
replica_reports  GET /status of each replica, every few seconds
metrics          jaxop_service_*
"""

from jaxop.controllers.jaxservice.controller import JaxServiceController
from jaxop.controllers.jaxservice.replica_reports import ReplicaReports

__all__ = ["JaxServiceController", "ReplicaReports"]
