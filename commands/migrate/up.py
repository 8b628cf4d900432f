"""`./taskline migrate up`: apply what is missing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from commands.migrate.approvals import with_yes
from commands.migrate.output import error, with_output
from commands.migrate.promotions import drift, leave_receipt, permit, refuse_unwritable
from commands.migrate.switches import REDACT, with_switches
from commands.migrate.targets import target, with_target
from commands.migrate.values import LONGEST_NAME_BYTES, File, Text
from errors import TasklineError
from migrations.runner import apply
from migrations.runner.apply import Run
from migrations.runner.connections import place

if TYPE_CHECKING:
    from pathlib import Path

    from commands.migrate.output import Output
    from commands.migrate.targets import Target

SWITCHES = REDACT | {
    "checksum": "Compare every row before and after 041; reads the table twice.",
    apply.BRING_BACK: "Bring back what a rollback of 041 set aside.",
}


@click.command(
    epilog="Example: ./taskline migrate up --env devtest 041_extend_interactions_to_contacts_and_accounts.sql"
)
@with_target
@click.option("--through", type=int, help="Stop after the migration of this number.")
@click.option("--api-role", type=Text(LONGEST_NAME_BYTES), help="The API's database role, if it isn't taskline_api.")
@with_switches(SWITCHES)
@click.option("--receipt", type=File(), help="On production: what ran on staging, if it can't be asked now.")
@click.option(
    "--receipt-to",
    type=File(),
    help="On staging: where the receipt for production goes, instead of staging-receipt.json.",
)
@with_yes
@click.argument("file", type=Text(), required=False)
@with_output
def command(  # noqa: PLR0913 - one for each option
    output: Output,
    environment: str | None,
    url: str | None,
    *,
    through: int | None,
    api_role: str | None,
    switches: list[str],
    receipt: Path | None,
    receipt_to: Path | None,
    is_yes: bool,
    file: str | None,
) -> None:
    """Apply what is missing, in order; with FILE, run that one file, as below, and show its report.

    Production takes only what has run on staging.
    """
    started = time.monotonic()
    database = target(environment, url)
    refuse_unwritable(receipt_to, database)
    request = replace(
        apply.request(through=through, only=file, api_role=api_role, switches=switches), watch=output.watch
    )
    permitted = permit(output, database, request, receipt=receipt, is_yes=is_yes)
    hashes = permitted.hashes if permitted else None
    run, left = Run(), None
    try:
        asyncio.run(apply.run(database.url, request, into=run, permitted=hashes, say=output.say))
        left = leave_receipt(output, database, receipt_to)
    except TasklineError as exc:
        output.show(_document(run, database, _since_ms(started)) | {"error": error(exc)}, [])
        raise
    differences, duration_ms = drift(run, permitted), _since_ms(started)
    more = {"differences": differences, "receipt": str(left) if left else None}
    lines = [*differences, *_last_lines(run, place(database.url), duration_ms, left)]
    output.show(_document(run, database, duration_ms) | more, lines)


def _since_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1_000)


def _document(run: Run, database: Target, duration_ms: int) -> dict[str, object]:
    """Return what was done so far."""
    return {
        "run_id": run.run_id,
        "database": place(database.url),
        "environment": database.environment,
        "duration_ms": duration_ms,
        "files": run.files,
        "entries": run.entries,
    }


def _last_lines(run: Run, where: str, duration_ms: int, receipt: Path | None) -> list[str]:
    """Return what is said last: where the receipt is, and then what was done, where, and in which time."""
    told = [f"The receipt for production is in {receipt}."] if receipt else []
    if not run.entries:
        return [*told, "Nothing to do: everything is in place."]
    done = ", ".join(f"{entry.version:03} {entry.outcome}" for entry in run.entries)
    return [*told, f"Done on {where} in {duration_ms / 1_000:.1f} s: {done}."]
