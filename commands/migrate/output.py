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

    def say(self, line: str) -> None:
        """Say how it goes, while it goes."""
        _print(f"{_CLEAR}{line}" if self.watch else line, err=self.is_json)

    @property
    def watch(self) -> Callable[[str], None] | None:
        """What shows something for a moment, in the last line of a terminal; None where nobody watches, as in a log."""
        if not (sys.stderr if self.is_json else sys.stdout).isatty():
            return None
        return lambda line: _print(f"{_CLEAR}{line}", err=self.is_json, nl=False)

    def show(self, document: Mapping[str, object], lines: Iterable[str]) -> None:
        """Show a command's result, once: the document with --json, else the lines."""
        self.has_shown = True
        if self.is_json:
            _print(_json(document))
        else:
            for line in lines:
                _print(line)


def with_output(function: Callable[Concatenate[Output, P], None]) -> Callable[P, None]:
    """Add the option --json, and hand on the Output as the first argument; a refusal becomes a document, too."""

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        output = Output(bool(options.pop("as_json")))
        try:
            function(output, *arguments, **options)
        except TasklineError as exc:
            if output.is_json and not output.has_shown:
                _print(_json({"error": error(exc)}))
            raise

    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document; words go to standard error.")(
        run
    )


def error(exc: TasklineError) -> dict[str, object]:
    """Return what a document says about a failure."""
    return {"code": exc.code, "message": str(exc), "exit_code": exc.exit_code}


def _print(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print, as long as somebody reads it: what is being done to a database goes on to its end without readers."""
    try:
        click.echo(text, err=err, nl=nl)
    except BrokenPipeError:  # as behind `| head -1`; from now on it goes nowhere, what is still in the buffer too
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if err else sys.stdout).fileno())


def _json(document: Mapping[str, object]) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
