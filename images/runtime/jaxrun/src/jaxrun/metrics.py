"""/metrics from a Status: nothing is counted twice, so nothing can disagree with /status."""

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jaxrun.contract import GangState
from jaxrun.status import Status


def exposition(status: Status) -> tuple[str, bytes]:
    """Content type and body; labels are bounded: states and parts of time by the contract, at most
    32 reported names and 16 functions."""
    registry = CollectorRegistry()
    registry.register(_FromStatus(status))
    return CONTENT_TYPE_LATEST, generate_latest(registry)


class _FromStatus(Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        yield from _of_the_gang(status)
        yield from _gauges(status)
        yield from _counters(status)
        yield from _of_compilation(status)


def _of_the_gang(status: Status) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "jaxrun_gang_state", "1 for the gang's present state", labels=["state"]
    )
    for each in GangState:
        state.add_metric([each.value], float(each is status.view.state))
    yield state
    goodput = GaugeMetricFamily(
        "jaxrun_goodput_seconds",
        "What the gang's time went into since its launcher 0 started",
        labels=["part"],
    )
    for part, seconds in status.goodput.items():
        goodput.add_metric([part.removesuffix("Seconds")], seconds)
    yield goodput
    phases = GaugeMetricFamily(
        "jaxrun_phase_timestamp_seconds", "When the gang got there", labels=["phase"]
    )
    for phase, at in status.times.items():
        if at is not None:
            phases.add_metric([phase], at)
    yield phases


def _gauges(status: Status) -> Iterator[Metric]:
    reported = GaugeMetricFamily(
        "jaxrun_reported", "Latest numbers given to jaxrun.report", labels=["name"]
    )
    for name, value in status.progress.metrics.items():
        reported.add_metric([name], value)
    yield reported
    first = status.first_step.seconds if status.first_step is not None else None
    for name, text, number in (
        ("gang_processes", "Processes of the gang", status.settings.num_processes),
        ("gang_joined", "Launchers connected to the gang", status.view.joined),
        ("epoch", "Epoch of the gang, from 1; 0 before the first", status.epoch),
        ("process_id", "This process's id", status.settings.process_id),
        ("step", "Latest step given to jaxrun.report", status.step),
        ("checkpoint_step", "Latest step given to checkpointed", status.checkpoint_step),
        ("step_seconds", "Seconds per step between the latest reports", status.step_seconds),
        ("first_step_seconds", "From the program's spawn to the end of its first step", first),
    ):
        if number is not None:
            yield GaugeMetricFamily(f"jaxrun_{name}", text, value=number)


def _counters(status: Status) -> Iterator[Metric]:
    progress = status.progress
    for name, text, number in (
        ("restarts", "Restarts in place", max(status.epoch - 1, 0)),
        ("compiles", "XLA compilations, cache hits included", progress.compile_count),
        ("compile_seconds", "Seconds spent in them", progress.compile_seconds),
        ("data_seconds", "Seconds that the program waited for data", progress.data_seconds),
        (
            "checkpoint_seconds",
            "Seconds that checkpoints held the program up",
            progress.checkpoint_seconds,
        ),
    ):
        yield CounterMetricFamily(f"jaxrun_{name}", text, value=number)


def _of_compilation(status: Status) -> Iterator[Metric]:
    progress, told = status.progress, status.progress.compiled
    for name, text, number in (
        ("cache_requests", "Compilations that asked JAX's cache", progress.cache_requests),
        ("cache_hits", "Those that it answered", progress.cache_hits),
        ("cache_written", "Entries written to it", progress.cache_misses),
        ("cache_read_errors", "Entries that could not be read", told.read_errors),
        (
            "cache_never_kept",
            "Compilations of functions that call back into Python",
            told.never_kept,
        ),
        ("cache_retrieval_seconds", "Seconds that reading hits took", told.retrieval_seconds),
        ("cache_saved_seconds", "Seconds that compiling them had taken", told.saved_seconds),
        (
            "compiles_after_first_step",
            "Functions compiled again after the first step",
            told.recompilations,
        ),
    ):
        yield CounterMetricFamily(f"jaxrun_{name}", text, value=number)
    functions = CounterMetricFamily(
        "jaxrun_compile_function_seconds",
        "Seconds spent compiling the functions that took longest",
        labels=["function"],
    )
    for function in told.functions:
        functions.add_metric([function.name], function.seconds)
    yield functions
