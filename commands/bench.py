"""`./taskline bench`: Taskline beside other ways to build its API, on one database and under the same load."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from pydantic import SecretStr

from bench.contest import contestants, documents, report
from bench.contest.data import ORGANIZATION, PERSON
from bench.contest.start import Outcome, Plan, run
from commands.serving import say
from resolvers.viewers import Role, Viewer
from server.sign_in import issue
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = [one.name for one in contestants.CONTESTANTS]
A_DAY = timedelta(days=1)


@click.command(epilog="Example: ./taskline bench --rows 100000 --rounds 3 --json measured.json")
@click.option(
    "--rows",
    multiple=True,
    default=(1_000_000,),
    show_default=True,
    type=click.IntRange(3_000),
    help="Interactions to ask among; several times to see what becomes of a page's cost as they grow.",
)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Turns that each contestant has.")
@click.option("--seconds", default=2.0, show_default=True, type=click.FloatRange(0.1), help="How long a turn takes.")
@click.option(
    "--connections",
    multiple=True,
    default=(1, 32),
    show_default=True,
    type=click.IntRange(1, 1_000),
    help="How many requests are under way at a time; several times for several. Goals are judged at the most.",
)
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="A contestant; several times for several.")
@click.option("--document", multiple=True, type=click.Choice(list(documents.TITLES)), help="A document, likewise.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="File for the figures, as JSON.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="File for a picture, of several sizes the growth; it ends in .svg or .png.",
)
def command(
    *,
    rows: tuple[int, ...],
    rounds: int,
    seconds: float,
    connections: tuple[int, ...],
    only: tuple[str, ...],
    document: tuple[str, ...],
    output: Path | None,
    picture: Path | None,
) -> None:
    """Ask Taskline and its peers for the same data, in turn, and print what each takes for it.

    The database is made in TASKLINE_HOME on first use, 10 s for each 100,000 rows, and kept. Ends with 1 when one of
    them could not be measured, and says why.
    """
    settings = Settings.from_env()
    secret = secrets.token_urlsafe(32)
    signing = settings.model_copy(update={"jwt_secret": SecretStr(secret), "jwt_algorithm": "HS256"})
    viewer = Viewer(user_id=PERSON, organization_id=ORGANIZATION, role=Role.ADMIN)
    plan = Plan(
        home=settings.home / "bench",
        rounds=rounds,
        seconds=seconds,
        connections=sorted(connections),
        only=only,
        asked=document,
        token=issue(signing, viewer, lifetime=A_DAY),
        jwt_secret=secret,
        say=say,
    )
    _hold(plan, sorted(set(rows)), output, picture)


def _hold(plan: Plan, rows: Sequence[int], output: Path | None, picture: Path | None) -> None:
    outcomes = []
    for count in rows:
        outcomes.append(run(plan, count))
        _print(outcomes[-1])
    by_size = {one.rows: one.figures for one in outcomes}
    if len(by_size) > 1:
        click.echo("\n".join(report.growth(by_size)))
    if output:
        contests = {"contests": [outcome.plain() for outcome in outcomes]}
        output.write_bytes(orjson.dumps(contests, option=orjson.OPT_INDENT_2))
    largest = outcomes[-1]
    if picture and len(by_size) > 1:
        report.draw_growth(by_size, f"PostgreSQL {largest.postgres}", picture)
    elif picture and largest.figures:
        report.draw(largest.figures, f"{largest.rows:,} interactions, PostgreSQL {largest.postgres}", picture)
    if absent := {name: why for outcome in outcomes for name, why in outcome.not_measured.items()}:
        raise click.ClickException("; ".join(f"{name} not measured: {why}" for name, why in absent.items()))


def _print(outcome: Outcome) -> None:
    click.echo("\n".join([f"\n{outcome.rows:,} interactions", *report.tables(outcome.figures)]))
    if outcome.goals:
        click.echo("\n".join(report.goal_lines(outcome.goals)))
    click.echo("\n| contestant | memory MB | first answer after s |\n|---|--:|--:|")
    for one in outcome.contestants:
        click.echo(f"| {one.name} | {one.memory_mb:.0f} | {one.cold_s:.1f} |")
