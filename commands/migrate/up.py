"""`./taskline migrate up`: apply what is missing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.output import with_output
from commands.migrate.switches import with_switches
from commands.migrate.targets import target, with_target
from migrations.runner import apply

if TYPE_CHECKING:
    from commands.migrate.output import Output

SWITCHES = {
    "redact": "Don't show the queries of those who are in the way.",
    "checksum": "Compare every row before and after 041; reads the table twice.",
    apply.BRING_BACK: "Bring back what a rollback of 041 set aside.",
}


@click.command(
    epilog="Example: ./taskline migrate up --env devtest 041_extend_interactions_to_contacts_and_accounts.sql"
)
@with_target
@click.option("--through", type=int, help="Stop after the migration of this number.")
@click.option("--api-role", help="The API's database role, if it isn't taskline_api.")
@with_switches(SWITCHES)
@click.argument("file", required=False)
@with_output
def command(
    output: Output,
    environment: str | None,
    url: str | None,
    *,
    through: int | None,
    api_role: str | None,
    switches: list[str],
    file: str | None,
) -> None:
    """Apply what is missing, in order; with FILE, run that one file and show its report."""
    database = target(environment, url)
    run = asyncio.run(
        apply.up(database.url, api_role=api_role, through=through, only=file, switches=switches, say=output.say)
    )
    nothing = [] if run.entries else ["Nothing to do: everything is in place."]
    output.show({"run_id": run.run_id, "entries": run.entries}, nothing)
