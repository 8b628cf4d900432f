"""`./taskline backup`: the database that `serve` has made, in one file."""

from __future__ import annotations

from pathlib import Path

import click

from commands import own_databases
from commands.progress import step
from db import embedded, embedded_backups
from errors import BackupFailed
from settings import Settings


@click.command(epilog="Example: ./taskline backup monday.dump")
@click.argument("file", type=click.Path(path_type=Path))
def command(*, file: Path) -> None:
    """Save into a new FILE all that the database of `serve` holds at this moment, while it serves.

    That is the one in TASKLINE_HOME; one that DATABASE_URL names is saved by PostgreSQL's own tools. Not in it are your
    settings and keys, which are in the environment, and the demo.
    """
    settings = Settings.from_env()
    with embedded.start(settings.home) as server:
        crm = own_databases.of_serve(server)
        if not crm.exists():
            raise BackupFailed(f"There is no database of `serve` in {settings.home}. Set TASKLINE_HOME to its folder.")
        with step(f"A backup in {file}"):
            embedded_backups.dump(crm, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes. Keep it elsewhere; ./taskline restore {file} takes it back.")
