import json
import os
import time
from collections import Counter
from typing import Any

import pytest
from jaxop.api.v1alpha1 import JaxJob

from bench.operator import many, report, requests
from bench.operator.load import jaxjob
from bench.operator.measured import Measured
from bench.operator.process import machine_busy_seconds, usage
from bench.operator.watcher import Watcher

SERVED = """
apiserver_request_total{code="201",resource="jobs",subresource="",verb="POST"} 20
apiserver_request_total{code="409",resource="jobs",subresource="",verb="POST"} 1
apiserver_request_total{code="200",resource="jaxjobs",subresource="status",verb="PATCH"} 4e+01
apiserver_request_duration_seconds_count{resource="jobs",verb="POST"} 20
"""


def test_requests_are_counted_by_verb_and_resource_whatever_their_code() -> None:
    counts = requests._counts(SERVED, "apiserver_request_total", "verb", "resource", "subresource")
    assert counts == {("POST", "jobs"): 21, ("PATCH", "jaxjobs/status"): 40}


def test_reads_and_the_lease_are_no_writes() -> None:
    sent = Counter({("create", "Job"): 2, ("get", "Job"): 3, ("replace", "Lease"): 5})
    assert requests.Requests(Counter(), sent).writes == 2


def test_only_what_was_asked_since_is_counted() -> None:
    before = requests.Requests(Counter({("POST", "jobs"): 2}), Counter())
    after = requests.Requests(Counter({("POST", "jobs"): 5, ("GET", "pods"): 1}), Counter())
    assert after.since(before).served == {("POST", "jobs"): 3, ("GET", "pods"): 1}


def test_a_process_is_seen_to_work() -> None:
    before, machine = usage(os.getpid()), machine_busy_seconds()
    deadline = time.process_time() + 0.2
    while time.process_time() < deadline:
        pass
    after = usage(os.getpid())
    assert after.cpu_seconds - before.cpu_seconds >= 0.15
    assert machine_busy_seconds() - machine >= 0.15
    assert 1 < after.resident_mb <= after.peak_mb


def test_quantiles_of_one_value_are_that_value() -> None:
    assert many._quantiles("x", [2.0]) == {"x, p50, s": 2.0, "x, p99, s": 2.0}


def test_the_table_has_the_baseline_beside_what_was_measured() -> None:
    table = report.table(Measured("t", {"CPU, s": 1.234, "other": 1234.5}, {"CPU, s": "1.54"}))
    rows = [line.split() for line in table.splitlines()]
    assert ["CPU,", "s", "1.23", "1.54"] in rows
    assert ["other", "1,234", "-"] in rows


def test_what_is_applied_is_a_jaxjob() -> None:
    job = JaxJob.model_validate(jaxjob("x", hosts=16, slices=64))
    assert (job.spec.accelerator.hosts, job.spec.accelerator.slices) == (16, 64)


class TestWatcher:
    @pytest.fixture
    def watcher(self) -> Watcher:
        return Watcher(client=None)  # type: ignore[arg-type]

    def a_pod(self, index: int, ready: bool, ip: str) -> dict[str, Any]:
        labels = {
            "jaxop.dev/jaxjob": "digits",
            "jaxop.dev/attempt": "0",
            "jaxop.dev/slice": "0",
            "batch.kubernetes.io/job-completion-index": str(index),
        }
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        status = {"podIP": ip, "conditions": conditions}
        return {"metadata": {"name": f"pod-{index}", "labels": labels}, "status": status}

    def test_a_gang_has_the_address_of_process_0_and_those_who_are_ready(
        self, watcher: Watcher
    ) -> None:
        for index, ready in ((0, True), (1, False)):
            watcher._take_pod("ADDED", self.a_pod(index, ready, f"10.0.0.{index}"), 1.0)
        assert watcher.seen.gang_at("10.0.0.0") == ("digits", 0, 1)
        assert watcher.seen.gang_at("10.0.0.1") is None
        for now in (2.0, 3.0):
            watcher._take_pod("MODIFIED", self.a_pod(1, True, "10.0.0.1"), now)
        assert watcher.seen.gang_at("10.0.0.0") == ("digits", 0, 2)
        assert watcher.seen.pods_ready_at["digits"] == 2.0

    def test_a_pod_that_goes_takes_its_gang_along(self, watcher: Watcher) -> None:
        pod = self.a_pod(0, True, "10.0.0.0")
        watcher._take_pod("ADDED", pod, 1.0)
        watcher._take_pod("DELETED", pod, 2.0)
        assert watcher.seen.gang_at("10.0.0.0") is None
        assert not +watcher.seen.ready

    def test_a_status_counts_from_when_it_was_first_seen(self, watcher: Watcher) -> None:
        status = {"state": "Running", "hosts": {"summary": "2/2"}}
        job = json.loads(json.dumps({"metadata": {"name": "digits"}, "status": status}))
        watcher._take_jaxjob("ADDED", job, 1.0)
        watcher._take_jaxjob("MODIFIED", job, 5.0)
        assert watcher.seen.status_at["digits"]["Running 2/2"] == 1.0
