"""The server's start."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from commands import serving
from settings import Settings
from tests.deadlines import DEADLINE_S

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
# RFC 6455: a close frame with its code, 1001; from a client, under a mask.
GOING_AWAY = b"\x88\x02\x03\xe9"
GOING_AWAY_TOO = b"\x88\x82\x00\x00\x00\x00\x03\xe9"


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Give what is frozen back to the garbage collector, and let it work as other tests expect it."""
    usual = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*usual)


def test_the_garbage_collector_passes_over_what_the_server_started_with() -> None:
    async def frozen_when_up() -> int:
        async with up():
            return gc.get_freeze_count()

    assert asyncio.run(asyncio.wait_for(frozen_when_up(), DEADLINE_S)) > 10_000


def test_a_kept_connection_has_a_last_request_answered_when_the_server_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LAST_REQUESTS_S", DEADLINE_S)

    async def asked_when_it_stops() -> bytes:
        async with up() as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            server.should_exit = True
            await refused(port)
            writer.write(REQUEST)
            answer = await reader.read()  # to the end, which the server makes
            writer.close()
        return answer

    answer = asyncio.run(asyncio.wait_for(asked_when_it_stops(), DEADLINE_S))

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in answer


def test_an_idle_connection_is_kept_for_longer_than_a_proxy_would_keep_it() -> None:
    with serving.listening("127.0.0.1", 0) as taken:
        server = serving.server_of(Settings(), taken, when_up=lambda: None)

    assert server.config.timeout_keep_alive > 60


def test_a_connection_that_nobody_has_accepted_yet_is_answered_when_the_server_stops() -> None:
    async def asked_before_it_is_accepted() -> bytes:
        with socket.create_server(("127.0.0.1", 0)) as waiting, socket.socket() as client:
            client.connect(waiting.getsockname())
            async with up() as (server, _):
                await server._accept_all(waiting)
                client.sendall(REQUEST)
                return await asyncio.to_thread(client.recv, 100)

    answer = asyncio.run(asyncio.wait_for(asked_before_it_is_accepted(), DEADLINE_S))

    assert answer.startswith(b"HTTP/1.1 404 ")


def test_a_socket_ends_when_its_client_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LAST_REQUESTS_S", DEADLINE_S)

    async def open_until_told(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive()

    async def said_at_the_end() -> list[bytes]:
        async with up(Starlette(routes=[WebSocketRoute("/", open_until_told)])) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(UPGRADE)
            await reader.readuntil(b"\r\n\r\n")
            server.should_exit = True
            said = [await reader.readexactly(len(GOING_AWAY))]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.2)
            writer.write(GOING_AWAY_TOO)
            said.append(await reader.read())
            writer.close()
            return said

    assert [GOING_AWAY, b""] == asyncio.run(asyncio.wait_for(said_at_the_end(), DEADLINE_S))


@asynccontextmanager
async def up(app: Starlette | None = None) -> AsyncIterator[tuple[serving.Server, int]]:
    """Yield a server and its port; at the end it stops."""
    is_up = asyncio.Event()
    with serving.listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        server = serving.Server(
            uvicorn.Config(app or Starlette(), log_config=None, ws=serving.LiveSocket), when_up=is_up.set
        )
        serves = asyncio.create_task(server.serve(sockets=[taken]))
        await is_up.wait()
        yield server, port
        server.should_exit = True
        await serves


async def refused(port: int) -> None:
    """Return when nobody can connect any more."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            return
        writer.close()
        await asyncio.sleep(0.01)
