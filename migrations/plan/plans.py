"""What `up` would do in a database, before it does it: steps left, refusals, and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from errors import MigrationBlocked, MigrationRefused
from migrations.plan.lookahead import TIMEOUTS, Lookahead, look_ahead
from migrations.plan.steps import Step, steps_by_checks
from migrations.plan.surroundings import Surroundings, surroundings
from migrations.runner import apply, files
from migrations.runner.catalogue import readiness
from migrations.runner.connections import place
from migrations.runner.pending import Seen, settled
from migrations.runner.sessions import lock_holder, refuse_encoding, refuse_read_only, session

if TYPE_CHECKING:
    from migrations.runner.files import MigrationFile

_IS_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One migration: whether it would run, its steps, what its trial said, and why it would refuse, if it would."""

    version: int
    file: str
    will_run: bool
    words: str
    steps: list[Step] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` would do; `gaps` says what could not be looked at, and why."""

    files: list[FilePlan]
    surroundings: Surroundings
    refusals: list[str]
    gaps: list[str]


async def plan(url: str, *, api_role: str | None = None, through: int | None = None, is_redacted: bool = False) -> Plan:
    """Return what `up` would do with the same arguments. Changes nothing, and waits for nobody.

    Of the first file that would run, the statements are run that look and change nothing, up to its step Obstacles,
    and what the files promise is tried on temporary copies; both make temporary objects, and a task is made and taken
    back. Where that can't be, on a read-only server or while a migration runs, the catalogue alone is read, and `gaps`
    says so.
    Raises MigrationTargetUnknown, MigrationServerUnreachable, MigrationSignInRefused or MigrationBlocked, and
    MigrationRefused for a database in whose encoding not even this can be asked.
    """
    refusals: list[str] = []
    async with session(url, lambda _: None, api_role=api_role) as connection:
        await refuse_encoding(connection, place(url))
        await connection.execute(TIMEOUTS)
        try:
            await refuse_read_only(connection, place(url))
            if api_role:
                await apply.check_role(connection, api_role)
        except MigrationRefused as exc:
            refusals.append(str(exc))
        around = await surroundings(connection, is_redacted=is_redacted)
        try:
            found, gaps = await _planned(connection, files.forward(through), refusals)
        except asyncpg.LockNotAvailableError as exc:
            raise MigrationBlocked(
                f"Somebody holds a lock on the tables that keeps even readers out ({exc}). Plan again after it."
            ) from exc
    return Plan(found, around, refusals + [entry.refusal for entry in found if entry.refusal], gaps + around.gaps)


async def _planned(
    connection: asyncpg.Connection, wanted: list[MigrationFile], refusals: list[str]
) -> tuple[list[FilePlan], list[str]]:
    standing, gaps = await _standings(connection, wanted, refusals)
    pending = [file for file in wanted if standing[file.version] is None]
    checks = await readiness(connection)
    ahead = Lookahead()
    if pending and (holder := await lock_holder(connection)):
        gaps.append(f"what would refuse: another migration of this database is running: {holder}. Plan again after it.")
    elif pending and await connection.fetchval(_IS_READ_ONLY):
        gaps.append("locks, obstacles, and whether tasks will work: this server is read-only. Plan on the primary.")
    elif pending:
        ahead = await look_ahead(connection, pending)
    found: list[FilePlan] = []
    for file in wanted:
        is_stopped = any(entry.refusal for entry in found)
        words = standing[file.version] or ("would not be reached" if is_stopped else "would run")
        steps = ahead.steps.get(file.version) or steps_by_checks(checks, file.version)
        tried, refusal = ahead.tried.get(file.version, []), ahead.refusals.get(file.version)
        found.append(FilePlan(file.version, file.name, file in pending, words, steps, tried, refusal))
    return found, gaps + ahead.gaps


async def _standings(
    connection: asyncpg.Connection, wanted: list[MigrationFile], refusals: list[str]
) -> tuple[dict[int, str | None], list[str]]:
    """Return `{version: words, or None if it would run}` as `up` decides it, and what couldn't be looked at."""
    try:
        seen = Seen()
        return {file.version: await _words(connection, file, seen) for file in wanted}, []
    except asyncpg.InsufficientPrivilegeError as exc:
        refusals.append(f"{exc}. Run up as the owner of the tables.")
    checks = await readiness(connection)
    words = {
        file.version: "in place" if all(c.is_met for c in checks if c.migration == file.version) else None
        for file in wanted
    }
    return words, ["the runner's ledger: this user may not read it"]


async def _words(connection: asyncpg.Connection, file: MigrationFile, seen: Seen) -> str | None:
    done = await settled(connection, file, seen)
    return done.words if done else None
