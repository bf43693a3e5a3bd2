"""What the JaxJob controller counts. Labels are bounded: causes, states, outcomes."""

from prometheus_client import Counter, Gauge, Histogram

RESTARTS = Counter(
    "jaxop_jaxjob_restarts_total",
    "Restarts of whole JaxJobs, by the cause of the failure before.",
    ("cause",),
)
FINISHED = Counter(
    "jaxop_jaxjob_finished_total", "JaxJobs that ended, by state: Succeeded, Failed.", ("state",)
)
STARTUP_SECONDS = Histogram(
    "jaxop_jaxjob_startup_seconds",
    "Time before the first step, by part: schedule, join, initialise, compile, first_step.",
    ("part",),
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800),
)
REPORTS = Counter(
    "jaxop_gang_reports_total",
    "Reports asked of gangs, by outcome: new, same, unreachable, unreadable.",
    ("outcome",),
)
FOLLOWED = Gauge("jaxop_gangs_followed", "Gangs that are asked for reports.")
