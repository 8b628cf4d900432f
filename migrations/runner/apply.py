"""Applies migrations in order: what is recorded and in place is passed over, all else is run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg

from errors import MigrationNotPromoted, MigrationRefused, TasklineError
from migrations.runner import files, ledger
from migrations.runner.catalogue import fingerprint
from migrations.runner.connections import place
from migrations.runner.execution import FileRun, run_file
from migrations.runner.ledger import Entry, Outcome
from migrations.runner.pending import HAS_TABLE, Seen, settled, to_run
from migrations.runner.progress import Watch
from migrations.runner.sessions import Say, lock_out_others, refuse_encoding, refuse_read_only, session

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from migrations.runner.files import MigrationFile

LINKS = 41
BRING_BACK = "bring_back"
API_ROLE = "taskline_api"
_IS_BOUND = """
SELECT NOT (r.rolsuper OR r.rolbypassrls OR coalesce(pg_has_role(r.oid, c.relowner, 'MEMBER'), false))
  FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('lead_interactions') WHERE r.rolname = $1
"""


Look = Callable[[asyncpg.Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run did so far, in the order in which it did it; no entry means that there was nothing to do."""

    run_id: UUID = field(default_factory=uuid4)
    entries: list[Entry] = field(default_factory=list)
    files: list[FileRun] = field(default_factory=list)
    """Those that ran, as against those that were only recorded; the last one may have failed."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which files are to be brought to a database, and how."""

    wanted: Sequence[MigrationFile]
    forced: Collection[int]
    """The numbers of those that run, be they done or not."""
    api_role: str | None = None
    switches: Collection[str] = ()
    """Settings of the files that are to be on: `redact`, `checksum`, `bring_back`."""
    watch: Say | None = None
    """Shows what a long step is doing, in place of what it showed before."""


async def up(
    url: str,
    *,
    api_role: str | None = None,
    through: int | None = None,
    only: str | None = None,
    switches: Collection[str] = (),
    say: Say,
) -> Run:
    """Bring a database to migration `through`, or to the last one; with `only`, run that one file, be it done or not.

    `switches` are settings of the files that are to be on: `redact`, `checksum`, `bring_back`.

    A database that has the CRM's tables is never given 040. A file that isn't recorded runs, also where its catalogue
    is right: it then finds nothing to change, proves by tasks that they work, and is recorded as adopted.

    Raises MigrationTargetUnknown, MigrationFileUnusable, MigrationServerUnreachable, MigrationSignInRefused,
    MigrationRefused, MigrationBlocked or MigrationFailed; after each of them, running again goes on from there.
    """
    return await run(url, request(through=through, only=only, api_role=api_role, switches=switches), say=say)


def request(
    *, through: int | None = None, only: str | None = None, api_role: str | None = None, switches: Collection[str] = ()
) -> Request:
    """Return what `up` means by its arguments. Raises MigrationFileUnusable."""
    wanted = [files.named(only)] if only else files.forward(through)
    forced = {file.version for file in wanted} if only else {LINKS} if BRING_BACK in switches else set()
    return Request(wanted, forced, api_role, switches)


async def rollback(
    url: str,
    version: int,
    *,
    api_role: str | None = None,
    switches: Collection[str] = (),
    before: Look | None = None,
    after: Look | None = None,
    say: Say,
) -> Run:
    """Take one migration back by its rollback file, which refuses if that would lose a link. Raises as `up` does.

    `before` is awaited with the connection when no other migration can run any more, and before anything is done;
    `after` when all is done.
    """
    back = Request([files.rollback_of(version)], {version}, api_role, switches)
    return await run(url, back, before=before, after=after, say=say)


async def run(
    url: str,
    request: Request,
    *,
    into: Run | None = None,
    permitted: Collection[str] | None = None,
    before: Look | None = None,
    after: Look | None = None,
    say: Say,
) -> Run:
    """Do what is asked for, when no other migration can run any more. Raises as `up` does.

    Returns `into`, which holds what was done after an error, too. `permitted` are the hashes of the files that may run,
    absent for all; MigrationNotPromoted if another one must.
    """
    done = into or Run()
    watch = Watch(url, request.watch) if request.watch else None
    async with session(url, say, api_role=request.api_role, switches=request.switches) as connection:
        await refuse_read_only(connection, place(url))
        await refuse_encoding(connection, place(url))
        if request.api_role:
            await check_role(connection, request.api_role)
        await lock_out_others(connection, say)
        if permitted is not None:
            await _refuse_what_came_since(connection, request, permitted)
        if before:
            await before(connection)
        seen = Seen()
        for file in request.wanted:
            await _bring(connection, done, file, seen, say, watch, is_forced=file.version in request.forced)
        if after:
            await after(connection)
    return done


async def _refuse_what_came_since(connection: asyncpg.Connection, request: Request, permitted: Collection[str]) -> None:
    """Refuse a file that must run now and wasn't among those that were looked at, before anything is done."""
    must_run = await to_run(connection, request.wanted, request.forced)
    if names := [file.name for file in must_run if file.hash not in permitted]:
        raise MigrationNotPromoted(
            f"{' and '.join(names)} must run too, which wasn't so a moment ago: the file or the database has changed. "
            "Nothing was changed. Run it again."
        )


async def check_role(connection: asyncpg.Connection, name: str) -> None:
    """Refuse a role that isn't there, or that row security doesn't bind, before anything is done for it."""
    is_bound = await connection.fetchval(_IS_BOUND, name)
    if is_bound is None and name != API_ROLE:  # which 042 makes
        quoted = name.replace('"', '""')
        raise MigrationRefused(
            f"--api-role {name}: the server has no such role. Check the name, or make the role as an administrator "
            f'(CREATE ROLE "{quoted}" LOGIN;). Nothing was changed.'
        )
    if is_bound is False:
        raise MigrationRefused(
            f"--api-role {name}: row security doesn't bind it. It is a superuser, has BYPASSRLS, or belongs to the "
            "owner of lead_interactions. Name the role with which the API signs in. Nothing was changed."
        )


async def _bring(
    connection: asyncpg.Connection,
    run: Run,
    file: MigrationFile,
    seen: Seen,
    say: Say,
    watch: Watch | None,
    *,
    is_forced: bool,
) -> None:
    """Do for one file what is left to do."""
    clock = _Clock(datetime.now(UTC), time.monotonic())
    if not is_forced and (done := await settled(connection, file, seen)):
        say(f"{file.name}: {done.words}")
        if done.outcome:
            await _record(connection, run, file, done.outcome, clock, await fingerprint(connection))
        return
    seen.forget()
    before = await fingerprint(connection)
    is_known = file.version in await ledger.latest(connection) or file.name in await ledger.failed(connection)
    run.files.append(FileRun(file.name))
    try:
        await run_file(connection, file, run.files[-1], say, watch)
    except TasklineError:
        await _record_failure(connection, run, file, clock)
        raise
    made = await fingerprint(connection)
    if not (file.is_rollback or is_forced or is_known) and before == made:
        say(f"{file.name}: nothing was left to change, for it was made by other means; its proof held")
        await _record(connection, run, file, Outcome.ADOPTED, clock, made)
    elif not file.is_rollback:
        await _record(connection, run, file, Outcome.APPLIED, clock, made)
    elif before != made or file.version in await ledger.latest(connection):
        await _record(connection, run, file, Outcome.ROLLED_BACK, clock, made)


@dataclass(frozen=True, slots=True)
class _Clock:
    started_at: datetime
    started: float


async def _record(
    connection: asyncpg.Connection, run: Run, file: MigrationFile, outcome: Outcome, clock: _Clock, made: str
) -> None:
    duration_ms = round((time.monotonic() - clock.started) * 1_000)
    proof = run.files[-1].proof if outcome is Outcome.APPLIED else []
    entry = Entry(run.run_id, file.version, file.name, file.hash, outcome, clock.started_at, duration_ms, made, proof)
    await ledger.record(connection, entry)
    run.entries.append(entry)


async def _record_failure(connection: asyncpg.Connection, run: Run, file: MigrationFile, clock: _Clock) -> None:
    """Record that a file failed, where that is possible; the failure itself matters more."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
    with contextlib.suppress(asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
        if await connection.fetchval(HAS_TABLE):  # else not a CRM's database: leave no trace in it
            await _record(connection, run, file, Outcome.FAILED, clock, await fingerprint(connection))
