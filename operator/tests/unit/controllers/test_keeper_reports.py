"""Keepers are asked over real HTTP; what they answer is a stranger's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from asking import Handler, asking, until
from jaxop.controllers.compilecache import keeper_reports
from jaxop.controllers.compilecache.keeper_reports import Address, KeeperReports
from jaxop.domain.cache.keeper_report import read_keeper_report
from jaxop.domain.cache.snapshot import Offer
from jaxop.kube.resources import Key

UID = "uid-team"
KEY = Key("CompileCache", "ml", "team")
DIGEST = "a" * 16


def a_report(**fields: Any) -> dict[str, Any]:
    return {"version": 1, "state": "Ready", "entries": 3, **fields}


@asynccontextmanager
async def a_keeper(answer: Handler) -> AsyncIterator[Address]:
    app = web.Application()
    app.router.add_get("/status", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Address("127.0.0.1", runner.addresses[0][1])
    finally:
        await runner.cleanup()


def says(body: Any) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body if isinstance(body, str) else json.dumps(body))

    return answer


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_reports, "STEADY_SECONDS", 0.02)
    monkeypatch.setattr(keeper_reports, "UNHEARD_SECONDS", 0.02)


async def test_a_report_is_heard_and_wakes_once() -> None:
    asked, woken = 0, []

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.json_response(a_report())

    reports = KeeperReports(woken.append)
    async with a_keeper(answer) as address, asking(reports):
        assert reports.follow(KEY, UID, address).unheard_since is not None
        await until(lambda: asked >= 4, "asked again and again")
        heard = reports.follow(KEY, UID, address)
    assert heard.report is not None
    assert (heard.report.entries, heard.unheard_since) == (3, None)
    assert woken == [KEY], "nothing had changed"


async def test_one_that_falls_silent_keeps_its_last_report() -> None:
    failing = False

    async def answer(_: web.Request) -> web.StreamResponse:
        if failing:
            raise web.HTTPServiceUnavailable
        return web.json_response(a_report())

    woken: list[Key] = []
    reports = KeeperReports(woken.append)
    async with a_keeper(answer) as address, asking(reports):
        reports.follow(KEY, UID, address)
        await until(lambda: len(woken) == 1, "heard")
        failing = True
        await until(lambda: len(woken) == 2, "silence is noticed")
        since = reports.follow(KEY, UID, address).unheard_since
        await asyncio.sleep(0.1)
        heard = reports.follow(KEY, UID, address)
    assert heard.report is not None
    assert heard.unheard_since == since is not None


async def test_one_that_is_gone_and_comes_again_elsewhere() -> None:
    woken: list[Key] = []
    reports = KeeperReports(woken.append)
    async with (
        a_keeper(says(a_report())) as old,
        a_keeper(says(a_report(entries=9))) as new,
        asking(reports),
    ):
        reports.follow(KEY, UID, old)
        await until(lambda: woken, "heard")
        gone = reports.follow(KEY, UID, None)
        assert gone.report is not None
        assert gone.unheard_since is not None
        assert reports.follow(KEY, UID, new).unheard_since == gone.unheard_since
        await until(lambda: len(woken) == 2, "heard at its new address")
        heard = reports.follow(KEY, UID, new)
    assert heard.report is not None
    assert heard.report.entries == 9


async def test_what_was_heard_of_a_namesake_is_forgotten() -> None:
    woken: list[Key] = []
    reports = KeeperReports(woken.append)
    async with a_keeper(says(a_report())) as address, asking(reports):
        reports.follow(KEY, UID, address)
        await until(lambda: woken, "heard")
        heard = reports.follow(KEY, "another uid", None)
    assert heard.report is None
    assert heard.unheard_since is not None


async def test_who_is_no_longer_wanted_is_forgotten() -> None:
    wanted = True
    reports = KeeperReports(lambda _: None, lambda _: wanted)
    async with a_keeper(says(a_report())) as address, asking(reports):
        reports.follow(KEY, UID, address)
        await until(lambda: reports.follow(KEY, UID, address).report, "heard")
        wanted = False
        await until(lambda: len(reports) == 0, "forgotten")


async def test_who_cannot_be_asked_is_forgotten_too_when_no_longer_wanted() -> None:
    looked = 0

    def wanted(_: Key) -> bool:
        nonlocal looked
        looked += 1
        return looked < 3

    reports = KeeperReports(lambda _: None, wanted)
    async with asking(reports):
        reports.follow(KEY, UID, None)
        await until(lambda: looked == 2, "looked after twice")
        assert len(reports) == 1
        await until(lambda: len(reports) == 0, "forgotten")


@pytest.mark.parametrize(
    "body",
    ["not JSON", "[" * 10000, " " * 300_000, [], a_report(version=2), a_report(state="Fine")],
    ids=["words", "deep", "huge", "list", "version", "state"],
)
async def test_answers_that_are_no_report(body: Any) -> None:
    asked = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return await says(body)(request)

    reports = KeeperReports(lambda _: None)
    async with a_keeper(answer) as address, asking(reports):
        reports.follow(KEY, UID, address)
        await until(lambda: asked >= 3, "asked again")
        assert reports.follow(KEY, UID, address).report is None


def test_what_makes_no_sense_is_absent() -> None:
    report = read_keeper_report(
        a_report(
            entries="many",
            bytes=-1,
            lastRefusal=7,
            namespaces=[
                {"digest": DIGEST, "entries": 2, "bytes": 1e9, "lastUsed": "now", "inUse": 1},
                {"digest": "../../etc", "entries": 2},
                "a",
            ],
            offers={
                f"{DIGEST}.team-fill0-a0-s0-0": {"published": 3, "refused": 1, "pending": 0},
                "nobody": {"published": 1},
                f"{DIGEST}.b": None,
            },
        )
    )
    assert report is not None
    assert (report.entries, report.bytes, report.last_refusal) == (0, 0, None)
    (kept,) = report.namespaces
    assert (kept.entries, kept.bytes, kept.last_used, kept.in_use) == (2, 0, None, False)
    assert report.offers == (
        Offer(DIGEST, "team-fill0-a0-s0-0", 3, 1, 0),
        Offer(DIGEST, "b", 0, 0, 0),
    )
