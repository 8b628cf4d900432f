"""Whether tasks will work after a migration that hasn't run yet: tried on temporary copies, and taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from migrations.plan.steps import PLAN
from migrations.runner.execution import translated
from migrations.runner.splitter import Statement, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrations.runner.files import MigrationFile

TRIAL = PLAN / "trial.sql"
_KINDS = ["lead", "contact", "account", "both"]
_PROVE = """
SELECT a->>'verdict' AS verdict, pg_temp.line_of(a) AS line
  FROM jsonb_array_elements(pg_temp.prove($1)) WITH ORDINALITY AS t(a, n) ORDER BY n
"""


@dataclass(slots=True)
class Trial:
    """What came of it: lines by migration, the first refusal by migration, and why nothing was tried, if so."""

    lines: dict[int, list[str]] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)
    gap: str | None = None


def tools() -> list[Statement]:
    """Return the statements that make the tools of a trial, which are temporary."""
    return split(TRIAL.read_text(encoding="utf-8"))


async def trial(connection: asyncpg.Connection, pending: Sequence[MigrationFile], *, asked: int | None) -> Trial:
    """Try the tasks that the pending migrations promise, in the order in which they run, up to the first refusal.

    The session has the tools of all of them and of trials. `asked` is the migration whose obstacles were asked in the
    database itself; those of later ones are asked on the copies. Everything is taken back: the transaction that is
    open, or that this opens, has ended. Locks: ACCESS SHARE on the originals for some milliseconds, tried for 150 ms.
    """
    found = Trial()
    if not connection.is_in_transaction():
        await connection.execute("BEGIN")
    try:
        await connection.execute(
            "SELECT set_config('lock_timeout', '150ms', true), set_config('row_security', 'off', true)"
        )
        found.gap = await connection.fetchval("SELECT pg_temp.trial_obstacle()")
        if found.gap:
            return found
        # Plans of the tools still mean the originals; from here on the same names mean the copies.
        await connection.execute("SELECT pg_temp.copy_tables()")
        await connection.execute("DISCARD PLANS")
        for file in pending:
            await _try(connection, file, found, is_asked=file.version == asked)
            if found.refusals:
                break
    except asyncpg.LockNotAvailableError:
        found.gap = "one of the tables is locked by somebody at the moment"
    except asyncpg.PostgresError as exc:
        found.gap = str(exc)
    finally:
        await connection.execute("ROLLBACK")
    return found


async def _try(connection: asyncpg.Connection, file: MigrationFile, found: Trial, *, is_asked: bool) -> None:
    if not is_asked and (refusal := await _obstacles(connection, file)):
        found.refusals[file.version] = refusal
        return
    await connection.execute(f"SELECT pg_temp.leave_as_{file.version:03}()")
    rows = await connection.fetch(_PROVE, _KINDS)
    found.lines[file.version] = [row["line"] for row in rows]
    failed = [f"  - {row['line']}" for row in rows if row["verdict"] == "failed"]
    if failed:
        found.refusals[file.version] = "\n".join(
            [f"{file.name} would run and not be complete, for in a database as it leaves it:", *failed]
        )


async def _obstacles(connection: asyncpg.Connection, file: MigrationFile) -> str | None:
    """Return the refusal of the file's last look before it begins, here a look at the copies."""
    for statement in file.statements:
        # What is called commits as it goes, and so can't be part of this; it is the proof, which comes anyway.
        if statement.step != "Obstacles" or "CALL pg_temp" in statement.text:
            continue
        await connection.execute("SAVEPOINT obstacles")
        try:
            await connection.execute(statement.text)
        except asyncpg.PostgresError as exc:
            await connection.execute("ROLLBACK TO obstacles")
            return str(translated(exc, file, statement))
    return None
