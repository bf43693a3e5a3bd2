"""Asking launchers how it goes: real HTTP on loopback, from answers good and bad."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from asking import Handler, asking, until
from jaxop.controllers import status_turns
from jaxop.controllers.jaxjob import gang_reports
from jaxop.controllers.jaxjob.gang_reports import Address, GangReports
from jaxop.kube.resources import Key

KEY = Key("JaxJob", "ml", "digits")


def a_report(**fields: Any) -> dict[str, Any]:
    return {"version": 1, "attempt": 0, "epoch": 1, "numProcesses": 2, "state": "Running", **fields}


def says(body: dict[str, Any]) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    return answer


class Woken:
    """Who was woken, in order."""

    def __init__(self) -> None:
        self.keys: list[Key] = []

    def __call__(self, key: Key) -> None:
        self.keys.append(key)


@asynccontextmanager
async def a_launcher(answer: Handler) -> AsyncIterator[Address]:
    app = web.Application()
    app.router.add_get("/status", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Address("127.0.0.1", attempt=0, port=runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gang_reports, "STARTING_SECONDS", 0.02)
    monkeypatch.setattr(gang_reports, "RUNNING_SECONDS", 0.02)
    monkeypatch.setattr(status_turns, "TIMEOUT", aiohttp.ClientTimeout(total=3600))


async def test_a_report_is_heard_and_wakes_the_job_once() -> None:
    asked = 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        exact = 1.8e9 + asked * 1e-5  # as exact as two clocks are
        return web.json_response(a_report(step=7, times={"launcherStarted": exact}))

    woken = Woken()
    reports = GangReports(woken)
    async with a_launcher(answer) as address, asking(reports):
        reports.follow(KEY, address)
        await until(lambda: asked >= 4, "asked again and again")
    heard = reports.heard(KEY)
    assert heard.report is not None
    assert (heard.report.state, heard.report.step) == ("Running", 7)
    assert woken.keys == [KEY], "nothing had changed"


async def test_what_changes_wakes_again() -> None:
    body = a_report(state="Joining", missing=[1])
    woken = Woken()
    reports = GangReports(woken)
    async with a_launcher(says(body)) as address, asking(reports):
        reports.follow(KEY, address)
        await until(lambda: len(woken.keys) == 1, "joining")
        body.update(state="Starting", missing=[])
        await until(lambda: len(woken.keys) == 2, "starting")


async def test_a_gang_that_is_being_stopped_is_asked_at_once_and_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gang_reports, "RUNNING_SECONDS", 3600.0)
    body, asked = a_report(), 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.json_response(body)

    def said() -> str | None:
        report = reports.heard(KEY).report
        return report.state if report is not None else None

    reports = GangReports(Woken())
    async with a_launcher(answer) as address, asking(reports):
        reports.follow(KEY, address)
        await until(lambda: said() == "Running", "runs")
        reports.being_stopped(KEY, True)
        await until(lambda: asked >= 2, "asked again, though nothing is due for an hour")
        body.update(state="Checkpointing")
        await until(lambda: said() == "Checkpointing", "asked again and again")
        reports.being_stopped(KEY, False)
        body.update(state="Running")
        await until(lambda: said() == "Running", "the last turn of those that follow closely")
        so_far = asked
        await asyncio.sleep(0.2)
    assert asked <= so_far + 1, "one chain of questions, and the next is due in an hour"


async def test_a_pod_that_cannot_be_reached_is_silent_since_the_first_question() -> None:
    woken = Woken()
    reports = GangReports(woken)
    async with asking(reports):
        reports.follow(KEY, Address("127.0.0.1", attempt=0, port=1))
        await until(lambda: reports.heard(KEY).silent_since, "silence is noticed")
        since = reports.heard(KEY).silent_since
        await asyncio.sleep(0.2)
    assert reports.heard(KEY).silent_since == since
    assert reports.heard(KEY).report is None
    assert len(woken.keys) == 1


async def test_a_pod_that_falls_silent_keeps_its_last_report() -> None:
    failing = False

    async def answer(_: web.Request) -> web.StreamResponse:
        if failing:
            raise web.HTTPServiceUnavailable
        return web.json_response(a_report(step=3))

    reports = GangReports(Woken())
    async with a_launcher(answer) as address, asking(reports):
        reports.follow(KEY, address)
        await until(lambda: reports.heard(KEY).report, "a report")
        failing = True
        await asyncio.sleep(0.2)
    heard = reports.heard(KEY)
    assert heard.report is not None
    assert heard.silent_since is None


async def _huge(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def _redirect(request: web.Request) -> web.StreamResponse:
    if request.query:
        return web.json_response(a_report())
    raise web.HTTPFound("/status?elsewhere")


def _text(text: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        _huge,
        _redirect,
        _text("not JSON"),
        _text("[" * 10000),
        _text(json.dumps(a_report(version=2))),
        _text(json.dumps(a_report(state="Dancing"))),
        _text(json.dumps(a_report(attempt=3))),
        _text(json.dumps([])),
    ],
    ids=["huge", "redirect", "words", "deep", "version", "state", "attempt", "list"],
)
async def test_answers_that_are_no_report(answer: Handler) -> None:
    reports = GangReports(Woken())
    async with a_launcher(answer) as address, asking(reports):
        reports.follow(KEY, address)
        await until(lambda: reports.heard(KEY).silent_since, "it counts as silence")
    assert reports.heard(KEY).report is None


async def test_one_slow_pod_holds_up_nobody() -> None:
    async def sleep(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    other = Key("JaxJob", "ml", "other")
    reports = GangReports(Woken())
    async with a_launcher(sleep) as slow, a_launcher(says(a_report())) as fast, asking(reports):
        reports.follow(KEY, slow)
        reports.follow(other, fast)
        await until(lambda: reports.heard(other).report, "the fast one is heard")
        assert reports.heard(KEY).report is None


async def test_who_is_no_longer_wanted_is_forgotten() -> None:
    wanted = True
    reports = GangReports(Woken(), lambda _: wanted)
    async with a_launcher(says(a_report())) as address, asking(reports):
        reports.follow(KEY, address)
        await until(lambda: reports.heard(KEY).report, "a report")
        wanted = False
        await until(lambda: len(reports) == 0, "forgotten")


async def test_another_address_is_another_gang() -> None:
    reports = GangReports(Woken())
    async with a_launcher(says(a_report())) as address, asking(reports):
        reports.follow(KEY, address)
        await until(lambda: reports.heard(KEY).report, "a report")
        reports.follow(KEY, address)
        assert reports.heard(KEY).report, "the same address: nothing changes"
        reports.follow(KEY, Address("127.0.0.1", attempt=1, port=1))
        assert reports.heard(KEY).report is None


async def test_a_namesake_is_not_spoken_for_by_its_predecessor() -> None:
    reports = GangReports(Woken())
    async with a_launcher(says(a_report())) as address, asking(reports):
        reports.follow(KEY, replace(address, jaxjob="old"))
        await until(lambda: reports.heard(KEY).report, "a report")
        reports.unfollow_namesakes(KEY, "old")
        assert reports.heard(KEY).report
        reports.unfollow_namesakes(KEY, "new")
        assert reports.heard(KEY).report is None


def test_addresses() -> None:
    assert Address("10.0.0.7", 0).url == "http://10.0.0.7:9431/status"
    assert Address("fd00::7", 0).url == "http://[fd00::7]:9431/status"


async def test_those_who_start_do_not_wait_because_many_others_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gang_reports, "STARTING_PER_SECOND", 1.0)
    asked = 0

    async def joining(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.json_response(a_report(state="Joining"))

    reports = GangReports(Woken())
    async with (
        a_launcher(says(a_report())) as running,
        a_launcher(joining) as address,
        asking(reports),
    ):
        others = [Key("JaxJob", "ml", f"other-{number}") for number in range(50)]
        for key in others:
            reports.follow(key, running)
        await until(lambda: all(reports.heard(key).report for key in others), "others run")
        reports.follow(KEY, address)
        await until(lambda: asked >= 3, "asked again, a second apart")


async def test_a_gang_that_moved_is_asked_at_its_new_address_only() -> None:
    asked = {"old": 0, "new": 0}

    def counting(which: str) -> Handler:
        async def answer(_: web.Request) -> web.StreamResponse:
            asked[which] += 1
            return web.json_response(a_report())

        return answer

    reports = GangReports(Woken())
    async with (
        a_launcher(counting("old")) as old,
        a_launcher(counting("new")) as new,
        asking(reports),
    ):
        reports.follow(KEY, old)
        await until(lambda: asked["old"] >= 2, "asked at the old address")
        reports.follow(KEY, new)
        before = asked["old"]
        await until(lambda: asked["new"] >= 5, "asked at the new address")
    assert asked["old"] <= before + 1, "one question may have been on its way"
