"""A group of commands as a table of contents: a command's module is imported only when that command runs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class TableOfContents(click.Group):
    """A group that knows its commands' names without importing them.

    `contents` is `{name: (module, one line for the list)}`; each module has its command as `command`.
    """

    def __init__(self, *arguments: object, contents: Mapping[str, tuple[str, str]], **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # click's own, handed on
        self.contents = contents

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table."""
        return list(self.contents)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command; None when there is no such command."""
        if cmd_name not in self.contents:
            return None
        command: click.Command = import_module(self.contents[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.contents.items()])
