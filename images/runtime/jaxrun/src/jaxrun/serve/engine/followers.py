"""A replica of several hosts in lock step: process 0 tells the others each batch before it runs it.

Over TCP, not over the devices: nobody waits in a collective while there is nothing to do. What is
sent is a bucket's number and its padded inputs; each side knows the rest from the same model.
Both sides prove that they know the replica's secret (HMAC-SHA256 over both nonces) before anything
else is said. A connection that ends without the leader's goodbye means that its process is lost.
"""

import hashlib
import hmac
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from jaxrun.serve.engine.padding import Array

_NONCE_BYTES = 32
_HELLO = struct.Struct(f"!I{_NONCE_BYTES}s{hashlib.sha256().digest_size}s")
_BATCH = struct.Struct("!I")
_GOODBYE = 0xFFFFFFFF
_HANDSHAKE_SECONDS = 10.0
_KEEPALIVE_SECONDS = 10


class PeerLost(Exception):  # noqa: N818
    """A process of the replica is gone; the others cannot go on without it."""


class Leader:
    """Process 0's side. `lost` is called once, from a thread, when a follower is gone."""

    def __init__(
        self, secret: bytes, followers: int, lost: Callable[[PeerLost], None], port: int = 0
    ) -> None:
        self._secret, self._followers, self._lost = secret, followers, lost
        self._socket = socket.create_server(("", port), backlog=followers)
        self._peers: dict[int, socket.socket] = {}
        self._lock = threading.Lock()
        self._over = False
        self.port: int = self._socket.getsockname()[1]

    def accept(self, timeout_seconds: float) -> None:
        """Returns when all followers, processes 1 to N, are there.

        Raises PeerLost if some stay out. Strangers are turned away and do not disturb.
        """
        deadline = time.monotonic() + timeout_seconds
        while len(self._peers) < self._followers:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                peer, _ = self._socket.accept()
            except TimeoutError:
                wanted = set(range(1, self._followers + 1)) - set(self._peers)
                raise PeerLost(
                    f"processes {sorted(wanted)} have not come within {timeout_seconds:g} s"
                ) from None
            process = self._welcome(peer)
            if process is None:
                peer.close()
            else:
                self._peers[process] = peer
        self._socket.close()
        for process, peer in self._peers.items():
            threading.Thread(
                target=self._watch, args=(process, peer), name="jaxrun-follower", daemon=True
            ).start()

    def send(self, bucket: int, inputs: Iterable[Array]) -> None:
        """All followers run this batch next. Raises PeerLost."""
        parts: list[bytes | memoryview] = [
            _BATCH.pack(bucket),
            *(_bytes(array) for array in inputs),
        ]
        for process, peer in self._peers.items():
            try:
                for part in parts:
                    peer.sendall(part)
            except OSError as error:
                raise self._gone(process, error) from error

    def goodbye(self) -> None:
        """The followers end as soon as they have run what they were told."""
        with self._lock:
            self._over = True
        for peer in self._peers.values():
            try:
                peer.sendall(_BATCH.pack(_GOODBYE))
            except OSError:
                continue
            finally:
                peer.close()

    def _welcome(self, peer: socket.socket) -> int | None:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        try:
            peer.settimeout(_HANDSHAKE_SECONDS)
            peer.sendall(nonce)
            process, theirs, proof = _HELLO.unpack(_exactly(peer, _HELLO.size))
            if not hmac.compare_digest(
                proof, _proof(self._secret, b"follower", process, nonce, theirs)
            ):
                return None
            if not 1 <= process <= self._followers or process in self._peers:
                return None
            peer.sendall(_proof(self._secret, b"leader", process, nonce, theirs))
            _prepare(peer)
        except (OSError, EOFError):
            return None
        return int(process)

    def _watch(self, process: int, peer: socket.socket) -> None:
        # Followers never say anything: whatever comes is the end.
        try:
            peer.recv(1)
            cause: OSError | None = None
        except OSError as error:
            cause = error
        self._gone(process, cause)

    def _gone(self, process: int, cause: OSError | None) -> PeerLost:
        lost = PeerLost(
            f"process {process} of this replica is gone: {cause or 'it closed its connection'}"
        )
        with self._lock:
            first, self._over = not self._over, True
        if first:
            self._lost(lost)
        return lost


class Follower:
    """The side of process 1 to N. Raises PeerLost from everything if the leader is not there."""

    def __init__(
        self, host: str, port: int, secret: bytes, process: int, timeout_seconds: float
    ) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout_seconds)
            nonce, ours = _exactly(self._socket, _NONCE_BYTES), secrets.token_bytes(_NONCE_BYTES)
            proof = _proof(secret, b"follower", process, nonce, ours)
            self._socket.sendall(_HELLO.pack(process, ours, proof))
            answer = _exactly(self._socket, hashlib.sha256().digest_size)
        except (OSError, EOFError) as error:
            raise PeerLost(f"no leader of this replica at {host}:{port}: {error}") from error
        if not hmac.compare_digest(answer, _proof(secret, b"leader", process, nonce, ours)):
            raise PeerLost(f"who answers at {host}:{port} does not know the replica's secret")
        _prepare(self._socket)

    def receive(self, buffers_of: Callable[[int], Sequence[Array]]) -> int | None:
        """Waits for the next batch; its bucket's number, None when the leader has said goodbye.

        The inputs are written into what `buffers_of(bucket)` gives.
        """
        try:
            (bucket,) = _BATCH.unpack(_exactly(self._socket, _BATCH.size))
            if bucket == _GOODBYE:
                self._socket.close()
                return None
            for array in buffers_of(bucket):
                _fill(self._socket, _bytes(array))
        except (OSError, EOFError) as error:
            raise PeerLost(f"process 0 of this replica is gone: {error}") from error
        return int(bucket)


def in_order(buffers: Mapping[str, Array]) -> list[Array]:
    """The order in which inputs cross the wire."""
    return [buffers[name] for name in sorted(buffers)]


def _proof(secret: bytes, label: bytes, process: int, nonce: bytes, theirs: bytes) -> bytes:
    said = b"\0".join((b"jaxrun replica", label, str(process).encode())) + nonce + theirs
    return hmac.digest(secret, said, "sha256")


def _prepare(peer: socket.socket) -> None:
    peer.settimeout(None)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _KEEPALIVE_SECONDS)


def _bytes(array: Array) -> memoryview:
    return memoryview(array.reshape(-1).view("uint8").data)


def _exactly(peer: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    _fill(peer, memoryview(data))
    return bytes(data)


def _fill(peer: socket.socket, view: memoryview) -> None:
    while view:
        count = peer.recv_into(view)
        if count == 0:
            raise EOFError("it closed its connection")
        view = view[count:]
