"""A wire between a client and a test's server, which can change what goes through it, or be cut."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S

Change = Callable[[bytes], bytes]


@dataclass(slots=True)
class Wire:
    """A TCP port on the loopback that leads to the server of `database`."""

    database: CrmDatabase
    port: int
    to_server: Callable[[], Change]
    """Makes for each connection what sees its pieces."""
    to_client: Change
    is_cut: bool = False
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The owner's address by this wire."""
        return self._url(self.database.owner_url)

    @property
    def app_url(self) -> str:
        """The address of the API's role by this wire."""
        return self._url(self.database.app_url)

    def _url(self, direct: str) -> str:
        parts = urlsplit(direct)
        login = f"{parts.username}:{quote(unquote(parts.password or ''), safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{self.database.name}"

    def cut(self) -> None:
        """Break the connections that there are; nobody is told why."""
        self.is_cut = True
        for end in self.sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _as_it_is(data: bytes) -> bytes:
    return data


@contextmanager
def wire(
    database: CrmDatabase,
    *,
    to_server: Change = _as_it_is,
    to_client: Change = _as_it_is,
    each_to_server: Callable[[], Change] | None = None,
) -> Iterator[Wire]:
    """Yield a wire on which `to_server` and `to_client` see each piece on its way, and say what arrives.

    `each_to_server` makes one for each connection, in place of `to_server` for all.
    """
    query = parse_qs(urlsplit(database.owner_url).query)
    target = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Wire(database, listening.getsockname()[1], each_to_server or (lambda: to_server), to_client)
        thread = threading.Thread(target=_accept, args=(listening, target, made), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.cut()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_S)
            for end in made.sockets:
                end.close()


def _accept(listening: socket.socket, target: str, made: Wire) -> None:
    pumps = []
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(target)
            made.sockets += [client, server]
            for ends in ((client, server, made.to_server()), (server, client, made.to_client)):
                pumps.append(threading.Thread(target=_pump, args=ends, daemon=True))
                pumps[-1].start()
    for pump in pumps:
        pump.join(DEADLINE_S)


def _pump(source: socket.socket, sink: socket.socket, change: Change) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(change(data))
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
