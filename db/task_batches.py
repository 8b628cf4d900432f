"""Many tasks made at once, in as many statements as one."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, Text, Uuid, bindparam, column, func, insert, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from db.interactions import COLUMNS, InteractionRow
from db.statements import Statement, compiled
from db.tables import interactions
from db.tasks import REFERENCES, NewTask, is_there, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import TableValuedAlias
    from sqlalchemy.types import TypeEngine

    from db.sessions import Session

TYPES: dict[str, TypeEngine[Any]] = {
    "subject": String(),
    "description": Text(),
    "priority": String(),
    "due_at": TIMESTAMP(timezone=True),
    **{name: Uuid() for name in REFERENCES},
}
"""What the fields of a new task are to the database."""


async def create_all(session: Session, tasks: Mapping[UUID, NewTask], actor_id: UUID) -> dict[UUID, InteractionRow]:
    """Insert tasks, `{id: task}`, and return them by id; one with a link that isn't in the organization is absent.

    1 statement. Raises ConstraintViolated, and inserts none, when a record goes away at the same moment.
    """
    found = await session.rows(_create_all(), id=list(tasks), **_lists(list(tasks.values())), actor_id=actor_id)
    return {row["id"]: InteractionRow(*row) for row in found}


async def name_changes(session: Session, client_mutation_id: str) -> None:
    """Give what the transaction changes next the caller's own text, for the log. 1 statement."""
    await session.rows(_name_changes(), text=client_mutation_id)


async def missing_references(session: Session, tasks: Sequence[NewTask]) -> list[list[str]]:
    """Name for each new task the fields whose record is not in the organization: lead_id, contact_id … 1 statement."""
    lists = {name: values for name, values in _lists(tasks).items() if name in REFERENCES}
    missing: list[list[str]] = [[] for _ in tasks]
    for row in await session.rows(_missing_references(), **lists):
        missing[row["number"] - 1] = [name for name in REFERENCES if row[name]]
    return missing


def _lists(tasks: Sequence[NewTask]) -> dict[str, list[object]]:
    """Return the tasks' values, a list for each field."""
    return {place.name: [getattr(task, place.name) for task in tasks] for place in fields(NewTask)}


def _items(types: Mapping[str, TypeEngine[Any]], *, number: str | None = None) -> TableValuedAlias:
    """Make rows of lists, a column for each; `number` names one more that counts the rows from 1."""
    lists = (bindparam(name, type_=ARRAY(type_)) for name, type_ in types.items())
    columns = (column(name, type_) for name, type_ in types.items())
    return func.unnest(*lists).table_valued(*columns, with_ordinality=number).render_derived(name="items")


@cache
def _create_all() -> Statement:
    items = _items({"id": Uuid(), **TYPES})
    values = {"id": items.c.id, **values_of({name: items.c[name] for name in TYPES})}
    rows = (
        select(*values.values())
        .select_from(items)
        .where(*(is_there(name, items.c[name]) for name in REFERENCES))
        # A trigger writes to the lead of each new task. In one order, two lists don't wait for each other for ever.
        .order_by(items.c.lead_id)
    )
    return compiled(insert(interactions).from_select(list(values), rows).returning(*COLUMNS))


@cache
def _name_changes() -> Statement:
    return compiled(select(func.set_config("taskline.client_mutation_id", bindparam("text", type_=Text), true())))


@cache
def _missing_references() -> Statement:
    items = _items({name: TYPES[name] for name in REFERENCES}, number="number")
    missing = {name: ~is_there(name, items.c[name]) for name in REFERENCES}
    labelled = (test.label(name) for name, test in missing.items())
    return compiled(select(items.c.number, *labelled).select_from(items).where(or_(*missing.values())))
