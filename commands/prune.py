"""`./taskline prune`: delete what is older than it is to be kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.approvals import approve, with_yes
from commands.migrate.output import with_output
from commands.migrate.targets import target, with_target
from migrations.runner import prunings
from settings import LONGEST_RETENTION_DAYS, Settings

if TYPE_CHECKING:
    from commands.migrate.output import Output


@click.command(epilog="Example: ./taskline prune --days 365 --env production --yes")
@with_target
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_RETENTION_DAYS),
    help="Delete older lines of the log; else TASKLINE_EVENT_RETENTION_DAYS says, and without that they stay.",
)
@with_yes
@with_output
def command(output: Output, environment: str | None, url: str | None, *, days: int | None, is_yes: bool) -> None:
    """Delete lines of the log of events, and keys of requests, that are older than they are to be kept.

    It needs the owner's address, as migrations do, and nobody waits for it. Run it every night.
    """
    settings = Settings.from_env()
    limits = prunings.Limits(days or settings.event_retention_days, settings.idempotency_hours)
    database = target(environment, url)
    approve(output, database, _deeds(limits), is_yes=is_yes)
    done = asyncio.run(prunings.prune(database.url, limits, output.say))
    document = {
        "days": limits.event_days,
        "since": done.since and done.since.isoformat(),
        "lines": done.lines,
        "links": done.links,
        "keys": done.keys,
    }
    output.show(document, _lines(limits, done))


def _deeds(limits: prunings.Limits) -> list[str]:
    events = f"delete the lines of the log of events that are older than {limits.event_days} days"
    keys = f"delete the keys of requests that are older than {limits.key_hours} hours"
    return [events, keys] if limits.event_days else [keys]


def _lines(limits: prunings.Limits, done: prunings.Pruning) -> list[str]:
    lines = [f"Pruned: {done.lines:,} lines of the log and {done.keys:,} keys of requests."]
    if done.links:
        lines.append(f"{done.links:,} lines about lost links kept the name that the link had, and nothing else.")
    if done.since:
        lines.append(f"The log is whole since {done.since:%Y-%m-%d %H:%M:%S %Z}, {limits.event_days} days ago.")
    else:
        lines.append("Events are kept for ever: neither --days nor TASKLINE_EVENT_RETENTION_DAYS is set.")
    return lines
