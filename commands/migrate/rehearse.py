"""`./taskline migrate rehearse`: what a migration would be like, found out on a copy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.output import with_output
from commands.migrate.rehearsal_lines import document, lines
from commands.migrate.rehearsal_stage import stage
from commands.migrate.targets import target, with_target
from commands.migrate.values import LONGEST_NAME_BYTES, File, Seconds, Text
from commands.progress import step
from migrations.rehearsal.performances import Scenario
from migrations.rehearsal.rehearsals import Source, rehearse
from migrations.runner.environments import escaped

if TYPE_CHECKING:
    from pathlib import Path

    from commands.migrate.output import Output


@click.command(epilog="Example: ./taskline migrate rehearse --env production --with-rollback")
@with_target
@click.option("--dump", type=File(), help="A dump of the database, instead of making one.")
@click.option(
    "--server",
    type=Text(),
    help="A superuser's address of a server to hold the copy, instead of one made for it; its password shows in the "
    "list of processes.",
)
@click.option("--through", type=int, help="Stop after the migration of this number.")
@click.option("--api-role", type=Text(LONGEST_NAME_BYTES), help="The API's database role, if it isn't taskline_api.")
@click.option("--with-rollback", is_flag=True, help="Take the migrations back, too.")
@click.option(
    "--baseline",
    "quiet_s",
    type=Seconds(0.5, 600),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How long to measure the application without a migration.",
)
@with_output
def command(  # noqa: PLR0913 - an argument for each option
    output: Output,
    *,
    environment: str | None,
    url: str | None,
    dump: Path | None,
    server: str | None,
    through: int | None,
    api_role: str | None,
    with_rollback: bool,
    quiet_s: float,
) -> None:
    """Copy the database, migrate the copy while an invented application works there, and say what to expect.

    The database itself is only read. The copy is on this machine and goes afterwards.
    """
    is_dump_alone = dump and not (environment or url)
    source = Source(None if is_dump_alone else target(environment, url).url, dump)
    scenario = Scenario(api_role=api_role, through=through, with_rollback=with_rollback, quiet_s=quiet_s)
    with stage(escaped(server, "--server") if server else None) as place:
        rehearsal = asyncio.run(rehearse(source, scenario, place, step, output.say))
    output.show(document(rehearsal), lines(rehearsal))
    if refusal := rehearsal.performance.refusal:
        raise refusal
