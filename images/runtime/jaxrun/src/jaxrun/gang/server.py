"""The gang's server, in launcher 0: connections in, decisions of `state` out."""

import asyncio
import socket
import time
from contextlib import suppress

from jaxrun.contract import SuccessPolicy
from jaxrun.gang import handshake, protocol
from jaxrun.gang.knock import knock_at_missing
from jaxrun.gang.outputs import Drop, Output, Send
from jaxrun.gang.protocol import Beat, FromServer, Hello, Refused, Welcome
from jaxrun.gang.sequel import Terms
from jaxrun.gang.state import Gang
from jaxrun.gang.wire import WireError
from jaxrun.listen import listening_socket, plain_address
from jaxrun.log import say
from jaxrun.settings import Settings

_HANDSHAKE_SECONDS = 5.0
_STRANGERS = 256
_BACKLOG_LIMIT_BYTES = 1 << 20
_TICK_SECONDS = 0.25
_RESTLESS_TICK_SECONDS = 0.02


class GangServer:
    """Listens from `start` on; `gang` is what it decides by."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.gang = Gang(
            settings.num_processes,
            settings.timing,
            self._free_coordinator_port,
            time.monotonic(),
            Terms(
                settings.policy,
                settings.ledger,
                process_zero=settings.success is SuccessPolicy.PROCESS_ZERO,
                warm=settings.warmup is not None,
                drains=settings.serves and settings.num_processes == 1,
            ),
            lambda now: time.time() - time.monotonic() + now,
        )
        self.refusals = 0
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._strangers = 0
        self._server: asyncio.Server | None = None
        self._refused: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        """Listen, trying for ever; returns the port."""
        alone = self._settings.num_processes == 1
        host, port = ("127.0.0.1", 0) if alone else ("", self._settings.gang_port)
        while self._server is None:
            try:
                self._server = await asyncio.start_server(
                    self._serve,
                    sock=listening_socket(port, host),
                    limit=protocol.LINE_LIMIT_BYTES,
                    backlog=1024,
                )
            except OSError as error:
                say(f"cannot listen on port {port} for the gang ({error.strerror}): trying again")
                await asyncio.sleep(1.0)
        self._tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self._beat())]
        if not alone:
            knocking = knock_at_missing(self._settings, lambda: self.gang.missing)
            self._tasks.append(asyncio.create_task(knocking))
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    @property
    def address(self) -> str:
        """Where the other launchers reach this one; of a gang of one, the loopback address."""
        for process, writer in sorted(self._writers.items()):
            if process != 0:
                return plain_address(writer.get_extra_info("sockname"))
        return "127.0.0.1"

    async def disperse(self, seconds: float) -> None:
        """Wait until all members have the verdict, then close."""
        deadline = time.monotonic() + seconds
        while not self.gang.dispersed and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        for task in self._tasks:
            task.cancel()
        if self._server is not None:
            self._server.close()
        for writer in self._writers.values():
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._strangers >= _STRANGERS:
            writer.close()
            return
        self._strangers += 1
        try:
            said = await asyncio.wait_for(self._meet(reader, writer), _HANDSHAKE_SECONDS)
        except (WireError, ValueError, OSError, EOFError, asyncio.TimeoutError):
            said = None
        finally:
            self._strangers -= 1
        if said is None:
            writer.close()
            return
        reason = "its launcher closed the connection"
        try:
            while line := await reader.readline():
                if self._writers.get(said.process) is not writer:
                    return
                now = time.monotonic()
                self.gang.heard(said.process, now)
                message = protocol.decode_from_member(line)
                if not isinstance(message, Beat):
                    self._perform(self.gang.message(said.process, message, now))
        except WireError as error:
            reason = f"its launcher sent nonsense: {error}"
        except (OSError, ValueError) as error:
            reason = f"the connection to its launcher broke ({error})"
        finally:
            if self._writers.get(said.process) is writer:
                del self._writers[said.process]
                self._perform(self.gang.left(said.process, reason, time.monotonic()))
            writer.close()

    async def _meet(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Hello | None:
        asked = handshake.challenge()
        writer.write(protocol.encode(asked))
        line = await reader.readline()
        if len(line) > protocol.HANDSHAKE_LIMIT_BYTES:
            raise WireError("handshake too long")
        said = protocol.decode_from_member(line)
        if not isinstance(said, Hello):
            raise WireError(f"{type(said).__name__} before Hello")
        address = plain_address(writer.get_extra_info("sockname"))
        refused = handshake.refusal(self._settings, asked, said, address)
        refused = refused or self.gang.refusal(said.process)
        if refused is not None:
            self._refuse(said, refused, writer)
            await writer.drain()
            return None
        proof = handshake.server_proof(self._settings.token, asked, said)
        writer.write(protocol.encode(Welcome(proof, self._settings.host)))
        self._writers[said.process] = writer
        now = time.monotonic()
        self._perform(self.gang.join(said.process, said.host, said.memory, now))
        return said

    def _refuse(self, said: Hello, refused: Refused, writer: asyncio.StreamWriter) -> None:
        self.refusals += 1
        writer.write(protocol.encode(refused))
        text = f"refused process {said.process} from {said.host!r}: {refused.reason}"
        if text not in self._refused and len(self._refused) < 100:
            self._refused.add(text)
            say(text)

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                for process in [output.to] if output.to is not None else list(self._writers):
                    self._send(process, output.message)
            elif isinstance(output, Drop):
                writer = self._writers.pop(output.process, None)
                if writer is not None:
                    writer.transport.abort()
            else:
                say(output.text)

    def _send(self, process: int, message: FromServer) -> None:
        writer = self._writers.get(process)
        if writer is None or writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() > _BACKLOG_LIMIT_BYTES:
            writer.transport.abort()
            return
        writer.write(protocol.encode(message))

    async def _tick(self) -> None:
        while True:
            restless = self.gang.restless
            await asyncio.sleep(_RESTLESS_TICK_SECONDS if restless else _TICK_SECONDS)
            self._perform(self.gang.tick(time.monotonic()))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._settings.timing.heartbeat_interval)
            for process in list(self._writers):
                self._send(process, Beat())

    def _free_coordinator_port(self, epoch: int) -> int:
        """By epoch, so that no process of an earlier one can reach this one; skips those in use."""
        base, count = self._settings.coordinator_port_base, self._settings.coordinator_port_count
        for offset in range(count):
            port = base + (epoch - 1 + offset) % count
            with suppress(OSError), socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("", port))
                return port
        say(f"none of the ports {base} to {base + count - 1} is free for JAX's coordinator")
        return base + (epoch - 1) % count
