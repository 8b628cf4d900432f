"""What the database's server is at this moment: whether it takes changes, what its clock says, and which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.engine import Database

# Which database it is: the same on a standby of it.
IDENTITY = """
SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
                 (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
# A role sees this of its own backends alone, whoever has begun them. With a standby a commit waits for milliseconds.
COMMITS_WAIT = """
EXISTS (SELECT FROM pg_stat_activity
         WHERE wait_event = 'SyncRep' AND state_change < clock_timestamp() - interval '1 s')
"""
# A standby that has received all and read all of it is behind nothing, however long ago the last change was.
_STATE = f"""
SELECT pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()
            THEN CAST(coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) AS float8)
            ELSE 0 END,
       CAST(current_setting('default_transaction_read_only') AS boolean),
       CAST(extract(epoch FROM clock_timestamp()) AS float8),
       ({IDENTITY}),
       {COMMITS_WAIT}
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a server says of itself; times in seconds."""

    is_standby: bool
    behind_s: float
    """How old what a standby shows may be; 0 when it shows all that it has been sent."""
    is_read_only: bool
    clock_s: float
    """Its clock, since 1970."""
    identity: str
    commits_wait: bool
    """Whether commits of our role's wait for a synchronous standby that doesn't answer."""


async def server_state(database: Database) -> ServerState:
    """Ask the server. 1 statement. Raises Unavailable."""
    (row,) = await database.rows(_STATE)
    return ServerState(*row)


async def commits_wait(database: Database) -> bool:
    """Ask that alone. 1 statement. Raises Unavailable."""
    ((is_so,),) = await database.rows(f"SELECT {COMMITS_WAIT}")
    return bool(is_so)
