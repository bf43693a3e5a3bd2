"""One listening socket for IPv4 and IPv6, or for IPv4 alone where the node has no IPv6."""

import socket
from contextlib import suppress
from typing import Any


def plain_address(name: Any) -> str:
    """The IP address of a socket's name, IPv4 as such even on a socket for both."""
    address = str(name[0])
    return address.removeprefix("::ffff:") if "." in address else address


def listening_socket(port: int, host: str = "") -> socket.socket:
    """Bound to `host`, all interfaces by default.

    Raises:
        OSError: the port is taken.
    """
    if not host and socket.has_dualstack_ipv6():
        with suppress(OSError):
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((host, port))
