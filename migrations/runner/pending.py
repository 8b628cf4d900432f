"""What is left to do in a database: which files would run, and why the others needn't."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrations.runner import ledger
from migrations.runner.catalogue import is_in_place, readiness
from migrations.runner.ledger import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

    from migrations.runner.catalogue import Check
    from migrations.runner.files import MigrationFile

BASELINE = 40
HAS_TABLE = "SELECT to_regclass('lead_interactions') IS NOT NULL"
_IS_HIDDEN = "SELECT row_security_active('lead_interactions')"
_HAS_ROWS = "SELECT EXISTS (SELECT FROM lead_interactions)"


@dataclass(frozen=True, slots=True)
class Settled:
    """Why a file needn't run."""

    words: str
    outcome: Outcome | None = None
    """What to record; None if nothing is."""


class Seen:
    """What the catalogue of a database says of its migrations, asked once for all files until one of them runs."""

    def __init__(self) -> None:
        self._checks: list[Check] = []

    def forget(self) -> None:
        """Ask anew next time: a file has run."""
        self._checks = []

    async def is_in_place(self, connection: asyncpg.Connection, version: int) -> bool | None:
        """Return whether all that a migration makes is there; None if there is no check for it."""
        self._checks = self._checks or await readiness(connection)
        return is_in_place(self._checks, version)


async def settled(connection: asyncpg.Connection, file: MigrationFile, seen: Seen) -> Settled | None:
    """Return why a file needn't run; None if it must.

    The catalogue alone never says so: it can be right while tasks fail, which only the file's own proof finds. A file
    is settled when it is recorded, its last run didn't fail, and what it made is still in place.
    """
    recorded = (await ledger.latest(connection)).get(file.version)
    if file.version == BASELINE:
        if not await connection.fetchval(HAS_TABLE):
            return None
        return (
            Settled("in place, nothing to do")
            if recorded
            else Settled("was here before us; recorded, not run", Outcome.BASELINED)
        )
    if not recorded or recorded.hash != file.hash or file.name in await ledger.failed(connection):
        return None
    return Settled("in place, nothing to do") if await seen.is_in_place(connection, file.version) else None


async def has_rows(connection: asyncpg.Connection) -> bool:
    """Return whether a database has interactions, on which a migration could try something; true if it can't be seen.

    Asked one by one: where policies bind us, even planning the last question may fail.
    """
    if not await connection.fetchval(HAS_TABLE):
        return False
    return bool(await connection.fetchval(_IS_HIDDEN) or await connection.fetchval(_HAS_ROWS))


async def to_run(
    connection: asyncpg.Connection, wanted: Sequence[MigrationFile], forced: Collection[int]
) -> list[MigrationFile]:
    """Return those of the files that must run, in their order; those numbered in `forced` must."""
    seen = Seen()
    return [file for file in wanted if file.version in forced or not await settled(connection, file, seen)]
