"""How many connections the server has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.engine import Database

# A limit of -1 is none. Others use the same room; how much they need is theirs to know.
ROOM = """
SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - coalesce(current_setting('reserved_connections', true), '0')::int,
             nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1))
  FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()"""


async def connection_room(database: Database) -> int:
    """Return how many connections our role can have at most, when nobody else has any. Raises as `acquire` does."""
    ((room,),) = await database.rows(ROOM)
    return int(room)
