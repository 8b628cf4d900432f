"""What PostgreSQL did for the statements that the API sent, as the API's role, under its settings."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from db.engine import Address, Connection, Database, Record
from db.sessions import Session
from db.statements import Statement
from tests.databases import APP, CrmDatabase

T = TypeVar("T")
MODES = ["force_custom_plan", "force_generic_plan"]
"""Plans are made for the values of a statement, or for all. PostgreSQL tries the one, and may go on by the other."""

# It tells of each statement what was done for it, while the statement runs as the API sends it: prepared, with its
# arguments apart. EXPLAIN would plan it anew for these arguments.
AUTO_EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}


@dataclass
class Plan:
    """What PostgreSQL did for a statement."""

    tree: Mapping[str, Any]

    def nodes(self) -> Iterator[Mapping[str, Any]]:
        """Yield the parts that ran."""
        waiting = [self.tree]
        while waiting:
            node = waiting.pop()
            if node["Actual Loops"]:
                yield node
            waiting += node.get("Plans", [])

    @property
    def scanned(self) -> set[str]:
        """Tables read from end to end."""
        return {node["Relation Name"] for node in self.nodes() if node["Node Type"] == "Seq Scan"}

    @property
    def most_sorted(self) -> int:
        """The most rows that were given to one sort, however few of them were taken from it."""
        sorts = (node["Plans"][0] for node in self.nodes() if "Sort" in node["Node Type"])
        return max((int(given["Actual Rows"]) for given in sorts), default=0)

    @property
    def blocks(self) -> int:
        return int(self.tree["Shared Hit Blocks"]) + int(self.tree["Shared Read Blocks"])

    def rows_read(self, table: str) -> float:
        """Count the rows that came out of a table, those that were then thrown away among them."""
        scans = [node for node in self.nodes() if node.get("Relation Name") == table]
        found = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        read = (scan["Actual Loops"] * sum(float(scan.get(name, 0)) for name in found) for scan in scans)
        return float(sum(read))


class Explaining(Session):
    """A session that keeps what PostgreSQL did for each of its statements. The database tells by `explain_all`."""

    def __init__(self, database: Database, organization_id: UUID) -> None:
        super().__init__(database, organization_id, 60_000)
        self.plans: list[Plan] = []
        self._asked = ""

    async def rows(self, statement: Statement, **values: object) -> list[Record]:
        self._asked = statement.sql
        found = await super().rows(statement, **values)
        assert self._connection
        # What was done is told when the statement is put away, which the next one does.
        await self._connection.execute("SET LOCAL taskline.explained = on")
        return found

    async def _begin(self, begin: str, more: str = "") -> Connection:
        connection = await super()._begin(begin, more)
        connection.add_log_listener(self._hear)
        return connection

    async def _end(self, how: str) -> None:
        if self._connection:
            self._connection.remove_log_listener(self._hear)
        await super()._end(how)

    def _hear(self, _: Connection, message: asyncpg.PostgresLogMessage) -> None:
        _, _, text = message.message.partition(" plan:\n")
        told = json.loads(text or "{}")
        if told.get("Query Text") == self._asked:
            self.plans.append(Plan(told["Plan"]))


def explain_all(crm: CrmDatabase) -> None:
    """Let the database tell the API's role, in each new connection, what it does for it."""
    settings = (
        f"ALTER ROLE {APP} IN DATABASE {crm.name} SET {name} = '{value}'" for name, value in AUTO_EXPLAIN.items()
    )
    crm.psql("; ".join(settings))


def explained(crm: CrmDatabase, organization_id: UUID, mode: str, use: Callable[[Explaining], Awaitable[T]]) -> T:
    """Return what `use` makes of a session, whose plans are made in this mode."""

    async def run() -> T:
        database = Database(
            Address(f"{crm.app_url}&plan_cache_mode={mode}"),
            pool_size=1,
            pool_wait_ms=5_000,
            statement_timeout_ms=60_000,
            lock_timeout_ms=1_000,
            request_timeout_ms=60_000,
        )
        await database.open()
        try:
            async with Explaining(database, organization_id) as session:
                return await use(session)
        finally:
            await database.close()

    return asyncio.run(run())
