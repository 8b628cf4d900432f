"""`./taskline migrate rollback`: take one migration back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.approvals import approve, with_yes
from commands.migrate.output import with_output
from commands.migrate.switches import REDACT, with_switches
from commands.migrate.targets import target, with_target
from commands.migrate.values import File
from migrations.runner import rollbacks

if TYPE_CHECKING:
    from pathlib import Path

    from commands.migrate.output import Output


@click.command(epilog="Example: ./taskline migrate rollback 42 --env devtest")
@with_target
@with_switches(REDACT)
@click.option("--export", type=File(), help="First write the links that 41 would lose to this file.")
@click.option(
    "--discard-links",
    type=click.IntRange(min=1),
    metavar="N",
    help="Set this many rows aside, as the refusal counts them.",
)
@with_yes
@click.argument("version", type=int)
@with_output
def command(
    output: Output,
    environment: str | None,
    url: str | None,
    version: int,
    *,
    switches: list[str],
    export: Path | None,
    discard_links: int | None,
    is_yes: bool,
) -> None:
    """Take migration VERSION back, 41 for example; refused if that would lose a link. 42 comes before 41."""
    if version != rollbacks.LINKS and (export or discard_links):
        raise click.UsageError(
            f"--export and --discard-links are for {rollbacks.LINKS}: no other rollback loses a link."
        )
    wish = rollbacks.Wish(version, export, discard_links, switches=switches)
    database = target(environment, url)
    approve(output, database, [f"take migration {version:03} back"], is_yes=is_yes)
    done = asyncio.run(rollbacks.run(database.url, wish, output.say))
    document = {
        "run_id": done.run.run_id,
        "entries": done.run.entries,
        "export": done.export,
        "set_aside": done.set_aside,
    }
    output.show(document, [])
