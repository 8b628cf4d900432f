"""How far the pending migrations would get: the first one's own refusals, and for all of them steps and a trial."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from errors import MigrationBlocked
from migrations.plan.steps import Step, has_steps, steps_of
from migrations.plan.trials import tools, trial
from migrations.runner.connections import LOST, words_of
from migrations.runner.execution import translated
from migrations.runner.pending import BASELINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from errors import TasklineError
    from migrations.runner.files import MigrationFile
    from migrations.runner.splitter import Statement

# The file's own wait for its turn: a plan has looked whether somebody migrates, and keeps nobody from it.
_LOCK = "pg_try_advisory_lock"
# A plan waits for nobody; what takes longer is said not to have been looked at. The files take these off themselves.
TIMEOUTS = "SET lock_timeout = '2s'; SET statement_timeout = '60s'"


@dataclass(slots=True)
class Lookahead:
    """By migration: its steps, the lines of its trial, and why it would refuse; then what couldn't be looked at."""

    steps: dict[int, list[Step]] = field(default_factory=dict)
    tried: dict[int, list[str]] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)


async def look_ahead(connection: asyncpg.Connection, pending: Sequence[MigrationFile]) -> Lookahead:
    """Look how far the pending migrations would get, up to the first refusal. What it does is taken back.

    The first file's refusals are its own, asked in the database as it is; a later one's are asked as the files before
    it would leave the database. 040's tables are made and, with all the rest, rolled back.
    """
    found = Lookahead()
    first, *later = pending
    if first.version == BASELINE:
        refusal = await _run(connection, first, [s for s in first.statements if s.text != "COMMIT"])
        known = []
    else:
        refusal = await _ask(connection, first, found)
        known = [first]
    if refusal:
        found.refusals[first.version] = str(refusal)
    else:
        known += [file for file in later if await _look(connection, file, found)]
    if not refusal and not found.gaps:
        outcome = await trial(connection, known, asked=first.version)
        found.tried, found.refusals = outcome.lines, outcome.refusals
        found.gaps += [f"whether tasks will work: not tried, for {outcome.gap}"] if outcome.gap else []
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
    return found


async def _ask(connection: asyncpg.Connection, file: MigrationFile, found: Lookahead) -> TasklineError | None:
    """Run a file up to its step Obstacles, which is as far as it changes nothing; return its refusal."""
    session = [s for s in file.statements if s.step == "Session" and _LOCK not in s.text]
    if refusal := await _run(connection, file, session):
        return refusal
    await _look(connection, file, found)
    return await _run(connection, file, [s for s in file.statements if s.step == "Obstacles"], found)


async def _look(connection: asyncpg.Connection, file: MigrationFile, found: Lookahead) -> bool:
    """Make a file's tools, which are temporary, and read its steps; false, and a gap, where that can't be."""
    if not has_steps(file.version):
        found.gaps.append(f"the steps of {file.name}: they are not in plan/")
        return False
    try:
        await connection.execute(TIMEOUTS)
        for statement in [*(s for s in file.statements if s.step in {"Tools", "Proof"}), *tools()]:
            await connection.execute(statement.text)
        for statement in file.statements:
            if statement.step == "Obstacles" and not statement.text.startswith("DO"):
                await connection.execute(statement.text)
        found.steps[file.version] = await steps_of(connection, file.version)
    except LOST:
        raise
    except asyncpg.PostgresError as exc:
        found.gaps.append(f"the steps of {file.name}: {words_of(exc)}")
        return False
    return True


async def _run(
    connection: asyncpg.Connection, file: MigrationFile, statements: Iterable[Statement], found: Lookahead | None = None
) -> TasklineError | None:
    """Run statements up to the first error, and return it; a lock or a time-out is no refusal, but a gap."""
    for statement in statements:
        try:
            await connection.execute(statement.text)
        except LOST:
            raise
        except asyncpg.PostgresError as exc:
            error = translated(exc, file, statement)
            if found and (isinstance(error, MigrationBlocked) or isinstance(exc, asyncpg.QueryCanceledError)):
                found.gaps.append(f"what would refuse {file.name}: {words_of(exc)}")
                return None
            return error
    return None
