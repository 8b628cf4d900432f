"""A connection for migrations: opened with clear words on failure, alone in its database, listened to."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from errors import (
    MigrationBlocked,
    MigrationFailed,
    MigrationRefused,
    MigrationServerUnreachable,
    MigrationSignInRefused,
    MigrationTargetUnknown,
)

Say = Callable[[str], None]

# "taskline" as eight bytes. The SQL files take the same lock, so psql and the runner exclude each other.
LOCK_KEY = 8386112019184217701
LOCK_WAIT_S = 1_800
CONNECT_TIMEOUT_S = 15
OLDEST_VERSION, NEWEST_VERSION = 15, 18

# What a statement can raise when the server, the database or the connection went away under it.
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DatabaseDroppedError,
    asyncpg.InterfaceError,
    ConnectionResetError,
)

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
    """Yield a connection on which the settings `taskline.*` in `switches` are on; the server's notices go to `say`.

    Raises MigrationTargetUnknown, MigrationServerUnreachable or MigrationSignInRefused; none quotes the password. What
    the server says to a statement inside comes out as MigrationServerUnreachable, MigrationRefused or MigrationFailed.
    """
    connection = await _connect(url)
    try:
        major = connection.get_server_version().major
        if not OLDEST_VERSION <= major <= NEWEST_VERSION:
            raise MigrationServerUnreachable(
                f"{place(url)} runs PostgreSQL {major}, but {OLDEST_VERSION} to {NEWEST_VERSION} are supported."
            )
        connection.add_log_listener(lambda _, notice: say(f"  {notice.message}"))
        if api_role:
            await connection.execute("SELECT set_config('taskline.api_role', $1, false)", api_role)
        for switch in switches:
            await connection.execute("SELECT set_config('taskline.' || $1::text, 'on', false)", switch)
        yield connection
    except LOST as exc:
        raise MigrationServerUnreachable(
            f"The connection to {place(url)} was lost: {exc}. Run it again: it goes on where it stopped."
        ) from exc
    except asyncpg.InsufficientPrivilegeError as exc:
        raise MigrationRefused(f"{place(url)}: {words_of(exc)}. Run it as the owner of the tables.") from exc
    except asyncpg.PostgresError as exc:
        raise MigrationFailed(
            f"{place(url)}, outside of a file: {words_of(exc)} (SQLSTATE {exc.sqlstate}). Run it again."
        ) from exc
    finally:
        connection.terminate()


async def lock_out_others(connection: asyncpg.Connection, say: Say) -> None:
    """Wait until no other migration runs in this database; the lock ends with the connection.

    Polled: a waiter inside pg_advisory_lock() holds a snapshot and deadlocks with a concurrent index build.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    is_told = False
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
        holder = await connection.fetchrow(_HOLDER, LOCK_KEY)
        words = (
            f"process {holder['pid']} ({holder['usename']}, {holder['application_name'] or 'no application name'}), "
            f"connected since {holder['backend_start']:%Y-%m-%d %H:%M:%S %Z}"
            if holder
            else "it has just ended"
        )
        if not is_told:
            say(f"Waiting for another migration of this database: {words}.")
            is_told = True
        if time.monotonic() > deadline:
            raise MigrationBlocked(
                f"Another migration still runs after {LOCK_WAIT_S // 60} minutes: {words}. Nothing was changed."
            )
        await asyncio.sleep(random.uniform(0.1, 0.3))  # noqa: S311 - jitter, not a secret


def words_of(exc: asyncpg.PostgresError) -> str:
    """Return the server's message, its detail and its hint, each on a line, without the labels that the driver adds."""
    return "\n".join(str(text) for text in (exc.args[0], exc.detail, exc.hint) if text)


def place(url: str) -> str:
    """Return server and database of an address, without user and password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or "the local socket"
        return f"{host}{f':{parts.port}' if parts.port else ''}, database {parts.path.lstrip('/') or '(default)'}"
    except ValueError:
        return "the address given"


async def _connect(url: str) -> asyncpg.Connection:
    # No cache: a statement may change what the next one means. The name tells others for whom they wait.
    settings = {"application_name": "taskline migrate"}
    try:
        return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, statement_cache_size=0, server_settings=settings)
    except asyncpg.InvalidAuthorizationSpecificationError as exc:
        raise MigrationSignInRefused(
            f"{place(url)} refuses the user or password: {exc}. Check both in the address."
        ) from None
    except asyncpg.InvalidCatalogNameError as exc:
        raise MigrationSignInRefused(f"{place(url)}: {exc}. Check the database's name in the address.") from None
    except asyncpg.PostgresError as exc:
        raise MigrationServerUnreachable(f"{place(url)} takes no connection: {exc}. Try again later.") from None
    except (OSError, TimeoutError, ssl.SSLError) as exc:
        why = str(exc) or "no answer in time"
        raise MigrationServerUnreachable(
            f"Can't reach {place(url)}: {why}. Check host and port, and that the server runs."
        ) from None
    except (asyncpg.ClientConfigurationError, asyncpg.InterfaceError, ValueError):
        raise MigrationTargetUnknown(
            "The address isn't one that can be read. It looks like postgresql://user:password@host:5432/database."
        ) from None
