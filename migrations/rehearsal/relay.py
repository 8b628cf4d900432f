"""Lets PostgreSQL's own programs reach a server just as the runner reaches it.

The programs that come with the embedded server know no TLS, and read some addresses differently from the driver. So
they are given a socket of ours, in a folder that nobody else may enter, and what passes there goes on over a connection
that is made by the driver's rules. No password is ever among their arguments.
"""

from __future__ import annotations

import asyncio
import shutil
import struct
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

# Private, and the only place where the driver's reading of an address can be had: hosts, TLS, password files, services.
# The tests notice if a later version has it elsewhere.
from asyncpg.connect_utils import SSLMode, _parse_connect_dsn_and_args

from errors import RehearsalFailed

if TYPE_CHECKING:
    import ssl
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator

# A socket's path holds 103 bytes on macOS, so it can't be in just any folder for temporary files.
SOCKETS = Path("/tmp")  # noqa: S108 - the folder made in it is private
PORT = 5432
CHUNK_BYTES = 256 * 1024
TLS_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(frozen=True, slots=True)
class _Way:
    """How to reach a server: hosts and ports, or paths of sockets, in order of preference."""

    addresses: tuple[tuple[str, int] | str, ...]
    tls: ssl.SSLContext | None
    needs_tls: bool
    is_tls_at_once: bool


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[dict[str, str]]:
    """Yield the environment with which PostgreSQL's programs reach the database of `url`, until the block ends."""
    way, login = _read(url)
    folder = Path(tempfile.mkdtemp(prefix="taskline-relay-", dir=SOCKETS))
    carried: set[asyncio.Task[None]] = set()

    def serve(reader: StreamReader, writer: StreamWriter) -> None:
        carried.add(asyncio.create_task(_serve(way, reader, writer)))

    try:
        async with await asyncio.start_unix_server(serve, folder / f".s.PGSQL.{PORT}", limit=CHUNK_BYTES):
            yield {"PGHOST": str(folder), "PGPORT": str(PORT), **login}
    finally:
        for task in carried:
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)
        shutil.rmtree(folder, ignore_errors=True)


def _read(url: str) -> tuple[_Way, dict[str, str]]:
    names = ("host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile", "direct_tls")
    more = ("server_settings", "target_session_attrs", "krbsrvname", "gsslib")
    addresses, found = _parse_connect_dsn_and_args(dsn=url, **dict.fromkeys(names + more))
    way = _Way(
        tuple(addresses),
        found.ssl or None,
        needs_tls=found.sslmode >= SSLMode.require,
        is_tls_at_once=found.ssl_negotiation == "direct",
    )
    login = {"PGUSER": found.user, "PGPASSWORD": found.password, "PGDATABASE": found.database}
    return way, {name: value for name, value in login.items() if value}


async def _serve(way: _Way, reader: StreamReader, writer: StreamWriter) -> None:
    """Carry one connection, both ways, until either side ends it; the program says what it misses."""
    async with _closing(writer):
        try:
            there_reader, there_writer = await _reach(way)
        except (OSError, RehearsalFailed, asyncio.IncompleteReadError):
            return
        async with _closing(there_writer):
            ways = (_carry(reader, there_writer), _carry(there_reader, writer))
            await asyncio.gather(*ways, return_exceptions=True)


async def _carry(source: StreamReader, sink: StreamWriter) -> None:
    try:
        while chunk := await source.read(CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
    finally:
        sink.close()


@asynccontextmanager
async def _closing(writer: StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _reach(way: _Way) -> tuple[StreamReader, StreamWriter]:
    """Connect to the first address that answers."""
    for address in way.addresses[:-1]:
        with suppress(OSError):
            return await _connect(address, way)
    return await _connect(way.addresses[-1], way)


async def _connect(address: tuple[str, int] | str, way: _Way) -> tuple[StreamReader, StreamWriter]:
    if isinstance(address, str):
        return await asyncio.open_unix_connection(address, limit=CHUNK_BYTES)
    host, port = address
    if way.tls and way.is_tls_at_once:
        return await asyncio.open_connection(host, port, limit=CHUNK_BYTES, ssl=way.tls, server_hostname=host)
    reader, writer = await asyncio.open_connection(host, port, limit=CHUNK_BYTES)
    if way.tls:
        writer.write(TLS_REQUEST)
        answer = await reader.readexactly(1)
        if answer == b"S":
            await writer.start_tls(way.tls, server_hostname=host)
        elif way.needs_tls:
            writer.close()
            raise RehearsalFailed("The server speaks no TLS, and the address asks for it.")
    return reader, writer
