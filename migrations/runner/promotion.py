"""Whether what would run on production has run on staging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import MigrationNotPromoted
from migrations.runner import ledger, receipts
from migrations.runner.execution import NO_ROW, NOT_PROVEN, TRIED
from migrations.runner.identities import Identity, identity
from migrations.runner.ledger import Outcome
from migrations.runner.pending import has_rows, to_run
from migrations.runner.sessions import reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from migrations.runner.apply import Request
    from migrations.runner.files import MigrationFile
    from migrations.runner.receipts import Item, Receipt
    from migrations.runner.sessions import Say

_HASH_SHOWN = 12  # characters: enough to tell two files apart, few enough to compare by eye


@dataclass(frozen=True, slots=True)
class Look:
    """A database before anything is done there."""

    database: Identity
    to_run: list[MigrationFile]
    run_ids: set[UUID]
    """Of the runs that its ledger holds."""
    has_rows: bool
    """Whether it has interactions, on which a migration can fail."""


async def look(url: str, request: Request, say: Say) -> Look:
    """Return what would be done there. Reads only. Raises as `sessions.reading` does."""
    async with reading(url, say, api_role=request.api_role) as connection:
        pending = await to_run(connection, request.wanted, request.forced)
        run_ids = {entry.run_id for entry in (await ledger.latest(connection)).values()}
        return Look(await identity(connection), pending, run_ids, await has_rows(connection))


async def name_of(url: str, say: Say) -> str:
    """Return the name that the database gives itself. Raises as `sessions.reading` does."""
    async with reading(url, say) as connection:
        return (await identity(connection)).name


async def receipt_of(url: str, environment: str, say: Say) -> Receipt:
    """Return what a database has now. Reads only. Raises as `sessions.reading` does."""
    async with reading(url, say) as connection:
        return await receipts.collect(connection, environment)


def refuse_unpromoted(here: Look, receipt: Receipt) -> None:
    """Raise MigrationNotPromoted with each file that would run and that staging's receipt doesn't speak for."""
    if receipt.environment != "staging":
        raise MigrationNotPromoted(
            f"The receipt is of {receipt.environment}, and production takes only what has run on staging. Nothing was "
            "changed. Run ./taskline migrate up --env staging."
        )
    if _is_same(here, receipt):
        raise MigrationNotPromoted(
            f"Staging is the same database as production: {here.database.name}, id {here.database.id}. So nothing has "
            "been tried anywhere else. Nothing was changed. Correct the address of one of them."
        )
    seen = {item.version: item for item in receipt.migrations}
    problems = [
        f"  - {file.name}: {why}"
        for file in here.to_run
        if (why := _problem(file, seen.get(file.version)) or _doubt(file, seen[file.version], here))
    ]
    if problems:
        raise MigrationNotPromoted(
            "Production takes only what has run on staging:\n"
            + "\n".join(problems)
            + "\nNothing was changed. Run the same files on staging first: ./taskline migrate up --env staging."
        )


def _is_same(here: Look, receipt: Receipt) -> bool:
    """Return whether the receipt is of this very database.

    The id alone doesn't say so: a staging made as a physical copy of production has production's. A copy started at
    another time, and production doesn't have the runs of its ledger.
    """
    if here.database.id != receipt.database.id:
        return False
    is_same_server = here.database.server_started_at == receipt.database.server_started_at
    return is_same_server or any(item.run_id in here.run_ids for item in receipt.migrations)


def _problem(file: MigrationFile, item: Item | None) -> str | None:
    if item is None:
        return "never ran on staging"
    if item.hash != file.hash:
        return f"isn't the file that ran on staging; here {file.hash[:_HASH_SHOWN]}, there {item.hash[:_HASH_SHOWN]}"
    if item.outcome is not Outcome.APPLIED:
        return (
            f"didn't run on staging, where it is only recorded ({item.outcome}); name it to run it there: "
            f"./taskline migrate up --env staging {file.name}"
        )
    if not item.is_in_place:
        return "isn't in place on staging any more; ./taskline migrate verify --env staging says what is missing"
    return None


def _doubt(file: MigrationFile, item: Item, here: Look) -> str | None:
    """Return why the run on staging, which ended well, proves nothing for production.

    Without a row there was nothing to try a task with. That is no flaw where production has none either: nobody works
    there yet. But it says nothing about rows.
    """
    if not item.proof or any(line.startswith(TRIED) for line in item.proof):
        return None
    if not here.has_rows and all(line.startswith(NO_ROW) for line in item.proof):
        return None
    said = "; ".join(line.removeprefix(NOT_PROVEN) for line in item.proof)
    return (
        f"ran on staging, but not proven there: {said}. Give staging rows like production's, and run it there again: "
        f"./taskline migrate up --env staging {file.name}"
    )


def differences(fingerprints: dict[int, str], receipt: Receipt, here: Identity) -> list[str]:
    """Return a line about the migrations after which the two schemas weren't the same, or none.

    `fingerprints` are production's, by version. Environments drift, so a difference is for a person to look at, and
    no reason to refuse; two server versions write the same schema in different words, and aren't compared.
    """
    there = {item.version: item.fingerprint for item in receipt.migrations}
    differing = [f"{version:03}" for version, made in fingerprints.items() if there.get(version, made) != made]
    if not differing or _major(receipt.database.server_version) != _major(here.server_version):
        return []
    after = _listed(differing)
    return [
        f"ℹ️ After {after} the schema isn't the one that staging had then. Environments drift; pg_dump -s shows where."
    ]


def _listed(names: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _major(server_version: str) -> str:
    return server_version.partition(".")[0]
