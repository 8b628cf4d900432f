"""What a command says: words for people, or with --json one document for programs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click
import orjson

from errors import TasklineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

P = ParamSpec("P")


_CLEAR = "\r\x1b[K"  # to the beginning of the line, and nothing in it


@dataclass(slots=True)
class Output:
    """Where words go. With --json, standard output holds one document and nothing else; words go to standard error."""

    is_json: bool
    has_shown: bool = False
    """A result was shown; a failure that comes with it is said on standard error alone."""
    lost: str | None = None
    """Why not all could be written that was said."""

    def say(self, line: str) -> None:
        """Say how it goes, while it goes."""
        self.print(f"{_CLEAR}{line}" if self.watch else line, err=self.is_json)

    @property
    def watch(self) -> Callable[[str], None] | None:
        """What shows something for a moment, in the last line of a terminal; None where nobody watches, as in a log."""
        if not (sys.stderr if self.is_json else sys.stdout).isatty():
            return None
        return lambda line: self.print(f"{_CLEAR}{line}", err=self.is_json, nl=False)

    def print(self, text: str, *, err: bool = False, nl: bool = True) -> None:
        """Print, as long as that is possible: what is being done to a database goes on to its end all the same."""
        try:
            click.echo(text, err=err, nl=nl)
        except OSError as exc:  # from now on it goes nowhere, what is still in the buffer too
            os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if err else sys.stdout).fileno())
            if not isinstance(exc, BrokenPipeError):  # as behind `| head -1`, which is meant
                self.lost = exc.strerror or str(exc)

    def show(self, document: Mapping[str, object], lines: Iterable[str]) -> None:
        """Show a command's result, once: the document with --json, else the lines."""
        self.has_shown = True
        if self.is_json:
            self.print(_json(document))
        else:
            for line in lines:
                self.print(line)


def with_output(function: Callable[Concatenate[Output, P], None]) -> Callable[P, None]:
    """Add the option --json, and hand on the Output as the first argument; a refusal becomes a document, too."""

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        output = Output(bool(options.pop("as_json")))
        try:
            function(output, *arguments, **options)
        except TasklineError as exc:
            if output.is_json and not output.has_shown:
                output.print(_json({"error": error(exc)}))
            raise
        if output.lost:
            raise click.ClickException(
                f"The output can't be written: {output.lost}. The command went on to its end without it; ./taskline "
                "migrate status says what is in place."
            )

    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document; words go to standard error.")(
        run
    )


def error(exc: TasklineError) -> dict[str, object]:
    """Return what a document says about a failure."""
    return {"code": exc.code, "message": str(exc), "exit_code": exc.exit_code}


def _json(document: Mapping[str, object]) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
