"""SQL as a CRM's owner over a connection that stays open: psql takes tens of milliseconds to start, this takes one."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.databases import CrmDatabase

DEADLINE_S = 10


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a CRM, whom row security doesn't bind."""

    database: CrmDatabase
    _connection: asyncpg.Connection
    _runner: asyncio.Runner

    def run(self, sql: str) -> None:
        self._runner.run(self._connection.execute(sql))

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return what a query finds, with the values that JSON has for them."""
        whole = f"SELECT coalesce(json_agg(r), '[]') FROM ({query}) r"
        rows: list[dict[str, Any]] = json.loads(self._runner.run(self._connection.fetchval(whole)))
        return rows

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Keep everybody else, readers too, out of a table until the block ends."""
        self.run(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        try:
            yield
        finally:
            self.run("ROLLBACK")

    def wait_for_waiters(self, count: int = 1) -> None:
        """Return as soon as this many statements of others wait for a lock."""
        deadline = time.monotonic() + DEADLINE_S
        sql = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
        while self._runner.run(self._connection.fetchval(sql)) < count:
            assert time.monotonic() < deadline, f"fewer than {count} statements wait after {DEADLINE_S} s"
            self._runner.run(asyncio.sleep(0.005))


@contextmanager
def owner_of(database: CrmDatabase) -> Iterator[Owner]:
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(database.owner_url))
        try:
            yield Owner(database, connection, runner)
        finally:
            runner.run(connection.close())
