"""What the core measures about itself. Labels are bounded: kinds, verbs, codes, controllers."""

from prometheus_client import Counter, Gauge, Histogram

API_REQUESTS = Counter(
    "jaxop_api_requests_total",
    "Requests to the API server; code 0 is a request that got no answer.",
    ("verb", "kind", "code"),
)
WATCH_RESTARTS = Counter(
    "jaxop_watch_restarts_total",
    "Watches that ended before their time, by reason: relist, disconnected, malformed.",
    ("kind", "reason"),
)
STORE_OBJECTS = Gauge("jaxop_store_objects", "Objects held in memory.", ("kind",))
QUEUE_DEPTH = Gauge("jaxop_workqueue_depth", "Keys that wait for a worker.")
QUEUE_SECONDS = Histogram(
    "jaxop_workqueue_wait_seconds",
    "Time that a key waited for a worker.",
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 5, 10, 60),
)
RECONCILE_SECONDS = Histogram(
    "jaxop_reconcile_seconds",
    "Time of one pass, by result: unchanged, written, refused, superseded, failed.",
    ("controller", "result"),
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)
LEADER = Gauge("jaxop_leader", "1 while this process holds the Lease.")
