"""What `up` does round a run: on staging it leaves a receipt, on production it asks for one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from commands.migrate.approvals import approve
from commands.migrate.targets import ROOT, target
from errors import MigrationNotPromoted, MigrationRefused, TasklineError
from migrations.runner import promotion, receipts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from commands.migrate.output import Output
    from commands.migrate.targets import Target
    from migrations.runner.apply import Request, Run
    from migrations.runner.identities import Identity
    from migrations.runner.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Permit:
    """What may run on production: files by their hash, and whose word that is."""

    hashes: frozenset[str]
    receipt: Receipt
    here: Identity


def permit(output: Output, database: Target, request: Request, *, receipt: Path | None, is_yes: bool) -> Permit | None:
    """Return what may run on production; None where nothing has to be asked: elsewhere, or when nothing would run.

    Raises MigrationNotPromoted, or MigrationRefused if nobody said yes, or UsageError for a receipt elsewhere; then
    nothing was changed.
    """
    if database.environment != "production":
        if receipt:
            raise click.UsageError("--receipt is for production: add --env production, or take it out.")
        return None
    here = asyncio.run(promotion.look(database.url, request, output.say))
    if not here.to_run:
        return None
    names = [each.name for each in here.to_run]
    shown = receipts.read(receipt) if receipt else _of_staging(output, names)
    promotion.refuse_unpromoted(here, shown)
    approve(output, database, names, is_yes=is_yes)
    return Permit(frozenset(each.hash for each in here.to_run), shown, here.database)


def _of_staging(output: Output, names: Sequence[str]) -> Receipt:
    """Return what staging has now. Raises MigrationNotPromoted if it can't be asked."""
    try:
        return asyncio.run(promotion.receipt_of(target("staging", None).url, "staging", output.say))
    except TasklineError as exc:
        why = str(exc)
    found = ROOT / receipts.FILE_NAME
    given = found.name if found.is_file() else "FILE"
    raise MigrationNotPromoted(
        f"{' and '.join(names)} would run on production, which takes only what has run on staging. Nothing says so: no "
        "--receipt was given, and staging can't be asked. Nothing was changed. Run ./taskline migrate up --env staging "
        f"first, then this with --receipt {given}. About staging: {why}"
    )


def refuse_unwritable(path: Path | None, database: Target) -> None:
    """Refuse a place for the receipt that can't be written to, before anything runs.

    Raises MigrationRefused, or UsageError for one elsewhere than on staging.
    """
    if path is None:
        return
    if database.environment != "staging":
        raise click.UsageError("--receipt-to is for staging: add --env staging, or take it out.")
    try:
        receipts.try_place(path)
    except OSError as exc:
        raise MigrationRefused(
            f"The receipt can't be written to {path}: {exc.strerror}. Nothing was changed. Choose another --receipt-to."
        ) from None


def leave_receipt(output: Output, database: Target, path: Path | None) -> Path | None:
    """Write what staging has now to `path`, or beside its .env file, and return where; None elsewhere than on staging.

    A receipt that can't be written is no reason to call a run a failure that did all it should.
    """
    if database.environment != "staging":
        return None
    to = path or ROOT / receipts.FILE_NAME
    receipt = asyncio.run(promotion.receipt_of(database.url, "staging", output.say))
    try:
        receipts.write(receipt, to)
    except OSError as exc:
        output.say(
            f"⚠️ All was done, but the receipt for production can't be written to {to}: {exc.strerror}. Run this again "
            "with --receipt-to FILE."
        )
        return None
    return to


def drift(run: Run, permit: Permit | None) -> list[str]:
    """Return a line for each migration that left another schema than on staging."""
    if permit is None:
        return []
    made = {entry.version: entry.fingerprint for entry in run.entries}
    return promotion.differences(made, permit.receipt, permit.here)
