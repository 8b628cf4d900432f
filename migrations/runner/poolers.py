"""Whether a connection pooler stands before the server, and whether it lets a connection keep its session."""

from __future__ import annotations

import asyncio

import asyncpg

from errors import MigrationRefused, MigrationServerUnreachable, TasklineError
from migrations.runner.connections import connect, place

FIRST_ANSWER_S = 15
"""How long a pooler may take to find a process for the first statement; without a pooler, none has to be found."""
TURN_S = 0.25
QUEUE_S = 2
ROUNDS = 12
_ONLY_STATEMENTS = "statement pooling mode"


async def refuse_pooling(connection: asyncpg.Connection, url: str) -> None:
    """Raise MigrationRefused if a pooler runs this connection's transactions in changing server processes.

    A migration keeps its lock, its settings and its temporary tools in one session. 1 statement where no pooler is: the
    process that signed us in is the one that answers, whereas a pooler makes up a number of its own. MigrationServer-
    Unreachable if the pooler has no process free, or admits no second connection by which it could be tried.
    """
    try:
        mine = await asyncio.wait_for(_process(connection), FIRST_ANSWER_S)
    except TimeoutError:
        raise MigrationServerUnreachable(
            f"The pooler at {place(url)} had no server connection free within {FIRST_ANSWER_S} s. Nothing was changed. "
            "Try again later, or give the address of the PostgreSQL server itself."
        ) from None
    if mine == connection.get_server_pid():
        return
    try:
        await connection.execute("BEGIN")
        await connection.execute("COMMIT")
    except asyncpg.PostgresConnectionError as exc:
        if is_of_statement_mode(exc):
            raise refusal(url, "statement") from None
        raise
    if not await _is_kept(connection, mine, url):
        raise refusal(url, "transaction")


def is_of_statement_mode(exc: BaseException) -> bool:
    """Return whether these are the words by which a pooler refuses a transaction."""
    return _ONLY_STATEMENTS in str(exc)


def refusal(url: str, mode: str) -> TasklineError:
    """Return what to say about a pooler in `transaction` or `statement` mode."""
    return MigrationRefused(
        f"{place(url)} is a connection pooler that may run each {mode} in another server process (PgBouncer: "
        f"pool_mode={mode}), and a migration needs one of its own. Nothing was changed. Give the address of the "
        "PostgreSQL server itself, or of a pool with pool_mode=session."
    )


async def _is_kept(first: asyncpg.Connection, mine: int, url: str) -> bool:
    """Return whether `first` keeps its process, `mine`, although a second connection wants one."""
    try:
        second = await connect(url)
    except TasklineError as exc:
        raise MigrationServerUnreachable(
            "Whether the pooler keeps a session's process can't be tried, because it admits no second connection. "
            f"Nothing was changed. Give the address of the PostgreSQL server itself. {exc}"
        ) from None
    asking: asyncio.Future[int] | None = None
    try:
        for turn in range(ROUNDS):
            asking = asyncio.ensure_future(_begin(second))
            await asyncio.wait([asking], timeout=TURN_S)
            if not asking.done() and (is_kept := await _is_served_before(asking, first)) is not None:
                return is_kept
            if await asking == mine or await _is_lost(first, second, mine, is_last=bool(turn % 2)):
                return False
        return True
    finally:
        second.terminate()
        if asking:  # it must not end unheard
            await asyncio.gather(asking, return_exceptions=True)


async def _is_lost(first: asyncpg.Connection, second: asyncpg.Connection, mine: int, *, is_last: bool) -> bool:
    """Return whether `first` gets another process than `mine`, in a transaction beside one of `second`, or after both.

    A pooler that hands on the process that came back last gives it the other one if `first` ends first; a pooler that
    hands on the oldest, if `first` ends last. Others who use the pool can spoil a round, but not all rounds.
    """
    if await _begin(first) != mine:
        return True
    for connection in (second, first) if is_last else (first, second):
        await connection.execute("COMMIT")
    return await _process(first) != mine


async def _is_served_before(asking: asyncio.Future[int], first: asyncpg.Connection) -> bool | None:
    """Say whether `first` is served while `second`, which asked before it, waits; None if it waits no more.

    If it is, again and again, then `first` has a process that nobody else is given. Else it queues like everybody.
    """
    for _ in range(3):
        try:
            await asyncio.wait_for(_process(first), QUEUE_S)
        except TimeoutError:
            return None if asking.done() else False
        if asking.done():
            return None
    return True


async def _begin(connection: asyncpg.Connection) -> int:
    await connection.execute("BEGIN")
    return await _process(connection)


async def _process(connection: asyncpg.Connection) -> int:
    """Return the number of the server process that answers.

    By COPY, which is one message: a prepared statement could be looked for in another process than it was made in.
    """
    received = bytearray()

    async def keep(chunk: bytes) -> None:
        received.extend(chunk)

    await connection.copy_from_query("SELECT pg_backend_pid()", output=keep)
    return int(received)
