"""JaxJobs: the controller, and what it reads or makes outside the stores.

controller     watches, observe, decide, refused
compiling      which jobs a change of a JaxRuntime, CompileCache or Warmup wakes
gang_reports   GET /status of process 0's launcher, now and then
gang_tokens    one Secret in each namespace that has JaxJobs
job_templates  Jobs in full, only while one of their pods may need a successor
kueue_objects  Kueue's Workloads and flavours, where the API server has them
metrics        jaxop_jaxjob_*
"""

from jaxop.controllers.jaxjob.controller import JaxJobController
from jaxop.controllers.jaxjob.gang_reports import GangReports
from jaxop.controllers.jaxjob.gang_tokens import GangTokens
from jaxop.controllers.jaxjob.job_templates import JobTemplates
from jaxop.controllers.jaxjob.kueue_objects import KueueObjects

__all__ = [
    "GangReports",
    "GangTokens",
    "JaxJobController",
    "JobTemplates",
    "KueueObjects",
]
