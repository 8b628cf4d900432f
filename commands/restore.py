"""`./taskline restore`: the database of `serve`, from a file of `backup`."""

from __future__ import annotations

from pathlib import Path

import click

from commands import own_databases
from commands.progress import step
from db import embedded, embedded_backups
from errors import BackupFailed
from settings import Settings


@click.command(epilog="Example: ./taskline restore monday.dump")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", "is_replacing", is_flag=True, help="Throw away the database that is there.")
def command(*, file: Path, is_replacing: bool) -> None:
    """Make the database of `serve` anew from a FILE of `backup`, of this release or an older one, and migrate it.

    `serve` must not run meanwhile. Whatever was there stays until all of the new one is.
    """
    settings = Settings.from_env()
    with embedded.start(settings.home) as server:
        crm = own_databases.of_serve(server)
        if crm.exists() and not is_replacing:
            raise BackupFailed(
                f"There is a database in {settings.home} already. Add --replace to throw it away, or choose another "
                "TASKLINE_HOME."
            )
        with step(f"The database of {file}"):
            embedded_backups.restore(crm, file)
        own_databases.bring_up_to_date(crm)
    click.echo("Restored. ./taskline serve goes on with it.")
