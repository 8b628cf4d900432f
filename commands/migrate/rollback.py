"""`./taskline migrate rollback`: take one migration back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.output import with_output, with_redact
from commands.migrate.targets import target, with_target
from migrations.runner import apply

if TYPE_CHECKING:
    from commands.migrate.output import Output


@click.command(epilog="Example: ./taskline migrate rollback 42 --env devtest")
@with_target
@with_redact
@click.argument("version", type=int)
@with_output
def command(output: Output, environment: str | None, url: str | None, version: int, *, redact: bool) -> None:
    """Take migration VERSION back; refused if that would lose a link. 42 comes before 41."""
    switches = ["redact"] if redact else []
    run = asyncio.run(apply.rollback(target(environment, url).url, version, switches=switches, say=output.say))
    output.show({"run_id": run.run_id, "entries": run.entries}, [])
