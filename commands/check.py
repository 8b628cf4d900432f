"""`./taskline check`: format, lint, types, and whatever is generated and committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

STEPS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy", "."],
    "pages": ["commands.built_pages"],
}


@click.command(epilog="Example: ./taskline check lint types")
@click.argument("steps", nargs=-1, type=click.Choice(list(STEPS)))
def command(steps: tuple[str, ...]) -> None:
    """Run the named STEPS, or all of them; ends with 1 when any finds something."""
    root = Path(__file__).parent.parent
    failed = [name for name in steps or STEPS if not _passes(name, root)]
    if failed:
        raise click.ClickException(f"{', '.join(failed)} found something (see above)")


def _passes(name: str, root: Path) -> bool:
    click.secho(f"{name}: {' '.join(STEPS[name])}", bold=True)
    return subprocess.run([sys.executable, "-m", *STEPS[name]], cwd=root, check=False).returncode == 0
