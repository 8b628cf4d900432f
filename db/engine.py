"""The way to the database: a pool for the process, and a session for one operation of one organization.

A session holds at most one connection and runs its statements in turn, so sibling fields may ask at once and a request
can never wait for a second connection while it holds one.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from db.instants import from_us, to_us
from errors import ConstraintViolated, SettingsInvalid, TimedOut, Unavailable, UnboundRole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Self
    from uuid import UUID

    from db.statements import Statement

Record: TypeAlias = asyncpg.Record

# One snapshot for all statements of a query, so that a page and its relations agree.
BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
BEGIN_WRITE = "BEGIN"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"

UNREACHABLE = "The database can't be reached right now. Try again in a few seconds."
LOST_CONNECTION = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    # What asyncpg says between the server's last word on an idle connection and its end: statements of ours never meet.
    asyncpg.InternalClientError,
)
NO_CONNECTION = (
    *LOST_CONNECTION,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # ALLOW_CONNECTIONS false, as during a maintenance
)

ESCAPES_ROW_SECURITY = """
SELECT current_user,
       CASE WHEN r.rolsuper THEN 'is a superuser'
            WHEN r.rolbypassrls THEN 'has BYPASSRLS'
            WHEN EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          WHERE c.relname = 'lead_interactions' AND pg_has_role(r.oid, c.relowner, 'USAGE'))
            THEN 'owns lead_interactions' END
  FROM pg_roles r WHERE r.rolname = current_user"""


class Database:
    """The pool of one process. Connections are made when first needed, so it opens without a database."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int,
        pool_wait_ms: int,
        statement_timeout_ms: int,
        lock_timeout_ms: int,
        allow_unbound_role: bool = False,
    ) -> None:
        self._url = url
        self._pool_size = pool_size
        self._pool_wait_s = pool_wait_ms / 1000
        self._allow_unbound_role = allow_unbound_role
        self._settings = {
            "application_name": "taskline",
            "timezone": "UTC",
            "jit": "off",  # compiling a plan costs more than any of our statements
            "statement_timeout": str(statement_timeout_ms),
            "lock_timeout": str(lock_timeout_ms),
            "idle_in_transaction_session_timeout": "30s",
        }
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Open the pool; makes no connection yet."""
        self._pool = await asyncpg.create_pool(
            self._url,
            init_size=0,
            min_size=0,
            max_size=self._pool_size,
            init=self._prepare,
            reset=_leave_as_is,
            server_settings=self._settings,
        )

    async def close(self) -> None:
        """Close all connections, waiting for those in use."""
        if self._pool:
            await self._pool.close()

    def session(self, organization_id: UUID) -> Session:
        """Start a session for one organization; use it as an async context manager."""
        return Session(self, organization_id)

    async def acquire(self) -> asyncpg.pool.PoolConnectionProxy:
        """Take a connection. Raises Unavailable when none comes in time, UnboundRole when it would escape the wall."""
        if self._pool is None:
            raise Unavailable("The database has not been opened yet. Try again.")
        try:
            return await self._pool.acquire(timeout=self._pool_wait_s)
        except ValueError as exc:  # asyncpg.ClientConfigurationError is one, too
            # Without the driver's words: they can hold a part of the password.
            raise SettingsInvalid(
                "DATABASE_URL can't be read. Write it as postgresql://user:password@host:5432/database, "
                "with %XX for special characters in the password."
            ) from exc
        except TimeoutError as exc:
            raise Unavailable("All database connections are busy. Try again in a few seconds.") from exc
        except NO_CONNECTION as exc:
            raise Unavailable(UNREACHABLE) from exc

    async def release(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        """Give a connection back."""
        if self._pool:
            await self._pool.release(connection)

    async def rows(self, sql: str) -> list[Record]:
        """Run one statement that concerns no organization, for readiness checks. Raises Unavailable."""
        connection = await self.acquire()
        try:
            with _translated():
                found: list[Record] = await connection.fetch(sql)
        except BaseException:
            connection.terminate()
            raise
        finally:
            await self.release(connection)
        return found

    async def _prepare(self, connection: asyncpg.Connection) -> None:
        await connection.set_type_codec(
            "timestamptz",
            schema="pg_catalog",
            format="tuple",
            encoder=lambda instant: (to_us(instant),),
            decoder=lambda stored: from_us(stored[0]),
        )
        role, reason = await connection.fetchrow(ESCAPES_ROW_SECURITY)
        if reason and not self._allow_unbound_role:
            raise UnboundRole(
                f"The role {role} of DATABASE_URL {reason}, so row security would not bind it. Give the API a role of "
                "its own (README: “A database of your own”), or set TASKLINE_ALLOW_UNBOUND_ROLE=1 for repair work."
            )


async def _leave_as_is(_: asyncpg.Connection) -> None:
    """Reset nothing: a session changes only transaction-local settings, and always ends its transaction."""


class Session:
    """One operation's statements for one organization, in turn on one connection."""

    def __init__(self, database: Database, organization_id: UUID) -> None:
        self.organization_id = organization_id
        self.statements = 0
        """How many statements that read or write data have run; BEGIN, the setting and COMMIT are not counted."""
        self._database = database
        self._connection: asyncpg.pool.PoolConnectionProxy | None = None
        self._turn = asyncio.Lock()
        self._lost: Unavailable | None = None

    async def __aenter__(self) -> Self:
        """Start without a connection: the first statement takes one."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the open transaction, if any, and give the connection back. A statement that comes later is refused."""
        async with self._turn:
            self._lost = self._lost or Unavailable("The answer was given up before it was whole. Try again.")
            await self._end(ROLLBACK)

    async def settled(self) -> None:
        """Return when no statement runs or waits for its turn."""
        async with self._turn:
            return

    async def rows(self, statement: Statement, **values: object) -> list[Record]:
        """Run one statement and return its rows.

        `organization_id` is always among its values. Raises ConstraintViolated, TimedOut or Unavailable. A failed
        statement ends its transaction, which would refuse all others; the next one begins a new one.
        """
        arguments = statement.arguments(values | {"organization_id": self.organization_id})
        async with self._turn:
            try:
                connection = self._connection or await self._begin(BEGIN_READ)
                self.statements += 1
                with _translated():
                    found: list[Record] = await connection.fetch(statement.sql, *arguments)
            except Exception:
                await self._end(ROLLBACK)
                raise
        return found

    async def number(self, statement: Statement, **values: object) -> int:
        """Run a statement that returns one row with one number, a count for instance."""
        ((number,),) = await self.rows(statement, **values)
        return int(number)

    @asynccontextmanager
    async def write(self, actor_id: UUID) -> AsyncIterator[None]:
        """Run the statements of the block in one transaction that writes; commit it at the end, or undo all of it.

        The actor is left in the setting app.current_user_id, which triggers of older databases read.
        """
        async with self._turn:
            await self._end(ROLLBACK)  # of what was read before: a new snapshot begins
            await self._begin(BEGIN_WRITE, f"; SET LOCAL app.current_user_id = '{actor_id}'")
        try:
            yield
        except BaseException:
            await self._end(ROLLBACK)
            raise
        await self._end(COMMIT)

    async def _begin(self, begin: str, more: str = "") -> asyncpg.pool.PoolConnectionProxy:
        """Open a transaction and set the tenant in one packet. A uuid printed by uuid.UUID is safe in SQL."""
        if self._lost:  # the answer is lost already: not each of its fields waits anew
            raise Unavailable(str(self._lost))
        try:
            connection = self._connection = await self._database.acquire()
        except Unavailable as exc:
            self._lost = exc
            raise
        with _translated():
            tenant = f"SET LOCAL app.current_organization_id = '{self.organization_id}'"
            await connection.execute(f"{begin}; {tenant}{more}")
        return connection

    async def _end(self, how: str) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            with _translated():
                await connection.execute(how)
        except BaseException as exc:
            connection.terminate()  # whatever state it is in, nobody else gets it
            if how == COMMIT or not isinstance(exc, Unavailable):
                raise
        finally:
            await self._database.release(connection)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (asyncpg.LockNotAvailableError, asyncpg.TransactionRollbackError) as exc:  # the latter: lost a deadlock
        raise TimedOut("Somebody else is changing the same row. Try again.") from exc
    except asyncpg.QueryCanceledError as exc:
        raise TimedOut("The answer took too long and was stopped. Ask for less, or try again.") from exc
    except asyncpg.IntegrityConstraintViolationError as exc:
        raise ConstraintViolated(exc.constraint_name) from exc
    except LOST_CONNECTION as exc:
        raise Unavailable(UNREACHABLE) from exc
