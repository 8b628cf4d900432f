"""Logs of events in a database: the one that readers read, and those that rollbacks of 045 have set aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import MigrationRefused

if TYPE_CHECKING:
    import asyncpg

_LOGS = """
SELECT c.oid::regclass::text AS name, c.relname = 'taskline_events' AS is_read, pg_get_userbyid(c.relowner) AS owner,
       c.relowner = li.relowner OR pg_get_userbyid(c.relowner) = current_user
       OR pg_has_role(c.relowner, li.relowner, 'MEMBER') AS is_trusted
  FROM pg_class c JOIN pg_class li ON li.oid = to_regclass('lead_interactions') AND c.relnamespace = li.relnamespace
 WHERE c.relkind = 'r' AND c.relname ~ '^taskline_events(_rolled_back_045(_\\d+)?)?$'
 ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class EventLog:
    """A table of events."""

    name: str
    """As SQL names it."""
    is_read: bool
    """Whether readers follow it; none does what a rollback has set aside."""


async def event_logs(connection: asyncpg.Connection, where: str) -> list[EventLog]:
    """Return the logs, the one that is read first; none where 045 was never in place.

    Raises MigrationRefused for a table under such a name that is of another owner, whose triggers would act with the
    rights of whoever writes to it.
    """
    rows = await connection.fetch(_LOGS)
    if strange := [row for row in rows if not row["is_trusted"]]:
        name, owner = strange[0]["name"], strange[0]["owner"]
        raise MigrationRefused(
            f"{where}: {name} has the name of a log of events, but belongs to {owner}, who could act with your rights "
            f"by it. Nothing was changed. Next: DROP TABLE {name}; (or rename it)."
        )
    return [EventLog(row["name"], row["is_read"]) for row in rows]
