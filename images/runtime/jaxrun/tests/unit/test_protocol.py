"""The gang's server against whoever finds its port, and members against whoever answers."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports import free_ports

from jaxrun.compiled import Compiled
from jaxrun.evidence import Death, ExceptionReport, How, MemoryEvidence, Verdict
from jaxrun.gang import handshake, protocol
from jaxrun.gang.member import Connection, ConnectionLostError, RefusedError, join
from jaxrun.gang.memory import Memory
from jaxrun.gang.protocol import Challenge, Died, End, GangView, Hello, Refused, Start
from jaxrun.gang.server import GangServer
from jaxrun.gang.wire import WireError
from jaxrun.program_progress import Progress
from jaxrun.settings import Settings, Timing

TIMING = Timing(heartbeat_interval=0.1, heartbeat_timeout=60)
SETTINGS = Settings(
    job="ml/digits",
    attempt=0,
    process_id=0,
    num_processes=2,
    gang_address="127.0.0.1",
    token="secret",
    host="digits-a0-s0-0",
    gang_port=0,  # any
    timing=TIMING,
)


def member(process: int = 1, **changes: object) -> Settings:
    return dataclasses.replace(SETTINGS, process_id=process, host=f"pod-{process}", **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def a_server(settings: Settings = SETTINGS) -> AsyncIterator[tuple[GangServer, int]]:
    server = GangServer(settings)
    port = await server.start()
    yield server, port
    await server.disperse(0)


async def eventually(condition: object, seconds: float = 60.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():  # type: ignore[operator]
        assert asyncio.get_running_loop().time() < deadline, "never came true"
        await asyncio.sleep(0.01)


async def the_next(connection: Connection, kind: type) -> object:
    async def found() -> object:
        while not isinstance(message := await connection.receive(), kind):
            continue
        return message

    return await asyncio.wait_for(found(), 60)


@pytest.mark.parametrize(
    "message",
    [
        Start(3, 9442),
        GangView(protocol.GangState.JOINING, 1, (0, 2)),
        End(Verdict(None, 0, "all 2 processes finished", 1, step=3)),
    ],
)
def test_what_the_server_says_arrives_unchanged(message: protocol.FromServer) -> None:
    assert protocol.decode_from_server(protocol.encode(message)) == message


def test_evidence_arrives_unchanged() -> None:
    death = Death(
        1,
        "h",
        How.RAISED,
        exit_code=1,
        exception=ExceptionReport("ValueError", "ü\n\x00", bases=("ValueError", "Exception")),
        memory=MemoryEvidence(1, None, 2),
        step=7,
    )
    assert protocol.decode_from_member(protocol.encode(Died(1, death))) == Died(1, death)


def test_what_only_its_own_launcher_tells_is_not_sent() -> None:
    line = protocol.encode(Progress(1, compiled=Compiled(recompilations=3, recompiled="f: x" * 99)))
    assert protocol.decode_from_member(line) == Progress(1)


def test_numbers_that_json_cannot_hold() -> None:
    line = protocol.encode(Progress(1, metrics={"loss": float("nan"), "x": 1.5}))
    assert b"NaN" not in line
    decoded = protocol.decode_from_member(line)
    assert isinstance(decoded, Progress)
    assert str(decoded.metrics["loss"]) == "nan"
    assert decoded.metrics["x"] == 1.5


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_happens(line: bytes) -> None:
    for decode in (protocol.decode_from_member, protocol.decode_from_server):
        with pytest.raises(WireError):
            decode(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = sorted(
    {f.name for kind in protocol._FROM_MEMBER.values() for f in dataclasses.fields(kind)}
)


@given(
    st.sampled_from(sorted(protocol._FROM_MEMBER)),
    st.dictionaries(st.sampled_from(FIELDS), json_values),
)
def test_wrong_fields_are_refused_or_well_typed(tag: str, fields: dict[str, object]) -> None:
    line = json.dumps({"type": tag, **fields}).encode()
    try:
        message = protocol.decode_from_member(line)
    except WireError:
        return
    assert protocol.decode_from_member(protocol.encode(message)) is not None


async def test_members_join_and_are_started_together() -> None:
    async with a_server() as (server, port):
        first = await join(member(1), "127.0.0.1", port)
        await eventually(lambda: server.gang.joined == 1)
        assert server.gang.missing == (0,)
        second = await join(member(0), "127.0.0.1", port)
        starts = [await the_next(c, Start) for c in (first, second)]
        assert starts[0] == starts[1]
        for connection in (first, second):
            await connection.close()


async def test_a_member_may_come_before_the_server() -> None:
    (port,) = free_ports(1)
    server = GangServer(dataclasses.replace(SETTINGS, gang_port=port))
    joining = asyncio.create_task(join(member(1), "127.0.0.1", port))
    done, _ = await asyncio.wait([joining], timeout=0.3)
    assert not done
    await server.start()
    await (await asyncio.wait_for(joining, 60)).close()
    await server.disperse(0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"token": "another"}, "wrong token"),
        ({"token": ""}, "wrong token"),
        ({"job": "ml/other"}, "wrong job: ml/other, and this gang's is ml/digits"),
        ({"attempt": 1}, "wrong attempt: 1, and this gang's is 0"),
        ({"num_processes": 3}, "wrong number of processes"),
        ({"process_id": 2}, "process 2 of a gang of 2"),
        ({"process_id": -1}, "process -1 of a gang of 2"),
    ],
)
async def test_strangers_are_refused_with_the_reason(
    changes: dict[str, object], reason: str
) -> None:
    async with a_server() as (server, port):
        with pytest.raises(RefusedError, match=reason):
            await join(dataclasses.replace(member(1), **changes), "127.0.0.1", port)  # type: ignore[arg-type]
        assert server.gang.joined == 0
        assert server.refusals == 1


async def test_a_second_process_of_the_same_id_waits_until_the_first_is_gone() -> None:
    async with a_server() as (server, port):
        first = await join(member(1), "127.0.0.1", port)
        second = asyncio.create_task(join(member(1), "127.0.0.1", port))
        await eventually(lambda: server.refusals >= 1)
        assert not second.done()
        await first.close()
        await (await asyncio.wait_for(second, 60)).close()


async def test_the_token_never_crosses_the_wire_and_a_recorded_handshake_is_worth_nothing() -> None:
    async with a_server() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        challenge = protocol.decode_from_server(await reader.readline())
        assert isinstance(challenge, Challenge)
        line = protocol.encode(handshake.hello(member(1), challenge, Memory()))
        assert b"secret" not in line
        writer.write(line)
        assert b"Welcome" in await reader.readline()
        writer.close()
        await eventually(lambda: server.gang.joined == 0)

        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(line)
        answer = protocol.decode_from_server(await reader.readline())
        assert isinstance(answer, Refused)
        assert "token" in answer.reason
        writer.close()


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Hello) if f.name != "proof"])
def test_no_field_of_a_handshake_can_be_changed_on_the_way(field: str) -> None:
    challenge = handshake.challenge()
    said = handshake.hello(member(1), challenge, Memory())
    assert handshake.refusal(SETTINGS, challenge, said) is None
    value = getattr(said, field)
    if isinstance(value, Memory):
        other: object = dataclasses.replace(value, epoch=value.epoch + 1)
    else:
        other = value + 1 if isinstance(value, int) else value + "x"
    assert handshake.refusal(SETTINGS, challenge, dataclasses.replace(said, **{field: other}))


async def test_a_member_does_not_believe_a_server_without_the_token() -> None:
    impostor = dataclasses.replace(SETTINGS, token="guess")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = handshake.challenge()
        writer.write(protocol.encode(asked))
        said = protocol.decode_from_member(await reader.readline())
        assert isinstance(said, Hello)
        proof = handshake.server_proof(impostor.token, asked, said)
        writer.write(protocol.encode(protocol.Welcome(proof, "evil")))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(RefusedError, match="does not know the gang's token"):
        await join(member(1), "127.0.0.1", port)
    server.close()


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 5000 + b"\n",
        b"x" * 200_000,
        b'{"type":"Bye"}\n',
        b'{"type":"Hello"}\n',
        b"[" * 5000 + b"\n",
        json.dumps({"type": "Hello", "nonce": 1}).encode() + b"\n",
    ],
    ids=range(9),
)
async def test_noise_does_not_disturb_the_gang(noise: bytes) -> None:
    async with a_server() as (server, port):
        good = await join(member(1), "127.0.0.1", port)
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.readline()
            writer.write(noise)
            if writer.can_write_eof():
                writer.write_eof()
            while await reader.read(1000):
                pass
            writer.close()
        await eventually(lambda: server.gang.joined == 1)
        other = await join(member(0), "127.0.0.1", port)
        assert await the_next(good, Start)
        for connection in (good, other):
            await connection.close()


async def test_a_member_that_sends_nonsense_is_lost() -> None:
    async with a_server() as (server, port):
        other = await join(member(0), "127.0.0.1", port)
        one = await join(member(1), "127.0.0.1", port)
        await the_next(other, Start)
        one._writer.write(b'{"type":"Gone","epoch":"one"}\n')
        end = await the_next(other, End)
        assert isinstance(end, End)
        assert end.verdict.process == 1
        assert "nonsense" in end.verdict.message
        assert server.gang.verdict is not None
        await other.close()
        await one.close()


async def test_silence_is_noticed_on_both_sides() -> None:
    timing = Timing(heartbeat_interval=0.1, heartbeat_timeout=2)
    async with a_server(dataclasses.replace(SETTINGS, timing=timing)) as (server, port):
        talking = await join(member(0, timing=timing), "127.0.0.1", port)
        silent = await join(member(1, timing=timing), "127.0.0.1", port)
        silent._beat_task.cancel()
        end = await the_next(talking, End)
        assert isinstance(end, End)
        assert end.verdict.process == 1
        assert "no heartbeat" in end.verdict.message
        # The silent one, should it wake up, reads the same.
        assert await the_next(silent, End) == end
        for task in server._tasks:
            task.cancel()
        with pytest.raises(ConnectionLostError, match="no heartbeat"):
            await the_next(talking, Start)
        for connection in (talking, silent):
            await connection.close()
