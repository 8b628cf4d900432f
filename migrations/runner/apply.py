"""Applies migrations in order: what is in place is recorded, what is missing is run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg

from errors import MigrationRefused, TasklineError
from migrations.runner import files, ledger
from migrations.runner.catalogue import fingerprint, is_in_place, readiness
from migrations.runner.connections import place
from migrations.runner.execution import run_file
from migrations.runner.ledger import Entry, Outcome
from migrations.runner.sessions import Say, lock_out_others, refuse_read_only, session

if TYPE_CHECKING:
    from collections.abc import Collection

    from migrations.runner.files import MigrationFile

BASELINE = 40
LINKS = 41
BRING_BACK = "bring_back"
API_ROLE = "taskline_api"
_HAS_TABLE = "SELECT to_regclass('lead_interactions') IS NOT NULL"
_IS_BOUND = """
SELECT NOT (r.rolsuper OR r.rolbypassrls OR coalesce(pg_has_role(r.oid, c.relowner, 'MEMBER'), false))
  FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('lead_interactions') WHERE r.rolname = $1
"""


Before = Callable[[asyncpg.Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run did, in the order in which it did it; no entry means that there was nothing to do."""

    run_id: UUID
    entries: list[Entry] = field(default_factory=list)


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

    A database that has the CRM's tables is never given 040; a schema that psql made is recorded after its catalogue was
    checked. Raises MigrationTargetUnknown, MigrationFileUnusable, MigrationServerUnreachable, MigrationSignInRefused,
    MigrationRefused, MigrationBlocked or MigrationFailed; after each of them, running again goes on from there.
    """
    wanted = [files.named(only)] if only else files.forward(through)
    return await _run(url, wanted, say, api_role=api_role, switches=switches, is_forced=bool(only))


async def rollback(
    url: str,
    version: int,
    *,
    api_role: str | None = None,
    switches: Collection[str] = (),
    before: Before | None = None,
    say: Say,
) -> Run:
    """Take one migration back by its rollback file, which refuses if that would lose a link. Raises as `up` does.

    `before` is awaited with the connection when no other migration can run any more, and before anything is done.
    """
    wanted = [files.rollback_of(version)]
    return await _run(url, wanted, say, api_role=api_role, switches=switches, is_forced=True, before=before)


async def _run(
    url: str,
    wanted: list[MigrationFile],
    say: Say,
    *,
    api_role: str | None,
    switches: Collection[str],
    is_forced: bool,
    before: Before | None = None,
) -> Run:
    run = Run(uuid4())
    async with session(url, say, api_role=api_role, switches=switches) as connection:
        await refuse_read_only(connection, place(url))
        if api_role:
            await check_role(connection, api_role)
        await lock_out_others(connection, say)
        if before:
            await before(connection)
        for file in wanted:
            asks_again = file.version == LINKS and BRING_BACK in switches  # also where 041 is in place
            await _bring(connection, run, file, say, is_forced=is_forced or asks_again)
    return run


async def check_role(connection: asyncpg.Connection, name: str) -> None:
    """Refuse a role that isn't there, or that row security doesn't bind, before anything is done for it."""
    is_bound = await connection.fetchval(_IS_BOUND, name)
    if is_bound is None and name != API_ROLE:  # which 042 makes
        raise MigrationRefused(
            f"--api-role {name}: the server has no such role. Check the name, or make the role as an administrator "
            f'(CREATE ROLE "{name}" LOGIN;). Nothing was changed.'
        )
    if is_bound is False:
        raise MigrationRefused(
            f"--api-role {name}: row security doesn't bind it. It is a superuser, has BYPASSRLS, or belongs to the "
            "owner of lead_interactions. Name the role with which the API signs in. Nothing was changed."
        )


async def _bring(connection: asyncpg.Connection, run: Run, file: MigrationFile, say: Say, *, is_forced: bool) -> None:
    """Do for one file what is left to do."""
    clock = _Clock(datetime.now(UTC), time.monotonic())
    if not is_forced and (done := await standing(connection, file)):
        outcome, words = done
        say(f"{file.name}: {words}")
        if outcome:
            await _record(connection, run, file, outcome, clock)
        return
    before = await fingerprint(connection)
    try:
        await run_file(connection, file, say)
    except TasklineError:
        await _record_failure(connection, run, file, clock)
        raise
    if not file.is_rollback:
        await _record(connection, run, file, Outcome.APPLIED, clock)
    elif before != await fingerprint(connection) or file.version in await ledger.latest(connection):
        await _record(connection, run, file, Outcome.ROLLED_BACK, clock)


async def standing(connection: asyncpg.Connection, file: MigrationFile) -> tuple[Outcome | None, str] | None:
    """Return what to record and to say about a file that needn't run; None if it must."""
    recorded = (await ledger.latest(connection)).get(file.version)
    if file.version == BASELINE:
        if not await connection.fetchval(_HAS_TABLE):
            return None
        return (
            (None, "in place, nothing to do")
            if recorded
            else (Outcome.BASELINED, "was here before us; recorded, not run")
        )
    if not is_in_place(await readiness(connection), file.version):
        return None
    if not recorded:
        return Outcome.ADOPTED, "in place, made by other means; its catalogue is right; recorded, not run"
    return (None, "in place, nothing to do") if recorded.hash == file.hash else None


@dataclass(frozen=True, slots=True)
class _Clock:
    started_at: datetime
    started: float


async def _record(
    connection: asyncpg.Connection, run: Run, file: MigrationFile, outcome: Outcome, clock: _Clock
) -> None:
    duration_ms = round((time.monotonic() - clock.started) * 1_000)
    made = await fingerprint(connection)
    entry = Entry(run.run_id, file.version, file.name, file.hash, outcome, clock.started_at, duration_ms, made)
    await ledger.record(connection, entry)
    run.entries.append(entry)


async def _record_failure(connection: asyncpg.Connection, run: Run, file: MigrationFile, clock: _Clock) -> None:
    """Record that a file failed, where that is possible; the failure itself matters more."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
    with contextlib.suppress(asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
        if await connection.fetchval(_HAS_TABLE):  # else not a CRM's database: leave no trace in it
            await _record(connection, run, file, Outcome.FAILED, clock)
