"""HTTP load from one process: connections that send a request as soon as the last one is answered.

Written on asyncio's protocols and httptools: a client library takes as long for a request as the fastest server here.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from httptools import HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_S = 60
"""How long all requests that are under way at the end of the time may still take."""
_REFUSED = b'"errors":[{'  # an empty list of errors is the answer to a mutation that went well


class BadAnswer(Exception):
    """A server answered other than with data, or not at all."""


@dataclass(slots=True)
class Load:
    """What a time under load brought: milliseconds of each request, and how long it took to the last answer."""

    latencies_ms: list[float] = field(default_factory=list)
    duration_s: float = 0.0
    answered_bytes: int = 0
    refused_ms: list[float] = field(default_factory=list)
    """Of each request that was answered other than with data; they are not among the latencies."""
    complaint: str = ""
    """The last such answer."""


async def load(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Load:
    """Send requests for so many seconds, and wait for the last answers. Raises BadAnswer, TimeoutError or OSError."""
    found, loop = Load(), asyncio.get_running_loop()
    started = time.perf_counter()
    ends = [loop.create_future() for _ in range(connections)]
    transports: list[asyncio.Transport] = []
    try:
        for end in ends:
            connection = partial(_Connection, found, requests, started + seconds, end)
            transport, _ = await loop.create_connection(connection, "127.0.0.1", port)
            transports.append(transport)
        async with asyncio.timeout(seconds + DEADLINE_S):
            await asyncio.gather(*ends)
    finally:
        for transport in transports:  # none goes on when one has failed
            transport.abort()
    found.duration_s = time.perf_counter() - started
    return found


async def ask(port: int, request: bytes) -> bytes:
    """Send one request and return the body of its answer. Raises BadAnswer."""
    found, end = Load(), asyncio.get_running_loop().create_future()
    connection = _Connection(found, iter([request]), 0, end)
    await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", port)
    async with asyncio.timeout(DEADLINE_S):
        await end
    if found.refused_ms:
        raise BadAnswer(found.complaint)
    return connection.body


class _Connection(asyncio.Protocol):
    """One connection; its parser calls `on_…`."""

    def __init__(self, found: Load, requests: Iterator[bytes], ends_at: float, end: asyncio.Future[None]) -> None:
        self._found = found
        self._requests = requests
        self._ends_at = ends_at
        self._end = end
        self._parts: list[bytes] = []
        self._is_done = False
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP is
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end.done():
            return
        if self._is_done:
            self._end.set_result(None)
        else:
            self._end.set_exception(BadAnswer(f"The server closed the connection: {exc or 'without a reason'}."))

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Look at the answer, and send the next request while there is time."""
        now = time.perf_counter()
        self.body = b"".join(self._parts)
        if self._parser.get_status_code() != 200 or not self.body.startswith(b'{"data"') or _REFUSED in self.body:
            self._found.refused_ms.append((now - self._sent_at) * 1_000)
            self._found.complaint = f"{self._parser.get_status_code()}: {self.body[:500].decode(errors='replace')}"
        else:
            self._found.latencies_ms.append((now - self._sent_at) * 1_000)
            self._found.answered_bytes += len(self.body)
        if now < self._ends_at:
            self._send()
        else:
            self._is_done = True
            self._transport.close()

    def _send(self) -> None:
        self._parser = HttpResponseParser(self)
        self._parts.clear()
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))
