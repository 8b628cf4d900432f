"""SQL as a CRM's owner over a connection that stays open: psql takes tens of milliseconds to start, this takes one."""

import asyncio
import json
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a CRM, whom row security doesn't bind."""

    database: CrmDatabase
    _connection: asyncpg.Connection
    _loop: asyncio.AbstractEventLoop
    """In a thread of its own: while a browser is open, its event loop has the thread of the test."""

    def run(self, sql: str) -> None:
        """Run SQL; what it begins and doesn't end stays open, unless it fails."""
        try:
            self._wait_for(self._connection.execute(sql))
        except asyncpg.PostgresError:
            self._wait_for(self._connection.execute("ROLLBACK"))
            raise

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return what a query finds, with the values that JSON has for them."""
        whole = f"SELECT coalesce(json_agg(r), '[]') FROM ({query}) r"
        rows: list[dict[str, Any]] = json.loads(self._wait_for(self._connection.fetchval(whole)))
        return rows

    @contextmanager
    def transaction(self, sql: str) -> Iterator[None]:
        """Begin a transaction with some SQL; what the block doesn't commit is taken back at its end."""
        self.run(f"BEGIN; {sql}")
        try:
            yield
        finally:
            self.run("ROLLBACK")

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Keep everybody else, readers too, out of a table until the block ends."""
        with self.transaction(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
            yield

    def wait_for_waiters(self, count: int = 1) -> None:
        """Return as soon as this many statements of others wait for a lock of mine."""
        deadline = time.monotonic() + DEADLINE_S
        mine = "pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        sql = f"SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND {mine}"
        while self._wait_for(self._connection.fetchval(sql)) < count:
            assert time.monotonic() < deadline, f"fewer than {count} statements wait after {DEADLINE_S} s"
            self._wait_for(asyncio.sleep(0.005))

    def _wait_for(self, coroutine: Coroutine[Any, Any, Found]) -> Found:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


@contextmanager
def owner_of(database: CrmDatabase, *, is_superuser: bool = False) -> Iterator[Owner]:
    with connected(database, database.superuser_url if is_superuser else database.owner_url) as owner:
        yield owner


@contextmanager
def connected(database: CrmDatabase, url: str) -> Iterator[Owner]:
    """Connect as whoever the address names, who may well be bound by row security."""
    with _loop_aside() as loop:
        connection = asyncio.run_coroutine_threadsafe(asyncpg.connect(url), loop).result()
        try:
            yield Owner(database, connection, loop)
        finally:
            asyncio.run_coroutine_threadsafe(connection.close(), loop).result()


@contextmanager
def _loop_aside() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
