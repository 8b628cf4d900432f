"""A session: the statements of one operation, for one organization.

It holds at most one connection and runs its statements in turn, so sibling fields may ask at once and a request can
never wait for a second connection while it holds one.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from db.driver_errors import UNREACHABLE, while_running
from db.observers import NOBODY
from db.statements import as_expression
from errors import AnswerLost, ChangeUnknown, ConnectionLost, DatabaseSilent, TimedOut, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Self
    from uuid import UUID

    from db.engine import Connection, Database, Record
    from db.observers import Observer
    from db.statements import Statement

# One snapshot for all statements of a query, so that a page and its relations agree.
BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
BEGIN_WRITE = "BEGIN"
PLAN_ANEW = "SET LOCAL plan_cache_mode = force_custom_plan"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"
# A server that answers at all ends a statement by itself, in `statement_timeout_ms`; this is for one that doesn't.
END_S = {COMMIT: 4.0, ROLLBACK: 1.0}
# When it is asked whether the server answers at all: so long after a statement began, but not before so long before the
# end of the time. A look takes a second, so a server that is frozen is found out in time.
WATCH_AFTER_S = 0.5
WATCH_BEFORE_END_S = 2.5
MAYBE_MADE = (
    "The connection to the database broke while the change was being saved, so it may have been made. Look before you "
    "make it again; with an idempotency key it can simply be sent again."
)
MADE = (
    "What was to be changed up to here has been saved; only the answer could not be read to its end. Look at what is "
    "there, and don't send the change again."
)


class Session:
    """One operation's statements for one organization, in turn on one connection."""

    def __init__(
        self,
        database: Database,
        organization_id: UUID,
        timeout_ms: int,
        *,
        share: asyncio.Semaphore | None = None,
        request_id: str | None = None,
        patience_s: float | None = None,
        reruns: int = 0,
    ) -> None:
        self.organization_id = organization_id
        self.request_id = request_id
        """What the log says of the request in which something was changed."""
        self.client_mutation_id: str | None = None
        """The caller's own text for the change that is made next, for the log."""
        self.changes: int | None = 0
        """How many transactions that write it has committed; None when the acknowledgement of one was lost."""
        self.has_made = False
        """Whether it has certainly committed what would be done twice if all of the operation were sent again."""
        self.statements = 0
        """How many statements that read or write data have run; BEGIN, the setting and COMMIT are not counted."""
        self.observer: Observer = NOBODY
        """Who is told of each statement, BEGIN and COMMIT among them, and of the wait for a connection."""
        self._database = database
        self._connection: Connection | None = None
        self._writing: Connection | None = None
        """The connection whose transaction is to be committed as a whole, while there is one."""
        self._is_planning_anew = False
        self._turn = asyncio.Lock()
        self._timeout_ms = timeout_ms
        self._share = share
        """What it takes its connection from, if not from all that there are."""
        self._patience_s = patience_s
        self._deadline = asyncio.get_running_loop().time() + timeout_ms / 1_000
        self._begun_at: float | None = None
        self._lost: Unavailable | None = None
        self._reruns = reruns
        """How often all of the operation may still be run again."""
        self._is_cut = False
        self._has_changed = False
        """Whether it has, or may have, committed what would be done twice if it were run again."""
        self._running: asyncio.Timeout | None = None
        """What stops the statement that runs, while one does."""
        self._is_silent = False
        """Whether the server was found not to answer at all."""

    async def __aenter__(self) -> Self:
        """Start without a connection: the first statement takes one."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session."""
        await self.close()

    async def close(self) -> None:
        """End the open transaction, if any, and give the connection back. A statement that comes later is refused."""
        async with self._turn:
            self._lost = self._lost or Unavailable("The answer was given up before it was whole. Try again.")
            await self._end(ROLLBACK)

    @property
    def age_s(self) -> float:
        """How long ago its latest transaction was begun, and with it what it reads; 0 before the first one."""
        return 0.0 if self._begun_at is None else asyncio.get_running_loop().time() - self._begun_at

    @property
    def is_lost(self) -> bool:
        """Whether it has been closed, or found no connection: it answers nothing any more."""
        return self._lost is not None

    @property
    def is_to_rerun(self) -> bool:
        """Whether its connection broke, and all of the operation may be run again without doing anything twice."""
        return self._is_cut and not self._has_changed and self._reruns > 0

    def again(self) -> Session:
        """Return a new session for another run of the same operation, in what is left of its time."""
        session = Session(
            self._database,
            self.organization_id,
            self._timeout_ms,
            share=self._share,
            request_id=self.request_id,
            patience_s=self._patience_s,
            reruns=self._reruns - 1,
        )
        session._deadline = self._deadline
        session.observer = self.observer
        return session

    def give_up(self) -> None:
        """Let the statement that runs, and all that wait or come later, fail at once: nobody wants them any more.

        A commit that has begun isn't stopped, as it never is.
        """
        self._deadline = asyncio.get_running_loop().time()
        if self._running and not self._running.expired():
            self._running.reschedule(self._deadline)

    async def settled(self) -> None:
        """Return when no statement runs or waits for its turn."""
        async with self._turn:
            return

    async def rows(self, statement: Statement, **values: object) -> list[Record]:
        """Run one statement and return its rows.

        `organization_id` is always among its values. Raises ConstraintViolated, TimedOut or Unavailable, and instead of
        the latter two AnswerLost for what is read after a change that must not be made twice. A failed statement ends
        its transaction, which would refuse all others; the next one begins a new one. When the session's time is up,
        the statement that runs is stopped, and none begins.
        """
        arguments = statement.arguments(values | {"organization_id": self.organization_id})
        async with self._turn:
            try:
                async with self._in_time():
                    connection = await self._ready_for(statement)
                    self.statements += 1
                    with while_running(), self.observer.statement(statement.sql):
                        found: list[Record] = await connection.fetch(statement.sql, *arguments)
            except Exception as exc:
                await self._database.note_failure(exc)
                await self._end(ROLLBACK)
                if self.has_made and not self._writing and isinstance(exc, Unavailable | TimedOut):
                    raise AnswerLost(MADE) from exc
                raise
        return found

    async def number(self, statement: Statement, **values: object) -> int:
        """Run a statement that returns one row with one number, a count for instance."""
        ((number,),) = await self.rows(statement, **values)
        return int(number)

    @asynccontextmanager
    async def write(self, actor_id: UUID, *, is_once: bool = False) -> AsyncIterator[None]:
        """Run the statements of the block in one transaction that writes; commit it at the end, or undo all of it.

        The commit is never stopped, so that nobody is told of a timeout when the change was made. With `is_once` the
        block, run again, does nothing that it has done before.
        The actor is left in the setting app.current_user_id, which triggers of older databases read, too; that and the
        names of request and change are what the log of events has of it.
        A write within a write is a part of it: the outermost decides.
        """
        if self._writing:
            yield
            return
        async with self._turn:
            await self._end(ROLLBACK)  # of what was read before: a new snapshot begins
            async with self._in_time():
                await self._database.look_at_commits()
                self._database.refuse_while_commits_wait()
                more = f"; SET LOCAL app.current_user_id = '{actor_id}'{self._for_the_log()}"
                self._writing = await self._begin(BEGIN_WRITE, more)
        try:
            yield
            self._database.refuse_while_commits_wait()  # others may have given up theirs meanwhile
        except BaseException:
            await self._end(ROLLBACK)
            raise
        finally:
            begun, self._writing = self._writing, None
        if self._connection is not begun:  # a statement failed, and the block went on all the same
            await self._end(ROLLBACK)
            raise Unavailable("The change was undone, because a part of it failed. Try again.")
        self._has_changed |= not is_once
        await self._end(COMMIT)
        self._database.note_change()
        self.has_made |= not is_once
        if self.changes is not None:
            self.changes += 1

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Stop the block when the session's time is up, or the server is silent. Raises TimedOut or DatabaseSilent."""
        late = (
            f"The request took longer than {self._timeout_ms:,} ms, and was stopped here. Ask for less, or try again."
        )
        if asyncio.get_running_loop().time() >= self._deadline:
            raise TimedOut(late)
        try:
            async with self._watched(), asyncio.timeout_at(self._deadline) as self._running:
                yield
        except TimeoutError as exc:
            if self._is_silent:
                self._lost = DatabaseSilent(UNREACHABLE)
                raise self._lost from exc
            raise TimedOut(late) from exc
        except ConnectionLost as exc:
            self._cut(exc)
            raise
        finally:
            self._running = None

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Watch the server while the block runs, when that takes long."""
        loop = asyncio.get_running_loop()
        begins_at = max(loop.time() + WATCH_AFTER_S, self._deadline - WATCH_BEFORE_END_S)
        watch: list[asyncio.Task[None]] = []
        begin = loop.call_at(begins_at, lambda: watch.append(loop.create_task(self._database.pulse.watch(self._fall))))
        try:
            yield
        finally:
            begin.cancel()
            for task in watch:
                task.cancel()

    def _fall(self) -> None:
        """Note that the server is silent, and stop the statement that runs."""
        self._is_silent = True
        if self._running and not self._running.expired():
            self._running.reschedule(asyncio.get_running_loop().time())

    def _cut(self, failure: ConnectionLost) -> None:
        """Note that the connection broke; what is to be run again runs no further."""
        self._is_cut = True
        if self.is_to_rerun:
            self._lost = self._lost or failure

    async def _ready_for(self, statement: Statement) -> Connection:
        """Return the connection, in a transaction that plans as the statement needs it, and goes on so."""
        if self._connection is None:
            self._is_planning_anew = statement.is_planned_anew
            return await self._begin(BEGIN_READ, f"; {PLAN_ANEW}" if statement.is_planned_anew else "")
        if statement.is_planned_anew and not self._is_planning_anew:
            with while_running(), self.observer.statement(PLAN_ANEW):
                await self._connection.execute(PLAN_ANEW)
            self._is_planning_anew = True
        return self._connection

    async def _begin(self, begin: str, more: str = "") -> Connection:
        """Open a transaction and set the tenant in one packet. A uuid printed by uuid.UUID is safe in SQL."""
        if self._lost:  # the answer is lost already: not each of its fields waits anew
            raise Unavailable(str(self._lost))
        try:
            with self.observer.wait():
                connection = self._connection = await self._database.acquire(self._share, self._patience_s)
        except Unavailable as exc:
            self._lost = exc
            raise
        tenant = f"SET LOCAL app.current_organization_id = '{self.organization_id}'"
        try:
            with while_running(), self.observer.statement(begin):
                wait_s = self._patience_s or self._database.pool_wait_s
                await connection.execute(f"{begin}{self._database.local_settings}; {tenant}{more}", timeout=wait_s)
        except DatabaseSilent as exc:  # nothing keeps a server from beginning a transaction, unless it's frozen or away
            discard(connection)
            self._lost = exc
            raise
        self._begun_at = asyncio.get_running_loop().time()
        return connection

    def _for_the_log(self) -> str:
        """Return what tells the triggers of the log whose change it is, and that it may be announced at once."""
        texts = {"taskline.request_id": self.request_id, "taskline.client_mutation_id": self.client_mutation_id}
        return "; SET LOCAL taskline.notify = on" + "".join(
            f"; SELECT set_config('{name}', {as_expression(text)}, true)" for name, text in texts.items() if text
        )

    async def _end(self, how: str) -> None:
        connection, self._connection = self._connection, None
        self._is_planning_anew = False
        if connection is None:
            return
        try:
            if self._is_silent and how == ROLLBACK:
                discard(connection)
                return
            with while_running(), self.observer.statement(how):
                await connection.execute(how, timeout=END_S[how])
        except BaseException as exc:
            discard(connection)
            if how == COMMIT and isinstance(exc, ConnectionLost | DatabaseSilent):
                if isinstance(exc, DatabaseSilent):
                    self._database.note_waiting_commit()
                self.changes = None
                lost = (ChangeUnknown if self._has_changed else ConnectionLost)(MAYBE_MADE)
                self._cut(lost)
                raise lost from exc
            if how == COMMIT or not isinstance(exc, Unavailable):
                raise
        finally:
            await self._database.release(connection, self._share)


def discard(connection: Connection) -> None:
    """End a connection, whatever state it is in, so that nobody else gets it."""
    with suppress(Unavailable), while_running():  # the pool may have seen its end, and taken it back
        connection.terminate()
