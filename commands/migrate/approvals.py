"""Production asks before anything is changed there: for the database's name on a terminal, for --yes elsewhere."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING, TypeVar

import click

from errors import MigrationRefused
from migrations.runner import promotion
from migrations.runner.connections import place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from commands.migrate.output import Output
    from commands.migrate.targets import Target

R = TypeVar("R")


def with_yes(function: Callable[..., R]) -> Callable[..., R]:
    """Add the option --yes, as the argument `is_yes`."""
    return click.option("--yes", "is_yes", is_flag=True, help="On production: go on without asking.")(function)


def approve(output: Output, database: Target, deeds: Sequence[str], *, is_yes: bool) -> None:
    """Return if the database isn't production's, or somebody has said yes; `deeds` are what would be done, a line each.

    Raises MigrationRefused, without a terminal with the command that goes on.
    """
    if database.environment != "production" or is_yes:
        return
    where = f"{place(database.url)} (production)"
    listed = "".join(f"\n  - {deed}" for deed in deeds)
    if not sys.stdin.isatty():
        raise MigrationRefused(
            f"On {where} this would be done:{listed}\nNothing was changed: there is no terminal to ask on. If it's "
            f"meant, run {_again(click.get_current_context())} --yes"
        )
    name = asyncio.run(promotion.name_of(database.url, output.say))
    click.echo(f"On {where} this will be done:{listed}", err=True)
    if click.prompt("Type the database's name to go on", default="", show_default=False, err=True) != name:
        raise MigrationRefused(f"That isn't the name of the database, {name}. Nothing was changed.")


def _again(context: click.Context) -> str:
    """Return the command line as it could be typed again; it never holds an address, which holds a password."""
    words = ["--env", "production"]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in {"environment", "url"}:
            continue
        if isinstance(parameter, click.Option) and value:
            words += [parameter.opts[0]] if parameter.is_flag else [parameter.opts[0], str(value)]
        elif value is not None and not isinstance(parameter, click.Option):
            words.append(str(value))
    return f"{context.command_path} {shlex.join(words)}"
