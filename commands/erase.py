"""`./taskline erase`: take a person's name out of the log of events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.approvals import approve, with_yes
from commands.migrate.output import with_output
from commands.migrate.targets import target, with_target
from migrations.runner import erasures

if TYPE_CHECKING:
    from uuid import UUID

    from commands.migrate.output import Output


@click.command(epilog="Example: ./taskline erase --contact 5f0c3f1e-8f2b-4c3d-9a64-0e1f2a3b4c5d --env production")
@with_target
@click.option("--contact", type=click.UUID, metavar="ID", help="The contact whose name is to go.")
@click.option("--lead", type=click.UUID, metavar="ID", help="The lead whose name is to go.")
@with_yes
@with_output
def command(
    output: Output, environment: str | None, url: str | None, *, contact: UUID | None, lead: UUID | None, is_yes: bool
) -> None:
    """Take a person's name out of the log of events, for good; lines and counts stay.

    It needs the owner's address, as migrations do. The record itself, and what it was linked to, is for the CRM to
    delete.
    """
    people = [(kind, id_) for kind, id_ in (("contact", contact), ("lead", lead)) if id_]
    if len(people) != 1:
        raise click.UsageError("Give one of --contact and --lead.")
    ((kind, id_),) = people
    database = target(environment, url)
    approve(output, database, [f"take the name of {kind} {id_} out of the log of events"], is_yes=is_yes)
    done = asyncio.run(erasures.erase(database.url, kind, id_, output.say))
    document = {
        "kind": kind,
        "id": str(id_),
        "names": done.names,
        "texts": done.texts,
        "is_still_there": done.is_still_there,
    }
    output.show(document, _lines(kind, done))


def _lines(kind: str, done: erasures.Erasure) -> list[str]:
    lines = [f"Erased: the {kind}'s name as that of a link in {done.names} lines, and from the texts of {done.texts}."]
    if done.is_still_there:
        lines.append(
            f"⚠️ The {kind} is still there: what happens to its links writes the name down again. Delete it first."
        )
    return lines
