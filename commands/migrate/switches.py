"""Flags that switch a setting of the migration files on."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

P = ParamSpec("P")

REDACT = {"redact": "Don't show the queries of others."}


def with_switches(switches: Mapping[str, str]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Add a flag with its help for each setting; the names of those that are given are the argument `switches`."""

    def decorate(function: Callable[P, None]) -> Callable[P, None]:
        @wraps(function)
        def run(*arguments: P.args, **options: P.kwargs) -> None:
            options["switches"] = [name for name in switches if options.pop(name)]
            function(*arguments, **options)

        command: Callable[P, None] = run
        for name, text in reversed(list(switches.items())):
            command = click.option(f"--{name.replace('_', '-')}", name, is_flag=True, help=text)(command)
        return command

    return decorate
