"""jaxop_jaxjobs: how many there are in each state, counted in memory when somebody scrapes."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jaxop.api.v1alpha1.jaxjob_status import State
from jaxop.kube.store import Store


class JaxJobStates(Collector):
    """From the leader, and every state always, so that a rule on it never misses a series; from a
    standby nothing, so that a sum over the replicas counts no job twice."""

    def __init__(self, jaxjobs: Store, leads: Callable[[], bool]) -> None:
        self._jaxjobs = jaxjobs
        self._leads = leads

    def describe(self) -> Iterable[Metric]:
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        if not self._leads():
            return []
        states = Counter(
            (obj.get("status") or {}).get("state") or "Pending" for obj in self._jaxjobs.all()
        )
        family = self._family()
        for state in get_args(State):
            family.add_metric([state], states[state])
        return [family]

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily("jaxop_jaxjobs", "JaxJobs by state.", labels=["state"])
