"""`./taskline check`: format, lint, types, whatever is generated and committed, and what breaks clients."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

STEPS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy", "."],
    "schema": ["commands.printed_schema"],
    "changes": ["commands.schema_changes"],
    "pages": ["commands.built_pages"],
    "audit": ["commands.audited"],
}
FIXES = {
    "format": ["ruff", "format", "."],
    "lint": ["ruff", "check", "--fix", "."],
    "schema": ["commands.printed_schema", "--fix"],
}


@click.command(epilog="Example: ./taskline check lint types")
@click.option("--fix", is_flag=True, help="Mend what a program can mend: format, lint and schema/schema.graphql.")
@click.argument("steps", nargs=-1, type=click.Choice(list(STEPS)))
def command(*, fix: bool, steps: tuple[str, ...]) -> None:
    """Run the named STEPS, or all of them; ends with 1 when any finds something."""
    todo = STEPS | FIXES if fix else STEPS
    failed = [name for name in steps or STEPS if not _passes(name, todo[name])]
    if failed:
        raise click.ClickException(f"{', '.join(failed)} found something (see above)")


def _passes(name: str, module: list[str]) -> bool:
    click.secho(f"{name}: {' '.join(module)}", bold=True)
    root = Path(__file__).parent.parent
    return subprocess.run([sys.executable, "-m", *module], cwd=root, check=False).returncode == 0
