"""What the launcher of a replica answers to GET /status -> ReplicaReport.

What runs in a pod is a stranger's: nothing here raises, and what makes no sense is absent.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from jaxop.domain.jaxjob.reading.launcher_reading import read_report
from jaxop.domain.json_values import mapping, moment, seconds, text, whole
from jaxop.domain.service.views import ReplicaReport, ServerState, ServingReport

MAX_BUCKETS: Final = 1_000_000

_STATES: Final[tuple[ServerState, ...]] = get_args(ServerState)


def read_replica_report(raw: object) -> ReplicaReport | None:
    """None where it is not an answer that this operator understands."""
    gang = read_report(raw)
    if gang is None:
        return None
    return ReplicaReport(gang, read_serving(mapping(raw).get("serving")))


def read_serving(raw: object) -> ServingReport | None:
    """contract.json, `status.serving`; None where the server has said nothing yet."""
    body = mapping(raw)
    state = next((name for name in _STATES if name == body.get("state")), None)
    if state is None:
        return None
    latency = mapping(body.get("latency"))
    total = min(_count(body, "bucketsTotal"), MAX_BUCKETS)
    return ServingReport(
        model=text(body.get("model")),
        version=text(body.get("version")),
        state=state,
        reason=text(body.get("reason")) or None,
        buckets_ready=min(_count(body, "bucketsReady"), total),
        buckets_total=total,
        seconds_left=seconds(body.get("secondsLeft")),
        load_seconds=seconds(body.get("loadSeconds")),
        ready_at=moment(body.get("readyAt")),
        requests_per_second=_number(body, "requestsPerSecond"),
        p50_seconds=seconds(latency.get("p50Seconds")),
        p95_seconds=seconds(latency.get("p95Seconds")),
        p99_seconds=seconds(latency.get("p99Seconds")),
        queued=_count(body, "queued"),
        queued_seconds=_number(body, "queuedSeconds"),
        in_flight=_count(body, "inFlight"),
        requests=_count(body, "requests"),
        refused=_count(body, "refused"),
        failed=_count(body, "failed"),
        utilization=_number(body, "utilization"),
        padding=_number(body, "padding"),
        compiles_after_ready=_count(body, "compilesAfterReady"),
        parameters_bytes=_count(body, "parametersBytes"),
    )


def _count(body: Mapping[str, Any], name: str) -> int:
    return whole(body.get(name)) or 0


def _number(body: Mapping[str, Any], name: str) -> float:
    return seconds(body.get(name)) or 0.0
