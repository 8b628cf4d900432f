"""`./taskline migrate verify`: whether the schema is what the migrations make."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.output import with_output
from commands.migrate.targets import target, with_target
from commands.migrate.values import LONGEST_NAME_BYTES, Text
from migrations.runner import status
from migrations.runner.connections import place

if TYPE_CHECKING:
    from commands.migrate.output import Output


@click.command(epilog="Example: ./taskline migrate verify --env production")
@with_target
@click.option(
    "--api-role",
    type=Text(LONGEST_NAME_BYTES),
    help="The API's database role, whose rights are checked; else those of whoever asks.",
)
@with_output
def command(output: Output, environment: str | None, url: str | None, *, api_role: str | None) -> None:
    """Check the schema and change nothing; exit code 17 if it is not what the migrations make.

    With --json all checks are in the document, whether they are met or not.
    """
    database = target(environment, url)
    checks = asyncio.run(status.checked(database.url, output.say, api_role=api_role))
    lines = [f"{'✅' if check.is_met else '❌'} {check.name}: {check.detail}" for check in checks]
    output.show({"checks": checks, "is_complete": all(check.is_met for check in checks)}, lines)
    status.refuse_misses(checks, place(database.url))
