"""Ports for servers that can't be given an open socket."""

import socket


def free_port() -> int:
    """Return a port of this machine that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
