"""A connection for migrations: alone in its database, listened to, and its failures in clear words."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from errors import MigrationBlocked, MigrationFailed, MigrationRefused, MigrationServerUnreachable
from migrations.runner.connections import LOST, connect, place, words_of
from migrations.runner.intruders import refuse_intruders
from migrations.runner.poolers import is_of_statement_mode, refusal, refuse_pooling

if TYPE_CHECKING:
    from datetime import datetime

Say = Callable[[str], None]

# "taskline" as eight bytes. The SQL files take the same lock, so psql and the runner exclude each other.
LOCK_KEY = 8386112019184217701
LOCK_WAIT_S = 1_800
_ENCODINGS = ("UTF8", "SQL_ASCII")  # the latter takes any bytes
OLDEST_VERSION, NEWEST_VERSION = 15, 18

_NO_SCHEMA = re.compile(r"permission denied for schema (?P<name>.+)")
_HOLDER = """
SELECT a.pid, a.usename, a.application_name, a.backend_start
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
   AND (l.classid::bigint << 32 | l.objid::bigint) = $1
"""


@asynccontextmanager
async def session(
    url: str, say: Say, *, api_role: str | None = None, switches: Collection[str] = ()
) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection that may change things, in one server process from beginning to end; notices go to `say`.

    The settings `taskline.*` in `switches` are on.

    Raises MigrationTargetUnknown, MigrationServerUnreachable or MigrationSignInRefused, and MigrationRefused for a
    pooler that shares the process; none quotes the password. What the server says to a statement inside comes out as
    MigrationServerUnreachable, MigrationRefused or MigrationFailed.
    """
    async with _opened(url, say) as connection:
        await refuse_pooling(connection, url)
        await _set_api_role(connection, api_role)
        for switch in switches:
            await connection.execute("SELECT set_config('taskline.' || $1::text, 'on', false)", switch)
        yield connection


@asynccontextmanager
async def reading(url: str, say: Say, *, api_role: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection that can only read, all of it in one snapshot; a pooler in transaction mode is well.

    Raises as `session` does.
    """
    async with _opened(url, say) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await _set_api_role(connection, api_role)
        yield connection


async def _set_api_role(connection: asyncpg.Connection, api_role: str | None) -> None:
    if api_role:
        await connection.execute("SELECT set_config('taskline.api_role', $1, false)", api_role)


@asynccontextmanager
async def _opened(url: str, say: Say) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(url)
    try:
        major = connection.get_server_version().major
        if not OLDEST_VERSION <= major <= NEWEST_VERSION:
            raise MigrationServerUnreachable(
                f"{place(url)} runs PostgreSQL {major}, but {OLDEST_VERSION} to {NEWEST_VERSION} are supported. "
                "Nothing was changed."
            )
        await refuse_intruders(connection, place(url))
        connection.add_log_listener(lambda _, notice: say(f"  {notice.message}"))
        yield connection
    except LOST as exc:
        if is_of_statement_mode(exc):
            raise refusal(url, "statement") from None
        is_said = exc.args and not isinstance(
            exc, asyncpg.InternalClientError
        )  # which speaks of the driver's own states
        raise MigrationServerUnreachable(
            f"The connection to {place(url)} was lost: {exc.args[0] if is_said else 'it was closed'}. "
            "Run it again: it goes on where it stopped."
        ) from exc
    except asyncpg.InsufficientPrivilegeError as exc:
        raise MigrationRefused(f"{place(url)}: {words_of(exc)}. {_remedy(exc)}") from exc
    except asyncpg.PostgresError as exc:
        raise MigrationFailed(
            f"{place(url)}, outside of a file: {words_of(exc)} (SQLSTATE {exc.sqlstate}). Run it again."
        ) from exc
    finally:
        connection.terminate()


def _remedy(exc: asyncpg.InsufficientPrivilegeError) -> str:
    if schema := _NO_SCHEMA.fullmatch(str(exc.args[0])):
        return f"Its owner can allow it: GRANT CREATE ON SCHEMA {schema['name']} TO the role that runs this."
    return "Run it as the owner of the tables."


async def refuse_read_only(connection: asyncpg.Connection, where: str) -> None:
    """Raise MigrationRefused if the server is a standby, or writes nothing by default."""
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        raise MigrationRefused(f"{where} is a standby, which is read-only. Nothing was changed. Run it on the primary.")
    if await connection.fetchval("SELECT current_setting('transaction_read_only')::boolean"):
        raise MigrationRefused(
            f"{where} is read-only: default_transaction_read_only is on, for this role, this database or the server. "
            "Nothing was changed. Run it on the primary, or as a role that may write."
        )


async def refuse_encoding(connection: asyncpg.Connection, where: str) -> None:
    """Raise MigrationRefused if the database can't hold what the files say: 🎉, ✅ and … in names, notices and code."""
    encoding = await connection.fetchval("SELECT current_setting('server_encoding')")
    if encoding not in _ENCODINGS:
        raise MigrationRefused(
            f"{where} has the encoding {encoding}, which lacks characters of the migrations. Nothing was changed. Move "
            "it to one in UTF8: pg_dump, createdb -T template0 -E UTF8, pg_restore. docs/migrations.md says what psql "
            "does instead."
        )


async def lock_out_others(connection: asyncpg.Connection, say: Say) -> None:
    """Wait until no other migration runs in this database; the lock ends with the connection.

    Polled: a waiter inside pg_advisory_lock() holds a snapshot and deadlocks with a concurrent index build.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    is_told = False
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
        words = await lock_holder(connection) or "it has just ended"
        if not is_told:
            say(f"Waiting for another migration of this database: {words}.")
            is_told = True
        if time.monotonic() > deadline:
            raise MigrationBlocked(
                f"Another migration still runs after {LOCK_WAIT_S // 60} minutes: {words}. Nothing was changed."
            )
        await asyncio.sleep(random.uniform(0.1, 0.3))  # noqa: S311 - jitter, not a secret


async def lock_holder(connection: asyncpg.Connection) -> str | None:
    """Return who migrates this database now, in words; None if nobody does."""
    holder = await connection.fetchrow(_HOLDER, LOCK_KEY)
    return holder and (
        f"process {holder['pid']} ({holder['usename']}, {holder['application_name'] or 'no application name'}), "
        f"connected since {_moment(holder['backend_start'])}"
    )


def _moment(seen: datetime | None) -> str:
    """Return an instant in words; a session of another role shows it only to those who may read all statistics."""
    return f"{seen:%Y-%m-%d %H:%M:%S %Z}" if seen else "a time that its role keeps to itself"
