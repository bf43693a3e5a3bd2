"""A launcher's connection to its gang: joining with patience, heartbeats, and noticing silence."""

import asyncio
import random
import time
from contextlib import suppress

from jaxrun.gang import handshake, protocol
from jaxrun.gang.memory import Memory
from jaxrun.gang.protocol import Beat, Challenge, FromMember, FromServer, Refused, Welcome
from jaxrun.gang.wire import WireError
from jaxrun.listen import plain_address
from jaxrun.log import say
from jaxrun.settings import Settings
from jaxrun.within import within

_CONNECT_SECONDS = 5.0
_FIRST_BACKOFF_SECONDS = 0.05
_LAST_BACKOFF_SECONDS = 2.0
_SAY_EVERY_SECONDS = 30.0
_FIRST_WORD_AFTER_SECONDS = 3.0


class RefusedError(Exception):
    """The gang does not want this launcher, and waiting will not help."""


class GaveUpError(Exception):
    """Nobody was there for as long as it was to be tried."""


class ConnectionLostError(Exception):
    """The connection is gone; the message says how it was noticed."""


class Connection:
    """An accepted member's line to the server."""

    def __init__(
        self,
        settings: Settings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_host: str,
    ) -> None:
        self.server_host = server_host
        self.server_address = plain_address(writer.get_extra_info("peername"))
        """Process 0's IP address, for JAX's coordinator; names may lag behind."""
        self._timing = settings.timing
        self._reader = reader
        self._writer = writer
        self._beat_task = asyncio.create_task(self._beat())

    def send(self, message: FromMember) -> None:
        """Never blocks; a broken connection shows when receiving."""
        if not self._writer.is_closing():
            self._writer.write(protocol.encode(message))

    async def receive(self) -> FromServer:
        """The next message that is not a heartbeat.

        Raises:
            ConnectionLostError: closed, broken, or silent for the heartbeat timeout.
        """
        timeout = self._timing.heartbeat_timeout
        while True:
            waiting_since = time.monotonic()
            try:
                line = await asyncio.wait_for(self._reader.readline(), timeout)
                if not line:
                    raise ConnectionLostError("it closed the connection")
                message = protocol.decode_from_server(line)
            except asyncio.TimeoutError:
                if time.monotonic() > waiting_since + timeout + 1.0:
                    continue  # it was us who slept: what it sent meanwhile has not been read yet
                raise ConnectionLostError(f"no heartbeat from it for {timeout:.1f} s") from None
            except WireError as error:
                raise ConnectionLostError(f"it sent nonsense: {error}") from None
            except (OSError, ValueError) as error:
                raise ConnectionLostError(f"the connection to it broke ({error})") from None
            if not isinstance(message, Beat):
                return message

    async def close(self) -> None:
        """Send what is waiting, for a moment at most."""
        self._beat_task.cancel()
        with suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(self._writer.drain(), 1.0)
            self._writer.close()

    async def _beat(self) -> None:
        interval = self._timing.heartbeat_interval
        while True:
            before = time.monotonic()
            await asyncio.sleep(interval)
            # After a sleep of the whole process the verdict may be waiting to be read; a word sent
            # into the connection that was closed behind it would make it unreadable.
            if time.monotonic() < before + 2 * interval + 0.5:
                self.send(Beat())


async def join(
    settings: Settings,
    host: str,
    port: int,
    memory: Memory = Memory(),
    knocks: "asyncio.Queue[str] | None" = None,
    patience: float | None = None,
) -> Connection:
    """Connect and be accepted by process 0, under its name or at an address that knocked.

    Without `patience`, in seconds, however long it takes: process 0's pod may come last.

    Raises:
        RefusedError: wrong token, job, attempt or number of processes, or the gang is over.
        GaveUpError: the patience is at an end.
    """
    ways = [asyncio.create_task(_by_name(settings, host, port, memory))]
    if knocks is not None:
        ways.append(asyncio.create_task(_by_knock(settings, knocks, port, memory)))
    done, pending = await asyncio.wait(ways, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    for way in pending:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    found = [way.result() for way in ways if not way.cancelled() and way.exception() is None]
    for connection in found[1:]:
        await connection.close()
    if found:
        return found[0]
    for way in done:
        way.result()
    raise GaveUpError(f"nobody answered as process 0 at {host}:{port} for {patience:g} s")


async def _by_name(settings: Settings, host: str, port: int, memory: Memory) -> Connection:
    started = time.monotonic()
    next_word = started + _FIRST_WORD_AFTER_SECONDS
    backoff = _FIRST_BACKOFF_SECONDS
    while True:
        try:
            return await within(_CONNECT_SECONDS, _try_to_join(settings, host, port, memory))
        except asyncio.TimeoutError:
            why = "no answer"
        except _NotYetError as refused:
            why = str(refused)
            backoff = max(backoff, 0.5)
        except (OSError, ValueError, EOFError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        now = time.monotonic()
        if now >= next_word:
            next_word = now + _SAY_EVERY_SECONDS
            say(f"waiting for process 0 at {host}:{port} for {now - started:.0f} s: {why}")
        # Jitter that needs no secret: many launchers should not knock at the same moment.
        await asyncio.sleep(backoff * random.uniform(0.7, 1.3))  # noqa: S311
        backoff = min(backoff * 1.5, _LAST_BACKOFF_SECONDS)


async def _by_knock(
    settings: Settings, knocks: "asyncio.Queue[str]", port: int, memory: Memory
) -> Connection:
    """Names may lag behind. Anybody can knock, so what goes wrong here is no error."""
    while True:
        address = await knocks.get()
        with suppress(
            asyncio.TimeoutError, _NotYetError, RefusedError, OSError, ValueError, EOFError
        ):
            joining = _try_to_join(settings, address, port, memory, via=address)
            return await within(_CONNECT_SECONDS, joining)


class _NotYetError(Exception):
    """Refused for a reason that may pass."""


async def _try_to_join(
    settings: Settings, host: str, port: int, memory: Memory, via: str = ""
) -> Connection:
    reader, writer = await asyncio.open_connection(host, port, limit=protocol.LINE_LIMIT_BYTES)
    try:
        asked = protocol.decode_from_server(await reader.readline())
        if not isinstance(asked, Challenge):
            raise WireError("no challenge")
        if asked.version != protocol.VERSION:
            raise RefusedError(
                f"process 0 speaks protocol {asked.version}, this launcher {protocol.VERSION}: "
                "the pods of one job need the same runtime image"
            )
        said = handshake.hello(settings, asked, memory, via)
        writer.write(protocol.encode(said))
        answer = protocol.decode_from_server(await reader.readline())
        if isinstance(answer, Refused):
            raise _NotYetError(answer.reason) if answer.retry else RefusedError(answer.reason)
        if not isinstance(answer, Welcome) or not handshake.server_is_genuine(
            settings.token, asked, said, answer.proof
        ):
            raise RefusedError(f"whoever answers at {host}:{port} does not know the gang's token")
    except BaseException:
        writer.close()
        raise
    return Connection(settings, reader, writer, answer.host)
