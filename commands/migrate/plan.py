"""`./taskline migrate plan`: what `up` would do, before it does it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.output import with_output
from commands.migrate.plan_lines import lines_of
from commands.migrate.switches import REDACT, with_switches
from commands.migrate.targets import target, with_target
from commands.migrate.values import LONGEST_NAME_BYTES, Text
from errors import MigrationRefused
from migrations.plan import plans

if TYPE_CHECKING:
    from commands.migrate.output import Output


@click.command(epilog="Example: ./taskline migrate plan --env production --redact")
@with_target
@click.option("--through", type=int, help="Stop after the migration of this number.")
@click.option("--api-role", type=Text(LONGEST_NAME_BYTES), help="The API's database role, if it isn't taskline_api.")
@with_switches(REDACT)
@with_output
def command(
    output: Output,
    environment: str | None,
    url: str | None,
    *,
    through: int | None,
    api_role: str | None,
    switches: list[str],
) -> None:
    """Show what `up` would do with the same options; change nothing, and wait for nobody.

    Exit code 14 if `up` would refuse, after all lines have been printed.
    """
    database = target(environment, url)
    found = asyncio.run(plans.plan(database.url, api_role=api_role, through=through, is_redacted=bool(switches)))
    output.show({"plan": found, "would_run": not found.refusals}, lines_of(found))
    if found.refusals:
        raise MigrationRefused("up would refuse:\n" + "\n".join(found.refusals))
