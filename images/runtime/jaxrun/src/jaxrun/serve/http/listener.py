"""uvicorn with what it lacks: no signals of its own, and a limit to a request's head.

With httptools and uvloop where the user's image has them.
"""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from jaxrun.serve.http.app import Application
from jaxrun.serve.http.limits import HEAD_BYTES

KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s for which load balancers keep idle connections, so that they close them."""
_BACKLOG = 2048

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:
    _protocol: Any = "h11"
else:

    class BoundedHead(HttpToolsProtocol):
        """h11 bounds the head of a request, httptools does not."""

        _in_head = True
        _head_bytes = 0

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._in_head:
                self._head_bytes += len(data)
                if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                    self.send_400_response(f"The head has more than {HEAD_BYTES} bytes.")

        def on_message_begin(self) -> None:
            self._in_head, self._head_bytes = True, 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            super().on_headers_complete()

    _protocol = BoundedHead


class Listener(uvicorn.Server):
    """Serves until `should_exit`, then answers what it has begun. The process's signals are not
    its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listener(application: Application, drain_seconds: float) -> Listener:
    """Not yet serving: `await listener.serve([socket])`."""
    config = uvicorn.Config(
        application,
        http=_protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(int(drain_seconds), 1),
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    return Listener(config)


def bound_socket(port: int) -> socket.socket:
    """Listening on all interfaces, IPv4 and, where the node has it, IPv6.

    Raises OSError: the port is taken.
    """
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
    return socket.create_server(("", port), backlog=_BACKLOG)
