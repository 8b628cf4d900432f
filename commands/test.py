"""`./taskline test`: the whole suite, on servers of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click


@click.command(
    context_settings={"ignore_unknown_options": True},
    add_help_option=True,
    epilog="Example: ./taskline test -k timeline",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run the test suite; ARGUMENTS go to pytest. Without any, all tests run, eight at a time.

    At the end it names the twenty that took longest, what was made ready for them included.
    """
    root = Path(__file__).parent.parent
    # Most tests wait for a server or for a process of their own, so two cores have room for eight of them.
    how = arguments or ("--numprocesses=8", "--dist=worksteal", "--durations=20")
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", *how], cwd=root, check=False).returncode)
