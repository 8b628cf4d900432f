"""Which database a command means."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from commands.migrate.values import Text
from errors import MigrationTargetUnknown
from migrations.runner.environments import ENVIRONMENTS, address, escaped, is_same_database
from settings import Settings, variables

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Target:
    """A database; `environment` is devtest, staging or production, or None if it was given by its address alone.

    Production's address is production, however it was given.
    """

    url: str
    environment: str | None = None


def with_target(function: Callable[P, R]) -> Callable[P, R]:
    """Add the options --env and --url, as the arguments `environment` and `url` of `target`."""
    environment = click.option(
        "--env",
        "environment",
        type=click.Choice(ENVIRONMENTS),
        help="The environment whose address to take, from DEVTEST_… variables or .env.devtest.",
    )
    url = click.option(
        "--url", type=Text(), help="Address of the database; its password shows in the list of processes."
    )
    return environment(url(function))


def target(environment: str | None, url: str | None) -> Target:
    """Return the database that the options mean. Raises MigrationTargetUnknown, or UsageError for both.

    No message holds a value.
    """
    if url and environment:
        raise click.UsageError("Both --env and --url were given. Choose one.")
    if environment:
        return Target(address(environment, variables(), ROOT), environment)
    if url:
        return _target_at(escaped(url, "--url"))
    if configured := Settings.from_env().migration_database_url:
        return _target_at(escaped(configured.get_secret_value(), "MIGRATION_DATABASE_URL"))
    raise MigrationTargetUnknown(
        "Which database? Add --env devtest, staging or production, or --url, or set MIGRATION_DATABASE_URL."
    )


def _target_at(url: str) -> Target:
    """Return the database at an address; where it is production's, it is production."""
    with suppress(MigrationTargetUnknown):  # no production is known here
        if is_same_database(url, address("production", variables(), ROOT)):
            return Target(url, "production")
    return Target(url)
