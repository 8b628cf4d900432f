"""`./taskline migrate`: bring a database up to date, look at it, take a migration back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from errors import MigrationTargetUnknown
from migrations.runner import apply, status
from migrations.runner.environments import ENVIRONMENTS, address, escaped
from settings import Settings, variables

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent

P = ParamSpec("P")
R = TypeVar("R")


def _with_target(function: Callable[P, R]) -> Callable[P, R]:
    """Add the options that say which database is meant."""
    environment = click.option(
        "--env", "environment", type=click.Choice(ENVIRONMENTS), help="Read its variables or .env file."
    )
    url = click.option("--url", help="Address of the database; its password shows in the list of processes.")
    return environment(url(function))


@click.group(epilog="Example: ./taskline migrate up --env devtest")
def command() -> None:
    """Apply, check and take back migrations.

    Without --env and --url the database is the one in MIGRATION_DATABASE_URL.
    """


@command.command(
    epilog="Example: ./taskline migrate up --env devtest 041_extend_interactions_to_contacts_and_accounts.sql"
)
@_with_target
@click.option("--through", type=int, help="Stop after the migration of this number.")
@click.option("--api-role", help="The API's database role, if it isn't taskline_api.")
@click.argument("file", required=False)
def up(environment: str | None, url: str | None, through: int | None, api_role: str | None, file: str | None) -> None:
    """Apply what is missing, in order; with FILE, run that one file and show its report."""
    target = _target(environment, url)
    run = asyncio.run(apply.up(target, api_role=api_role, through=through, only=file, say=click.echo))
    if not run.entries:
        click.echo("Nothing to do: everything is in place.")


@command.command("status", epilog="Example: ./taskline migrate status --env devtest")
@_with_target
def show_status(environment: str | None, url: str | None) -> None:
    """Say which migrations are in place, by the catalogue, and what is recorded about them."""
    for standing in asyncio.run(status.standings(_target(environment, url), click.echo)):
        click.echo(f"{standing.file}: {standing.words}")


@command.command(epilog="Example: ./taskline migrate verify --env production")
@_with_target
def verify(environment: str | None, url: str | None) -> None:
    """Check the schema and change nothing; exit code 17 if it is not what the migrations make."""
    for check in asyncio.run(status.verify(_target(environment, url), click.echo)):
        click.echo(f"✅ {check.name}: {check.detail}")


@command.command(epilog="Example: ./taskline migrate rollback 42 --env devtest")
@_with_target
@click.argument("version", type=int)
def rollback(environment: str | None, url: str | None, version: int) -> None:
    """Take migration VERSION back; refused if that would lose a link. 42 comes before 41."""
    asyncio.run(apply.rollback(_target(environment, url), version, say=click.echo))


def _target(environment: str | None, url: str | None) -> str:
    if url and environment:
        raise MigrationTargetUnknown("Both --env and --url were given. Choose one.")
    if environment:
        return address(environment, variables(), ROOT)
    if url:
        return escaped(url, "--url")
    if configured := Settings.from_env().migration_database_url:
        return escaped(configured.get_secret_value(), "MIGRATION_DATABASE_URL")
    raise MigrationTargetUnknown(
        "Which database? Add --env devtest, staging or production, or --url, or set MIGRATION_DATABASE_URL."
    )
