"""Which database this is, without a secret: the server's own number for itself, and the database's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

_DATABASE = """
SELECT d.oid, d.datname::text AS name, current_setting('server_version') AS server_version,
       pg_postmaster_start_time() AS server_started_at,
       has_function_privilege('pg_control_system()', 'EXECUTE') AS has_number
  FROM pg_database d WHERE d.datname = current_database()
"""
_NUMBER = "SELECT system_identifier FROM pg_control_system()"


@dataclass(frozen=True, slots=True)
class Identity:
    """A database on a server."""

    id: str
    """The cluster's system identifier and the database's number: the same as long as it lives, whatever its name."""
    name: str
    server_version: str
    server_started_at: datetime
    """A physical copy of a server has its identifier, but hasn't started in the same microsecond."""


async def identity(connection: asyncpg.Connection) -> Identity:
    """Return which database this is. Any role may ask; where the cluster's number is hidden, it is left out."""
    row = await connection.fetchrow(_DATABASE)
    number = await connection.fetchval(_NUMBER) if row["has_number"] else "hidden"
    return Identity(f"{number}/{row['oid']}", row["name"], row["server_version"], row["server_started_at"])
