"""Run the API's server until Ctrl-C; what `serve` and `demo` share."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import click
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

from commands import metrics, workers
from errors import AddressUnusable
from server import health
from server.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from settings import Settings


MAX_MESSAGE_BYTES = 64_000
"""The longest message that a WebSocket takes; a longer one ends it with 1009."""
CLOSE_S = 5
"""What a process needs to end when its clients have gone: it waits for its connections to the database."""
KEEP_ALIVE_S = 75
"""How long a connection may be idle. Proxies keep theirs for up to 60 s, and must be the first to close: one that sends
a request while we close has lost it, and can't know whether we have read it."""
CLOSE = (b"connection", b"close")


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the address before anything slow is done. Raises AddressUnusable when it can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        taken = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as exc:  # the latter: no name of a machine looks like that
        raise unusable(host, port, exc) from exc
    with taken:
        yield taken


def unusable(host: str, port: int, reason: OSError | UnicodeError) -> AddressUnusable:
    """Return the failure to listen there, with what to do about its reason."""
    number = reason.errno if isinstance(reason, OSError) else None
    if number == errno.EADDRINUSE:
        advice = "Stop the program that listens there, or choose another port: --port 0 takes any."
    elif number == errno.EACCES:
        advice = "Ports below 1024 are for the administrator: choose a higher one, --port 8000 for example."
    else:
        advice = "Check --host: it must be an address of this machine, 127.0.0.1 for example."
    # The reason's own text holds Python's idea of the address; a resolver's numbers are not the system's.
    is_resolver = isinstance(reason, socket.gaierror) or number is None
    words = "no such host" if is_resolver else os.strerror(number or 0)
    return AddressUnusable(f"Can't listen on {host}:{port}: {words}. {advice}")


def run(settings: Settings, taken: socket.socket, *, when_up: Callable[[], None]) -> None:
    """Serve on the address that was taken until Ctrl-C or SIGTERM, by as many processes as the settings say.

    Raises WorkerNotStarted, and AddressUnusable for that of the metrics.
    """
    settings.export()
    _end_what_is_never_received(taken, 2 * settings.receive_timeout_ms)
    with nullcontext() if settings.metrics_port is None else metrics.told(settings) as forget:
        if settings.workers > 1:
            workers.run(
                settings.workers,
                taken,
                when_up=when_up,
                when_gone=forget,
                patience_s=longest_end_s(settings),
                log_format=settings.log_format,
            )
        else:
            server_of(settings, taken, when_up).run_to_the_end(taken)


def server_of(settings: Settings, taken: socket.socket, when_up: Callable[[], None]) -> Server:
    """Return the server of one process. It reads the settings again, from the environment."""
    config = uvicorn.Config(
        "app:create",
        factory=True,
        host=settings.host,
        port=taken.getsockname()[1],
        log_config=None,  # server.logs writes a line for each request
        log_level="warning",
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        http=Wire,
        ws=LiveSocket,
        ws_max_size=MAX_MESSAGE_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=_patience_s(settings),
    )
    return Server(config, when_up, drain_delay_s=settings.drain_delay_ms / 1_000)


def longest_end_s(settings: Settings) -> float:
    """Return how long a process may take to end when it is told to."""
    return settings.drain_delay_ms / 1_000 + LAST_REQUESTS_S + _patience_s(settings) + CLOSE_S


def _patience_s(settings: Settings) -> int:
    """Return how long a server that stops waits for its clients.

    What is being answered by then has had its time; whoever is still sending is told to come back.
    """
    return settings.request_timeout_ms // 1_000 + 1


def _end_what_is_never_received(taken: socket.socket, timeout_ms: int) -> None:
    """Let the system end a connection whose client has received nothing for so long, where it can.

    uvicorn closes a connection only when all has been sent: it would keep it, and what is still to be sent, for ever.
    """
    if sys.platform == "linux":
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)


# So many new objects does the garbage collector wait for before it looks at them; by itself, 700. Answers that are
# being made have thousands each, dozens at a time, and all of these go with them: it is for the few that don't.
YOUNG_OBJECTS = 50_000
# For so long the thread beside the loop (`execution/beside.py`) may keep it waiting, each time that it has something to
# do; by itself, 5 ms, and an answer is made in a dozen such steps.
SWITCH_S = 0.001


LAST_REQUESTS_S = 1.0
"""How long a server that stops still takes requests by the connections that it has."""


class LiveSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which says that the server goes away, when it does: 1001, not 1012 for a restart."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin it. What a server that stops says to requests isn't said here: it would spoil the handshake."""
        super().connection_made(transport)
        self.default_headers = [header for header in self.default_headers if header != CLOSE]

    def shutdown(self) -> None:
        """Say that it ends, and end it once the client has said so too; asked again, at once.

        A connection that is closed while the client is sending is reset, and what we have said is lost on its way.
        """
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        self.stop_keepalive()
        if self.read_paused:  # what the client says is read to its end, whoever still waits for it
            self.read_paused = False
            self.transport.resume_reading()
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.GOING_AWAY})
        self.conn.send_close(CloseCode.GOING_AWAY)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_timer = self.loop.call_later(LAST_REQUESTS_S, self.transport.close)


class Server(uvicorn.Server):
    """uvicorn's server, which says when it is up, and serves on for a while when it is told to stop."""

    def __init__(self, config: uvicorn.Config, when_up: Callable[[], None], *, drain_delay_s: float = 0) -> None:
        super().__init__(config)
        self._when_up = when_up
        self.drain_delay_s = drain_delay_s
        self._leaves_at: float | None = None

    def run_to_the_end(self, taken: socket.socket) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        # After its own shutdown uvicorn raises the signal that it caught again; for us that is an ordinary end.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            self.run(sockets=[taken])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell.

        What is there by then stays until the end: some 300,000 objects, mostly of the schema. The garbage collector
        would go through all of them again and again, and each time answers wait.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS)
        sys.setswitchinterval(SWITCH_S)
        if self.started:
            self._when_up()

    async def on_tick(self, counter: int) -> bool:
        """Return whether it is time to leave: a while after it was told, in which /readyz says so, and all goes on."""
        if not await super().on_tick(counter) or self.force_exit:
            return self.should_exit
        now = asyncio.get_running_loop().time()
        if self._leaves_at is None:
            self._leaves_at = now + self.drain_delay_s
            self._say_that_it_stops()
        return now >= self._leaves_at

    def _say_that_it_stops(self) -> None:
        """Let /readyz say so, and each answer ask its client to connect anew: by a balancer, to another server."""
        self.lifespan.state[health.STOPPING] = True
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers.append(CLOSE)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connection, and end those that there are once they are answered.

        A connection without a request would be cut at once, and with it a request that is on its way already: so each
        has a moment to send one, and is told with the answer to send no other.
        """
        if self._leaves_at is None:  # told before it was up
            self._say_that_it_stops()
        listeners = [listener.dup() for listener in sockets or []]
        for server in self.servers:
            server.close()
        for listener in listeners:
            with listener:
                await self._accept_all(listener)
        for connection in list(self.server_state.connections):
            if isinstance(connection, LiveSocket):
                connection.shutdown()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_gone(), LAST_REQUESTS_S)
        await super().shutdown(sockets)

    async def _accept_all(self, listener: socket.socket) -> None:
        """Take the connections that the system has accepted for us, and would cut when nobody listens any more."""
        listener.setblocking(False)  # noqa: FBT003 - the library's signature
        with suppress(BlockingIOError):
            while True:
                client, _ = listener.accept()
                await asyncio.get_running_loop().connect_accepted_socket(self._protocol, client)

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(
            config=self.config,  # type: ignore[call-arg]  # as uvicorn itself calls it
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    async def _all_gone(self) -> None:
        while self.server_state.connections and not self.force_exit:  # noqa: ASYNC110 - as uvicorn does: it tells nobody
            await asyncio.sleep(0.05)


def address(taken: socket.socket, host: str) -> str:
    """Return the address to show to people."""
    shown = "localhost" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{taken.getsockname()[1]}"


def say(text: str) -> None:
    """Tell the person at the terminal, apart from anything that a script may read."""
    click.echo(text, err=True)
