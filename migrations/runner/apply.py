"""Applies migrations in order: what is in place is recorded, what is missing is run."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg

from errors import MigrationFailed, MigrationRefused, MigrationServerUnreachable, TasklineError
from migrations.runner import files, ledger
from migrations.runner.catalogue import fingerprint, is_in_place, readiness
from migrations.runner.execution import run_file
from migrations.runner.ledger import Entry, Outcome
from migrations.runner.sessions import LOST, Say, lock_out_others, place, session

if TYPE_CHECKING:
    from migrations.runner.files import MigrationFile

BASELINE = 40
_HAS_TABLE = "SELECT to_regclass('lead_interactions') IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run did, in the order in which it did it; no entry means that there was nothing to do."""

    run_id: UUID
    entries: list[Entry] = field(default_factory=list)


async def up(
    url: str, *, api_role: str | None = None, through: int | None = None, only: str | None = None, say: Say
) -> Run:
    """Bring a database to migration `through`, or to the last one; with `only`, run that one file, be it done or not.

    A database that has the CRM's tables is never given 040; a schema that psql made is recorded after its catalogue was
    checked. Raises MigrationTargetUnknown, MigrationFileUnusable, MigrationServerUnreachable, MigrationSignInRefused,
    MigrationRefused, MigrationBlocked or MigrationFailed; after each of them, running again goes on from there.
    """
    wanted = [files.named(only)] if only else files.forward(through)
    return await _run(url, wanted, say, api_role=api_role, is_forced=bool(only))


async def rollback(url: str, version: int, *, api_role: str | None = None, say: Say) -> Run:
    """Take one migration back by its rollback file, which refuses if that would lose a link. Raises as `up` does."""
    return await _run(url, [files.rollback_of(version)], say, api_role=api_role, is_forced=True)


async def _run(url: str, wanted: list[MigrationFile], say: Say, *, api_role: str | None, is_forced: bool) -> Run:
    run = Run(uuid4())
    async with session(url, say, api_role=api_role) as connection:
        try:
            await lock_out_others(connection, say)
            for file in wanted:
                await _bring(connection, run, file, say, is_forced=is_forced)
        except LOST as exc:
            raise MigrationServerUnreachable(
                f"The connection to {place(url)} was lost: {exc}. Run it again: it goes on where it stopped."
            ) from exc
        except asyncpg.InsufficientPrivilegeError as exc:
            raise MigrationRefused(f"{place(url)}: {exc}. Run migrations as the owner of the tables.") from exc
        except asyncpg.PostgresError as exc:
            raise MigrationFailed(f"{place(url)}, outside of a file: {exc} (SQLSTATE {exc.sqlstate}).") from exc
    return run


async def _bring(connection: asyncpg.Connection, run: Run, file: MigrationFile, say: Say, *, is_forced: bool) -> None:
    """Do for one file what is left to do."""
    clock = _Clock(datetime.now(UTC), time.monotonic())
    if not is_forced and (done := await _standing(connection, file)):
        outcome, words = done
        say(f"{file.name}: {words}")
        if outcome:
            await _record(connection, run, file, outcome, clock)
        return
    try:
        await run_file(connection, file, say)
    except TasklineError:
        await _record_failure(connection, run, file, clock)
        raise
    await _record(connection, run, file, Outcome.ROLLED_BACK if file.is_rollback else Outcome.APPLIED, clock)


async def _standing(connection: asyncpg.Connection, file: MigrationFile) -> tuple[Outcome | None, str] | None:
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
    await connection.execute("ROLLBACK")
    with contextlib.suppress(asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
        if await connection.fetchval(_HAS_TABLE):  # else not a CRM's database: leave no trace in it
            await _record(connection, run, file, Outcome.FAILED, clock)
