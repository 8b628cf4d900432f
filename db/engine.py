"""The way to the database: one pool of connections for the process, each bound by row security."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

import asyncpg

from db.driver_errors import while_connecting, while_running
from db.instants import from_stored, to_us
from db.listener import listen
from db.pulse import Pulse
from db.server_states import commits_wait
from db.sessions import Session, discard
from errors import Crowded, DatabaseFull, DatabaseReadOnly, Unavailable, UnboundRole

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

Record: TypeAlias = asyncpg.Record
Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy

PLANNER = {
    "jit": "off",  # compiling a plan costs more than any of our statements
    # It tempts the planner to read all tasks without a due date by the old index on the due date alone, and to sort
    # them by id, where the index of tasks has them in order: its estimate knows nothing of so many equal values.
    "enable_incremental_sort": "off",
}

REPLACE_S = 1.0
FULL_S = 300.0
"""How long a full disk is told of after it was met last."""
CLOSE_S = 4.0
ASK_S = 1.0
"""How often it is asked whether commits still wait, at most."""

ESCAPES_ROW_SECURITY = """
SELECT current_user,
       CASE WHEN r.rolsuper THEN 'is a superuser'
            WHEN r.rolbypassrls THEN 'has BYPASSRLS'
            WHEN EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          WHERE c.relname = 'lead_interactions' AND pg_has_role(r.oid, c.relowner, 'USAGE'))
            THEN 'owns lead_interactions' END
  FROM pg_roles r WHERE r.rolname = current_user"""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is, for the API's role."""

    url: str
    is_pooled: bool = False
    """Whether a pooler stands before it that lends a connection for one transaction."""
    listen_url: str | None = None
    """Where word of events is heard, past the pooler. Absent: at `url`, or behind a pooler nowhere."""


@dataclass(frozen=True, slots=True)
class PoolLoad:
    """How many connections are lent and how many are at rest, and how many sessions wait for one."""

    in_use: int
    idle: int
    waiting: int


class Database:
    """The pool of one process. Connections are made when first needed, so it opens without a database."""

    def __init__(
        self,
        address: Address,
        *,
        pool_size: int,
        pool_wait_ms: int,
        statement_timeout_ms: int,
        lock_timeout_ms: int,
        request_timeout_ms: int,
        allow_unbound_role: bool = False,
    ) -> None:
        self._address = address
        self.pool_size = pool_size
        """How many connections there may be."""
        self._waiting = 0
        self.pool_wait_s = pool_wait_ms / 1000
        self._request_timeout_ms = request_timeout_ms
        self._allow_unbound_role = allow_unbound_role
        settings = {
            "timezone": "UTC",
            **PLANNER,
            "statement_timeout": str(statement_timeout_ms),
            "lock_timeout": str(lock_timeout_ms),
            "idle_in_transaction_session_timeout": "30s",
        }
        # What a pooler lends was set by others: there each transaction sets its own.
        is_pooled = address.is_pooled
        self._settings = {"application_name": "taskline"} | ({} if is_pooled else settings)
        self.local_settings = "".join(f"; SET LOCAL {name} = '{settings[name]}'" for name in settings if is_pooled)
        """What a transaction has to set for itself, in SQL that goes on after its BEGIN."""
        self.pulse = Pulse(address.url)
        self._pool: asyncpg.Pool | None = None
        self._replaced_at = -math.inf
        self._full_at = -math.inf
        self._commits_wait = False
        self._asked_at = -math.inf
        self.listens_to: str | None = None
        """Which database word of events comes from, by `db.server_states.IDENTITY`; None while that isn't known."""
        # The patient share half of the pool, and so do all requests of one person: whoever asks finds a connection,
        # however many wait, and whatever somebody else asks for.
        self._share = max(1, pool_size // 2)
        self._of_the_patient = asyncio.Semaphore(self._share)
        self._of_persons: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()

    async def open(self) -> None:
        """Open the pool; makes no connection yet."""
        self._pool = await asyncpg.create_pool(
            self._address.url,
            init_size=0,
            min_size=0,
            max_size=self.pool_size,
            init=self._prepare,
            reset=_leave_as_is,
            server_settings=self._settings,
            # A statement that was prepared on one of a pooler's connections is unknown to the next.
            **({"statement_cache_size": 0} if self._address.is_pooled else {}),
        )

    async def close(self) -> None:
        """Close all connections, waiting for those in use; but not for a server that doesn't answer."""
        if self._pool:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), CLOSE_S)

    @property
    def load(self) -> PoolLoad:
        """What the pool has to do at this moment."""
        size, idle = (self._pool.get_size(), self._pool.get_idle_size()) if self._pool else (0, 0)
        return PoolLoad(size - idle, idle, self._waiting)

    def session(
        self,
        organization_id: UUID,
        *,
        user_id: UUID | None = None,
        request_id: str | None = None,
        patience_ms: int | None = None,
        reruns: int = 0,
    ) -> Session:
        """Start a session for one organization, and its time; use it as an async context manager.

        It takes its connection from the share of `user_id`, if that is given. The log of events keeps `request_id`
        beside what is changed. With `patience_ms` it has that long, and waits as long for one of the connections that
        the patient share. Its operation may be run again `reruns` times.
        """
        return Session(
            self,
            organization_id,
            patience_ms or self._request_timeout_ms,
            share=self._of_the_patient if patience_ms else self._share_of(user_id),
            request_id=request_id,
            patience_s=patience_ms / 1_000 if patience_ms else None,
            reruns=reruns,
        )

    def _share_of(self, user_id: UUID | None) -> asyncio.Semaphore | None:
        if user_id is None:
            return None
        share = self._of_persons.get(user_id)
        if share is None:
            share = self._of_persons[user_id] = asyncio.Semaphore(self._share)
        return share

    async def acquire(self, share: asyncio.Semaphore | None = None, patience_s: float | None = None) -> Connection:
        """Take a connection, of a share if one is given; wait as long as a request does, or as long as patience lasts.

        Raises Unavailable when none comes in time, UnboundRole when it would escape the wall, and DatabaseRefused or
        SettingsInvalid when the address is wrong.
        """
        if self._pool is None:
            raise Unavailable("The database has not been opened yet. Try again.")
        ends_at = asyncio.get_running_loop().time() + (patience_s or self.pool_wait_s)
        self._waiting += 1
        try:
            if share:
                await _of_share(share, ends_at)
            try:
                with while_connecting():
                    return await self._pool.acquire(timeout=max(0.0, ends_at - asyncio.get_running_loop().time()))
            except BaseException:
                if share:
                    share.release()
                raise
        finally:
            self._waiting -= 1

    async def release(self, connection: Connection, share: asyncio.Semaphore | None = None) -> None:
        """Give a connection back."""
        if share:
            share.release()
        if self._pool:
            await self._pool.release(connection)

    @property
    def was_full(self) -> bool:
        """Whether its disk was full when something was to be changed last, not long ago."""
        return asyncio.get_running_loop().time() < self._full_at + FULL_S

    async def note_failure(self, failure: Exception) -> None:
        """Learn from what a statement met: that the disk is full, or that this server takes no changes."""
        if isinstance(failure, DatabaseFull):
            self._full_at = asyncio.get_running_loop().time()
        if isinstance(failure, DatabaseReadOnly):
            await self._replace_connections()

    def note_change(self) -> None:
        """Learn that something was changed: there is room, and a standby."""
        self._full_at = -math.inf
        self._commits_wait = False

    def note_waiting_commit(self) -> None:
        """Learn that a commit was not acknowledged in time."""
        self._commits_wait = True

    async def look_at_commits(self) -> None:
        """Ask whether commits wait on, if some were given up and it wasn't asked just now. Raises Unavailable."""
        if self._commits_wait and asyncio.get_running_loop().time() >= self._asked_at + ASK_S:
            self._asked_at = asyncio.get_running_loop().time()  # whoever comes meanwhile doesn't ask, too
            self._commits_wait = await commits_wait(self)

    def refuse_while_commits_wait(self) -> None:
        """Raise Unavailable while commits that were given up wait on, for a synchronous standby that isn't there.

        Each keeps a connection of the server until there is one, so there must be no more than were under way.
        """
        if self._commits_wait:
            raise Unavailable("The database can't save changes safely right now. Try again in a few seconds.")

    async def _replace_connections(self) -> None:
        """Let each connection be replaced before it serves again: they lead to a server that takes no changes.

        The address may lead to another one by now, or the same may be set otherwise. Does so once in REPLACE_S at most.
        """
        now = asyncio.get_running_loop().time()
        if self._pool and now >= self._replaced_at + REPLACE_S:
            self._replaced_at = now
            await self._pool.expire_connections()

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` whenever events may have been written, by whichever process; until it is cancelled."""
        address = self._address
        if listen_url := address.listen_url or (None if address.is_pooled else address.url):
            await listen(listen_url, heard, self._note_listening)

    def _note_listening(self, identity: str | None) -> None:
        self.listens_to = identity

    async def rows(self, sql: str) -> list[Record]:
        """Run one statement that concerns no organization, for readiness checks. Raises Unavailable."""
        connection = await self.acquire()
        try:
            with while_running():
                await connection.execute(f"BEGIN READ ONLY{self.local_settings}")
                found: list[Record] = await connection.fetch(sql, timeout=self._request_timeout_ms / 1_000)
                await connection.execute("COMMIT")
        except BaseException:
            discard(connection)
            raise
        finally:
            await self.release(connection)
        return found

    async def _prepare(self, connection: asyncpg.Connection) -> None:
        await connection.execute("BEGIN READ ONLY")  # a pooler may lend another connection after each transaction
        await connection.set_type_codec(
            "timestamptz",
            schema="pg_catalog",
            format="tuple",
            encoder=lambda instant: (to_us(instant),),
            decoder=from_stored,
        )
        role, reason = await connection.fetchrow(ESCAPES_ROW_SECURITY)
        await connection.execute("COMMIT")
        if reason and not self._allow_unbound_role:
            raise UnboundRole(
                f"The role {role} of DATABASE_URL {reason}, so row security would not bind it. Give the API a role of "
                "its own (README: “A database of your own”), or set TASKLINE_ALLOW_UNBOUND_ROLE=1 for repair work."
            )


async def _of_share(share: asyncio.Semaphore, ends_at: float) -> None:
    try:
        async with asyncio.timeout_at(ends_at):
            await share.acquire()
    except TimeoutError as exc:
        raise Crowded from exc


async def _leave_as_is(_: asyncpg.Connection) -> None:
    """Reset nothing: a session changes only transaction-local settings, and always ends its transaction."""
