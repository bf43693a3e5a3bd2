"""Process 0 says where it is; whoever is missing tries there, and believes only who proves it."""

import asyncio
import dataclasses
from typing import Any

import pytest
from test_protocol import SETTINGS, a_server, eventually, member

from jaxrun.gang import handshake, knock
from jaxrun.gang.member import GaveUpError, join
from jaxrun.gang.memory import Memory
from jaxrun.http import StatusServer
from jaxrun.settings import Settings

NOWHERE = "digits-a0-s0-0.digits-gang.invalid"


@pytest.mark.parametrize(
    ("process", "name"),
    [
        (0, "digits-a2-s0-0.digits-gang.ml.svc"),
        (3, "digits-a2-s0-3.digits-gang.ml.svc"),
        (4, "digits-a2-s1-0.digits-gang.ml.svc"),
        (7, "digits-a2-s1-3.digits-gang.ml.svc"),
    ],
)
def test_names_of_pods_follow_from_that_of_process_0(process: int, name: str) -> None:
    settings = dataclasses.replace(
        SETTINGS,
        gang_address="digits-a2-s0-0.digits-gang.ml.svc",
        hosts_per_slice=4,
        num_processes=8,
    )
    assert knock.address_of(settings, process) == name


def test_an_address_that_is_no_pods_name_is_no_pattern() -> None:
    assert knock.address_of(SETTINGS, 1) is None


async def test_who_is_missing_is_knocked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knock, "_AFTER_SECONDS", (0.0, 0.05, 0.05))
    knocks: list[str] = []

    def no_status() -> Any:
        raise AssertionError

    http = StatusServer(0, no_status, knocks.append)
    await http.start()
    settings = dataclasses.replace(SETTINGS, http_port=http.port, num_processes=3)
    asked: list[int] = []

    def address(_: Settings, process: int) -> str:
        asked.append(process)
        return "127.0.0.1" if process == 1 else NOWHERE

    await knock.knock_at_missing(settings, lambda: (1, 2) if not knocks else (), address)
    assert knocks == ["127.0.0.1"]
    assert sorted(asked) == [1, 2]
    http.close()


async def test_a_knock_leads_where_the_name_does_not() -> None:
    async with a_server() as (server, port):
        knocks: asyncio.Queue[str] = asyncio.Queue()
        joining = asyncio.create_task(join(member(1), NOWHERE, port, Memory(), knocks))
        knocks.put_nowait("127.0.0.2")
        connection = await asyncio.wait_for(joining, 60)
        assert connection.server_address == "127.0.0.2"
        await eventually(lambda: server.gang.joined == 1)
        await connection.close()


async def test_what_a_stranger_passes_on_is_not_taken() -> None:
    """One that knocks, and stands between the two sides with what both say."""
    async with a_server() as (server, _):
        here = await asyncio.start_server(server._serve, "127.0.0.1", 0)
        port = here.sockets[0].getsockname()[1]

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(await other_reader.readline())
            other_writer.write(await reader.readline())
            writer.write(await other_reader.readline())
            await writer.drain()
            writer.close()
            other_writer.close()

        between = await asyncio.start_server(relay, "127.0.0.2", port)
        knocks: asyncio.Queue[str] = asyncio.Queue()
        knocks.put_nowait("127.0.0.2")
        joining = asyncio.create_task(join(member(1), NOWHERE, port, Memory(), knocks))
        await eventually(lambda: server.refusals == 1)
        done, _ = await asyncio.wait({joining}, timeout=0.5)
        assert not done
        assert server.gang.joined == 0
        joining.cancel()
        await asyncio.wait({joining})
        between.close()
        here.close()


def test_the_way_is_part_of_the_proof() -> None:
    asked = handshake.challenge()
    said = handshake.hello(member(1), asked, Memory(), via="127.0.0.2")
    assert handshake.refusal(SETTINGS, asked, said, "127.0.0.2") is None
    there = handshake.refusal(SETTINGS, asked, said, "127.0.0.1")
    assert there is not None
    assert there.retry
    forged = dataclasses.replace(said, via="127.0.0.1")
    refused = handshake.refusal(SETTINGS, asked, forged, "127.0.0.1")
    assert refused is not None
    assert not refused.retry


async def test_patience_has_an_end() -> None:
    with pytest.raises(GaveUpError, match="nobody answered as process 0"):
        await asyncio.wait_for(join(member(1), NOWHERE, 1, patience=0.3), 60)
