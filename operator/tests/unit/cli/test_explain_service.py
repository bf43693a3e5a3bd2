"""What `jaxop explain jaxservice` prints: the story, each replica, and what to do next."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click
from jaxop.api.v1alpha1 import JaxService
from jaxop.api.v1alpha1.cause import Cause
from jaxop.api.v1alpha1.jaxservice_status import ServiceState
from jaxop.cli.explain_service import explain_service, service_is_in_trouble
from jaxop.cli.fetch import EventLine
from jaxop.cli.fetch_service import KnownService
from jaxop.cli.service_advice import FOR_REASON, service_advice
from jaxop.domain.jaxjob.views import ContainerEnd, ContainerWaiting, PodView
from jaxop.domain.service import reasons
from jaxop.domain.service.views import ReplicaPodView, RevisionView, ServingReport

STATUS_PAGE = Path(__file__).parents[4] / "docs" / "service-status.md"
NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)


def at(clock: str) -> str:
    return f"2026-11-21T{clock}.000000Z"


def a_service(**status: Any) -> JaxService:
    return JaxService.model_validate(
        {
            "metadata": {"name": "minilm", "namespace": "ml", "uid": "u"},
            "spec": {
                "accelerator": {"class": "cpu", "hosts": 1},
                "model": {"entry": "minilm.serving:model"},
                "slo": {"latency": {"p95Milliseconds": 50}},
            },
            "status": status,
        }
    )


def a_revision(number: int, name: str, entry: str = "minilm.serving:model") -> RevisionView:
    containers = [{"name": "jax", "image": f"team/minilm:{number}"}]
    spec = {"model": {"entry": entry}, "template": {"spec": {"containers": containers}}}
    return RevisionView(f"minilm-{name}", f"u-{name}", name, number, {"spec": spec})


def a_pod(name: str, revision: str, ready: bool = True, **told: Any) -> ReplicaPodView:
    view = {name: told.pop(name) for name in ("restarts", "last_end") if name in told}
    facts = {"phase": "Running", "ready": ready, "node": "node-1", "ip": "10.0.0.1", **told}
    return ReplicaPodView(PodView(name, f"u-{name}", 0, 0, 0, **facts), revision, **view)


READY = a_service(
    state="Ready",
    reason="AllReplicasReady",
    message="all 2 replicas are ready",
    url="http://minilm.ml.svc",
    accelerator="cpu 1",
    ready="2/2",
    currentRevision="aaaa",
    updatedRevision="aaaa",
    revisions=[{"name": "aaaa", "number": 1, "replicas": 2, "ready": 2}],
    buckets={"ready": 12, "total": 12, "summary": "12/12"},
    latency={"p50Milliseconds": 8.0, "p95Milliseconds": 61.25, "p99Milliseconds": 90.0},
    requestsPerSecond=17.5,
    cacheHit="24/24",
    compilesAfterReady=1,
    stateSince=at("12:00:00"),
)
STOPPED = a_service(
    state="RolloutStopped",
    reason="ProgressDeadlineExceeded",
    message="revision bbbb did not become ready within 600 s; aaaa goes on serving",
    ready="2/2",
    currentRevision="aaaa",
    updatedRevision="bbbb",
    revisions=[
        {"name": "bbbb", "number": 2, "replicas": 1, "ready": 0},
        {"name": "aaaa", "number": 1, "replicas": 2, "ready": 2},
    ],
    stateSince=at("12:09:00"),
    rollout={
        "strategy": "RollingUpdate",
        "revision": "bbbb",
        "step": "1 of 2 replicas of bbbb are made, none is ready",
        "since": at("11:59:00"),
        "stopped": "the program exited with code 1 three times",
    },
    conditions=[
        {
            "type": "Stalled",
            "status": "True",
            "reason": "ProgressDeadlineExceeded",
            "lastTransitionTime": "2026-11-21T12:09:00Z",
        }
    ],
)


def lines(known: KnownService, width: int = 120) -> list[str]:
    return [click.unstyle(line) for line in explain_service(known, NOW, width)]


def text(known: KnownService) -> str:
    return "\n".join(lines(known))


def test_one_that_serves() -> None:
    said = {"minilm-1": ServingReport("minilm", "1", "Ready", None, 12, 12)}
    pods = (a_pod("minilm-1", "aaaa"), a_pod("minilm-2", "aaaa"))
    told = lines(KnownService(READY, (a_revision(1, "aaaa"),), pods, said))
    assert told[0] == (
        "ml/minilm  Ready  cpu 1, 2/2 replicas ready, buckets 12/12, http://minilm.ml.svc"
    )
    assert told[1:3] == ["  AllReplicasReady: all 2 replicas are ready", "  for 10m00s"]
    assert "  minilm-1  aaaa      ready      node-1               buckets 12/12" in told
    assert "  minilm-2  aaaa      ready      node-1" in told, "it was not asked"
    assert "  p50 8.0 ms, p95 61.2 ms, p99 90.0 ms (the slowest replica's)" in told
    assert "  slower than the 50 ms that spec.slo promises" in told
    assert "  17.5 per second" in told
    assert any("1 compilation after replicas were ready" in line for line in told)
    assert not service_is_in_trouble(READY.status)
    assert not any("Rollout" in line for line in told)


def test_a_rollout_that_stopped() -> None:
    known = KnownService(
        STOPPED,
        (a_revision(1, "aaaa"), a_revision(2, "bbbb", "minilm.better:model")),
        (
            a_pod("minilm-old", "aaaa"),
            a_pod(
                "minilm-new",
                "bbbb",
                ready=False,
                restarts=3,
                last_end=ContainerEnd("jax", 1),
                waiting=(ContainerWaiting("jax", "i", "CrashLoopBackOff"),),
            ),
        ),
        events=(EventLine("2026-11-21T12:09:00Z", "Warning", "RolloutStopped", "it stopped", 1),),
    )
    told = lines(known)
    assert "Rollout to revision 2 (bbbb), RollingUpdate" in told
    assert "  It has stopped: the program exited with code 1 three times" in told
    assert "     jaxop rollback jaxservice minilm -n ml" in told
    assert (
        "     2  bbbb      0/1 ready   wanted           minilm.better:model  team/minilm:2" in told
    )
    assert (
        "     1  aaaa      2/2 ready   serving          minilm.serving:model  team/minilm:1" in told
    )
    (new,) = (line for line in told if line.startswith("  minilm-new"))
    assert new.endswith("3 restarts, jax: CrashLoopBackOff")
    assert any("RolloutStopped: it stopped" in line for line in told)
    assert service_is_in_trouble(STOPPED.status)


def test_a_replica_that_loads() -> None:
    said = {"minilm-1": ServingReport("minilm", "1", "Loading", None, 7, 12)}
    pods = (a_pod("minilm-1", "aaaa", ready=False),)
    (line,) = (
        line for line in lines(KnownService(READY, (), pods, said)) if line.startswith("  minilm-1")
    )
    assert line.endswith("buckets 7/12, Loading")


def test_time_without_any_replica_is_told() -> None:
    rollout = {
        "strategy": "Recreate",
        "revision": "bbbb",
        "step": "the replicas of bbbb load",
        "since": at("12:08:00"),
        "unservedSince": at("12:09:00"),
        "progressSince": at("12:09:30"),
        "deadlineSeconds": 600,
    }
    told = text(KnownService(a_service(state="RollingOut", rollout=rollout)))
    assert "no replica of any revision has served for 1m00s" in told
    assert "the next replica has 9m30s left to become ready" in told


def test_one_that_nobody_has_looked_at() -> None:
    told = lines(KnownService(a_service()))
    assert told == ["ml/minilm  Pending", "  The operator has not looked at it yet: does it run?"]


def test_of_many_pods_those_in_trouble_are_shown() -> None:
    pods = tuple(a_pod(f"minilm-{n:02}", "aaaa") for n in range(40))
    held = a_pod("minilm-held", "aaaa", ready=False, node="", unschedulable="no node")
    told = text(KnownService(READY, (), (*pods, held)))
    assert "minilm-held" in told
    assert "and 25 more" in told


class TestThePage:
    """docs/service-status.md and the advice know every state and reason."""

    def table(self, heading: str) -> set[str]:
        rows = STATUS_PAGE.read_text().split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
        first = re.findall(r"^\| (`.*?`) \|", rows, re.MULTILINE)
        return {name for cell in first for name in re.findall(r"`(\w+)`", cell)}

    def test_states(self) -> None:
        assert self.table("state") == set(get_args(ServiceState))

    def test_reasons(self) -> None:
        known = {value for name, value in vars(reasons).items() if name.isupper()}
        assert self.table("reason") == set(FOR_REASON)
        assert known <= set(FOR_REASON)

    def test_every_advice_is_a_sentence(self) -> None:
        for reason in (*FOR_REASON, *get_args(Cause)):
            told = service_advice(reason, name="minilm", namespace="ml")
            assert "{" not in told, reason
