"""A network between a browser and the API that can fail: for new connections and for those that are open."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.apis import Api


@dataclass(slots=True)
class Line:
    """A port on the loopback that leads to the API while the line stands."""

    port: int
    is_cut: bool = False
    ends: list[socket.socket] = field(default_factory=list)
    silent: set[socket.socket] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break what is open, WebSockets too, and refuse what comes."""
        self.is_cut = True
        for end in self.ends:
            _shut(end)

    def mend(self) -> None:
        self.is_cut = False

    def silence(self) -> None:
        """Lose whatever is sent over what is open, and tell nobody, as when a laptop changes its network."""
        self.silent.update(self.ends)


@contextmanager
def line(api: Api) -> Iterator[Line]:
    """Yield a line to this API; it stands until it is cut."""
    url = api.client.base_url
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Line(listening.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listening, (url.host, url.port or 80), made), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            _shut(listening)
            made.cut()
            thread.join(10)


def _accept(listening: socket.socket, target: tuple[str, int], made: Line) -> None:
    pumps = []
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            if made.is_cut:
                client.close()
                continue
            server = socket.create_connection(target)
            made.ends += [client, server]
            for source, sink in ((client, server), (server, client)):
                pumps.append(threading.Thread(target=_pump, args=(source, sink, made), daemon=True))
                pumps[-1].start()
    for pump in pumps:
        pump.join(10)
    for end in made.ends:
        end.close()


def _pump(source: socket.socket, sink: socket.socket, made: Line) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            if source not in made.silent:
                sink.sendall(data)
    _shut(source)
    _shut(sink)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
