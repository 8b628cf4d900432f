"""The command line: a table of contents."""

from __future__ import annotations

import sys

import click

from commands.contents import TableOfContents
from commands.streams import make_safe
from errors import TasklineError

_INTERRUPTED = "Interrupted; run it again: it goes on where it stopped."

COMMANDS = {  # name: (module, one line for the list)
    "demo": ("commands.demo", "Show the product on an invented CRM: migrate it, serve it, print how to look at it."),
    "serve": ("commands.serve", "Serve the API and its pages on your database."),
    "backup": ("commands.backup", "Save the database that serve has made into a file, while it serves."),
    "restore": ("commands.restore", "Make that database anew from such a file."),
    "token": ("commands.tokens", "Print a token for a demo user."),
    "migrate": ("commands.migrate", "Apply, check and take back migrations."),
    "erase": ("commands.erase", "Take a person's name out of the log of events."),
    "prune": ("commands.prune", "Delete lines of the log of events that are older than they are to be kept."),
    "bench": ("commands.bench", "Measure Taskline beside other ways to build its API."),
    "test": ("commands.test", "Run the whole test suite on a throw-away server."),
    "check": ("commands.check", "Check format, lint, types and built files."),
}


@click.group(
    cls=TableOfContents,
    contents=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: ./taskline demo --port 8080",
)
def taskline() -> None:
    """Tasks that link to a lead, a contact, an account, or any of them together."""


def main() -> int:
    """Run the command line; expected failures end in one clear sentence and their exit code."""
    make_safe()
    try:
        taskline(prog_name="./taskline", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as exc:
        exc.show(sys.stdout)
        return 0
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except click.Abort:
        if "migrate" in sys.argv[1:2]:
            click.echo(_INTERRUPTED, err=True)
        return 130
    except TasklineError as exc:
        click.echo(f"taskline: {exc}", err=True)
        return exc.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
