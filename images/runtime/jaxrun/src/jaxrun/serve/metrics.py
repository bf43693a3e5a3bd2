"""/metrics of the model server, from the counts that /status has too: the two cannot disagree.

Labels are bounded: outcomes, reasons and states are enumerations; buckets and outputs are the
model's; functions that compile after ready are at most MOST_FUNCTIONS, the rest is "other".
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from resource import getpagesize

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from jaxrun.contract import ServingState
from jaxrun.serve.buckets import Bucket
from jaxrun.serve.errors import RefusalReason
from jaxrun.serve.statistics import Loaded, state_name
from jaxrun.serve.tally import BrokenPromise, Histogram, Outcome, Tally

MOST_FUNCTIONS = 16
_STATM = Path("/proc/self/statm")


def exposition(loaded: Loaded, tally: Tally) -> tuple[str, bytes]:
    """Content type and body."""
    registry = CollectorRegistry()
    registry.register(_Page(loaded, tally))
    return CONTENT_TYPE_LATEST, generate_latest(registry)


def rss_bytes(statm: Path = _STATM) -> int | None:
    """Memory of this process that is resident; None where the system does not tell."""
    try:
        return int(statm.read_text().split()[1]) * getpagesize()
    except (OSError, ValueError, IndexError):
        return None


class _Page(Collector):
    def __init__(self, loaded: Loaded, tally: Tally) -> None:
        self._loaded, self._tally = loaded, tally

    def collect(self) -> Iterator[Metric]:
        yield from _of_requests(self._tally)
        yield from _of_batches(self._tally)
        yield from _of_defects(self._loaded, self._tally)
        yield from _now(self._loaded)


def _of_requests(tally: Tally) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "jaxrun_serve_requests", "Requests that ended, by how", labels=["outcome"]
    )
    for outcome in Outcome:
        requests.add_metric([outcome.value], tally.requests[outcome])
    yield requests
    refused = CounterMetricFamily(
        "jaxrun_serve_refused", "Requests that were not run, by why", labels=["reason"]
    )
    for reason in RefusalReason:
        refused.add_metric([reason.value], tally.refused[reason])
    yield refused
    broken = CounterMetricFamily(
        "jaxrun_serve_broken_promises",
        "Admitted requests that were not answered by their deadline",
        labels=["outcome"],
    )
    for broken_promise in BrokenPromise:
        broken.add_metric([broken_promise.value], tally.broken_promises[broken_promise])
    yield broken
    yield _histogram(
        "jaxrun_serve_latency_seconds", "From arrival to answer, of answered ones", tally.latency
    )
    yield _histogram(
        "jaxrun_serve_queue_seconds", "From arrival to the device", tally.queue_seconds
    )


def _of_batches(tally: Tally) -> Iterator[Metric]:
    for name, text, values in (
        ("batches", "Batches executed", tally.batches),
        ("rows", "Rows of requests executed", tally.rows),
        ("padding_rows", "Rows executed that were padding", tally.padding_rows),
        ("execution_seconds", "Seconds that the device was busy", tally.execution_seconds),
    ):
        yield _by_bucket(f"jaxrun_serve_{name}", text, values)


def _by_bucket(name: str, text: str, values: "Mapping[Bucket, float]") -> Metric:
    family = CounterMetricFamily(name, text, labels=["bucket"])
    for bucket, value in sorted(values.items()):
        family.add_metric([str(bucket)], value)
    return family


def _of_defects(loaded: Loaded, tally: Tally) -> Iterator[Metric]:
    compiles = CounterMetricFamily(
        "jaxrun_serve_compiles_after_ready",
        "Compilations after ready, which are defects",
        labels=["function"],
    )
    for function, count in _of_functions(loaded.compiles).items():
        compiles.add_metric([function], count)
    yield compiles
    not_finite = CounterMetricFamily(
        "jaxrun_serve_not_finite", "Answers with NaN or infinity in an output", labels=["output"]
    )
    for output, count in loaded.not_finite.items():
        not_finite.add_metric([output], count)
    yield not_finite
    yield CounterMetricFamily(
        "jaxrun_serve_out_of_memory",
        "Batches that the device had no memory for",
        value=tally.out_of_memory,
    )


def _of_functions(compiles: Mapping[tuple[str, str], int]) -> dict[str, int]:
    by_function: Counter[str] = Counter()
    for (function, _), count in compiles.items():
        by_function[function] += count
    most = dict(by_function.most_common(MOST_FUNCTIONS))
    rest = by_function.total() - sum(most.values())
    return {**most, **({"other": rest} if rest else {})}


def _now(loaded: Loaded) -> Iterator[Metric]:
    present = state_name(loaded.state)
    state = GaugeMetricFamily("jaxrun_serve_state", "1 for the present state", labels=["state"])
    for each in ServingState:
        state.add_metric([each.value], float(each is present))
    yield state
    ready, total = loaded.buckets
    for name, text, value in (
        ("queued_requests", "Requests that wait", loaded.queued),
        ("queued_bytes", "Bytes of their inputs", loaded.queued_bytes),
        ("queued_device_seconds", "Device time that they take", loaded.queued_seconds),
        ("in_flight_requests", "Requests that the device has", loaded.in_flight),
        ("buckets_ready", "Buckets that have executed", ready),
        ("buckets_total", "Buckets of the model", total),
        ("load_seconds", "Seconds that the load took", loaded.load_seconds),
        ("parameters_bytes", "The model's params on each device", loaded.parameters_bytes),
        ("rss_bytes", "Resident host memory of the server's process", rss_bytes()),
    ):
        if value is not None:
            yield GaugeMetricFamily(f"jaxrun_serve_{name}", text, value=value)


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    buckets, seen = [], 0
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        seen += count
        buckets.append((str(bound) if bound != float("inf") else "+Inf", float(seen)))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.total)
