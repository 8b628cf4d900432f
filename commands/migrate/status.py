"""`./taskline migrate status`: which migrations a database has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.output import with_output
from commands.migrate.targets import target, with_target
from migrations.runner import status

if TYPE_CHECKING:
    from commands.migrate.output import Output


@click.command(epilog="Example: ./taskline migrate status --env devtest")
@with_target
@with_output
def command(output: Output, environment: str | None, url: str | None) -> None:
    """Say which migrations are in place, by the catalogue, and what is recorded about them."""
    found = asyncio.run(status.standings(target(environment, url).url, output.say))
    output.show({"migrations": found}, [f"{standing.file}: {standing.words}" for standing in found])
