"""`./taskline migrate`: bring a database up to date, look at it, take a migration back. One module per command."""

from __future__ import annotations

import click

from commands.contents import TableOfContents

COMMANDS = {  # name: (module, one line for the list)
    "plan": ("commands.migrate.plan", "Show what `up` would do; change nothing."),
    "rehearse": ("commands.migrate.rehearse", "Try on a copy what `up` would do, and how long it would take."),
    "up": ("commands.migrate.up", "Apply what is missing, in order."),
    "status": ("commands.migrate.status", "Say which migrations are in place, and what is recorded about them."),
    "verify": ("commands.migrate.verify", "Check that the schema is what the migrations make."),
    "doctor": ("commands.migrate.doctor", "Find what in the database will hurt the API, and how to cure it."),
    "rollback": ("commands.migrate.rollback", "Take one migration back."),
}


@click.group(cls=TableOfContents, contents=COMMANDS, epilog="Example: ./taskline migrate up --env devtest")
def command() -> None:
    """Apply, check and take back migrations.

    Without --env and --url the database is the one in MIGRATION_DATABASE_URL.
    """
