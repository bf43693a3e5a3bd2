"""Replicas are asked over real HTTP; what they answer is a stranger's."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from asking import asking, until
from jaxop.controllers.jaxservice import replica_reports
from jaxop.controllers.jaxservice.replica_reports import Address, ReplicaReports
from jaxop.kube.resources import Key

KEY = Key("JaxService", "ml", "minilm")


def an_answer(state: str = "Ready", ready: int = 4, **serving: Any) -> dict[str, Any]:
    said = {"model": "minilm", "version": "1", "state": state, "bucketsReady": ready}
    return {
        "version": 1,
        "attempt": 0,
        "numProcesses": 1,
        "state": "Running",
        "goodput": {"productiveSeconds": time.time()},
        "times": {"launcherStarted": time.time()},
        "serving": {**said, "bucketsTotal": 4, **serving},
    }


class Replica:
    """`asked` counts the questions; `says` is the next answer, None for an error."""

    def __init__(self, says: dict[str, Any] | None = None) -> None:
        self.says = says
        self.asked = 0
        self.address = Address("127.0.0.1", 0)

    async def answer(self, _: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.says is None:
            raise web.HTTPServiceUnavailable
        return web.Response(text=json.dumps(self.says))


@asynccontextmanager
async def running(*replicas: Replica) -> AsyncIterator[None]:
    runners = []
    for replica in replicas:
        app = web.Application()
        app.router.add_get("/status", replica.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        replica.address = Address("127.0.0.1", runner.addresses[0][1])
        runners.append(runner)
    try:
        yield
    finally:
        for runner in runners:
            await runner.cleanup()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_reports, "HURRIED_SECONDS", 0.02)
    monkeypatch.setattr(replica_reports, "STEADY_SECONDS", 0.02)
    monkeypatch.setattr(replica_reports, "FIGURES_SECONDS", 3600.0)


async def test_each_replica_is_heard_by_its_uid() -> None:
    one, other = Replica(an_answer()), Replica(an_answer("Loading", 1))
    reports = ReplicaReports(lambda _: None)
    async with running(one, other), asking(reports):
        pods = {"uid-1": one.address, "uid-2": other.address}
        reports.follow(KEY, pods, hurried=True)
        await until(lambda: all(reports.heard(uid).report for uid in pods), "both are heard")
        first, second = (reports.heard(uid).report for uid in pods)
    assert first is not None
    assert first.serving is not None
    assert (first.serving.state, first.serving.buckets_ready) == ("Ready", 4)
    assert second is not None
    assert second.serving is not None
    assert (second.serving.state, second.serving.buckets_ready) == ("Loading", 1)
    assert reports.heard("uid-of-another").report is None


async def test_at_rest_nobody_is_woken_though_clocks_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_reports, "FIGURES_SECONDS", 0.0)
    replica, woken = Replica(an_answer()), []
    reports = ReplicaReports(woken.append)
    async with running(replica), asking(reports):
        reports.follow(KEY, {"uid": replica.address}, hurried=False)
        await until(lambda: replica.asked >= 3, "asked")
        for _ in range(5):
            before = replica.asked
            replica.says = an_answer()
            await until(lambda before=before: replica.asked > before + 1, "asked again")
    assert woken == [KEY], "only by the first answer"


async def test_progress_wakes_at_once_and_figures_now_and_then() -> None:
    replica, woken = Replica(an_answer("Loading", 1)), []
    reports = ReplicaReports(woken.append)
    async with running(replica), asking(reports):
        reports.follow(KEY, {"uid": replica.address}, hurried=True)
        await until(lambda: len(woken) == 1, "heard")
        replica.says = an_answer("Loading", 2)
        await until(lambda: len(woken) == 2, "one more bucket")
        replica.says = an_answer("Ready", 4)
        await until(lambda: len(woken) == 3, "ready")
        replica.says, before = an_answer(requestsPerSecond=17.0), replica.asked
        await until(lambda: replica.asked >= before + 5, "asked again")
        heard = reports.heard("uid").report
    assert heard is not None
    assert heard.serving is not None
    assert heard.serving.requests_per_second == 17.0, "known, though nobody was told"
    assert len(woken) == 3


async def test_figures_are_told_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_reports, "FIGURES_SECONDS", 0.2)
    replica, woken = Replica(an_answer()), []
    reports = ReplicaReports(woken.append)
    async with running(replica), asking(reports):
        reports.follow(KEY, {"uid": replica.address}, hurried=False)
        await until(lambda: len(woken) == 1, "heard")
        replica.says = an_answer(requestsPerSecond=17.0)
        await until(lambda: len(woken) == 2, "told though it changed only once")


async def test_one_that_falls_silent_keeps_its_last_report() -> None:
    replica, woken = Replica(an_answer()), []
    reports = ReplicaReports(woken.append)
    async with running(replica), asking(reports):
        reports.follow(KEY, {"uid": replica.address}, hurried=False)
        await until(lambda: len(woken) == 1, "heard")
        replica.says = None
        await until(lambda: len(woken) == 2, "silence is noticed")
        heard = reports.heard("uid")
        before = replica.asked
        await until(lambda: replica.asked >= before + 3, "asked again")
        assert reports.heard("uid") == heard, "since the first question without an answer"
    assert heard.report is not None
    assert heard.unheard_since is not None


async def test_a_rollout_makes_questions_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_reports, "STEADY_SECONDS", 3600.0)
    replica = Replica(an_answer())
    reports = ReplicaReports(lambda _: None)
    async with running(replica), asking(reports):
        reports.follow(KEY, {"uid": replica.address}, hurried=False)
        await until(lambda: replica.asked == 1, "asked once")
        reports.follow(KEY, {"uid": replica.address}, hurried=True)
        await until(lambda: replica.asked >= 4, "asked often")


async def test_a_replica_that_is_gone_is_asked_no_more() -> None:
    one, other = Replica(an_answer()), Replica(an_answer())
    reports = ReplicaReports(lambda _: None)
    async with running(one, other), asking(reports):
        reports.follow(KEY, {"uid-1": one.address, "uid-2": other.address}, hurried=True)
        await until(lambda: one.asked and other.asked, "both are asked")
        reports.follow(KEY, {"uid-2": other.address}, hurried=True)
        before = one.asked
        await until(lambda: other.asked >= before + 5, "the other one is")
    assert one.asked <= before + 1, "but for a question that was on its way"
    assert reports.heard("uid-1").report is None
    assert len(reports) == 1


async def test_a_service_that_is_gone_is_forgotten() -> None:
    replica, wanted = Replica(an_answer()), True
    reports = ReplicaReports(lambda _: None, lambda _: wanted)
    async with running(replica), asking(reports):
        reports.follow(KEY, {"uid": replica.address}, hurried=True)
        await until(lambda: replica.asked, "asked")
        wanted = False
        await until(lambda: len(reports) == 0, "forgotten")


@pytest.mark.parametrize(
    "answer", ["not JSON", "[]", '{"version": 2, "attempt": 0, "numProcesses": 1}'], ids=str
)
async def test_answers_that_are_no_report(answer: str) -> None:
    class Stranger(Replica):
        async def answer(self, _: web.Request) -> web.StreamResponse:
            self.asked += 1
            return web.Response(text=answer)

    stranger = Stranger()
    reports = ReplicaReports(lambda _: None)
    async with running(stranger), asking(reports):
        reports.follow(KEY, {"uid": stranger.address}, hurried=True)
        await until(lambda: reports.heard("uid").unheard_since, "not understood")
        assert reports.heard("uid").report is None
