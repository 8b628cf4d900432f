"""A page for each of many records, in one statement: a list within a list costs the same however long the outer one."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Uuid, column, func, literal, literal_column, select, true

from db.keyset import Page, page_from, reading
from db.keyset_ranges import sorted_column
from db.statements import compiled, uuids_argument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, FromClause, Select

    from db.keyset import Key, Window
    from db.sessions import Session

# Text, so that SQLAlchemy doesn't put the owners into the page's own query.
OWNER: ColumnElement[UUID] = literal_column("owner.id", Uuid)
"""The record whose page is read, in the query given to `pages_of`."""


class OwnedPage(NamedTuple):
    """A page of what belongs to one record."""

    owner_id: UUID
    page: Page


class OwnedNumber(NamedTuple):
    """How much belongs to one record."""

    owner_id: UUID
    number: int


async def pages_of(
    session: Session, ids: Sequence[UUID], query: Select[tuple[object, ...]], keys: Sequence[Key], window: Window
) -> list[OwnedPage]:
    """Return for each of these records its page of the query, which names OWNER; those without a row are absent.

    A page is as `db.keyset.page_of` reads it: at most `limit` rows, and none is read beyond one more. 1 statement.
    """
    reading_keys = [key.reversed() for key in keys] if window.is_from_end else list(keys)
    owner = _one(ids[0]) if len(ids) == 1 else _many()
    page = reading(query, keys, window).lateral("page")
    columns, values = list(page.c)[: -len(keys)], list(page.c)[-len(keys) :]
    # Each page is read in order, but nothing promises that it stays so beside others.
    order = [sorted_column(value, key, is_placing_nulls=True) for value, key in zip(values, reading_keys, strict=True)]
    whole = select(*columns, owner.c.id, *values).select_from(owner.join(page, true())).order_by(owner.c.id, *order)
    statement = replace(compiled(whole), is_planned_anew=len(ids) == 1)
    found = await session.rows(statement, ids=ids)
    return [
        OwnedPage(owner_id, page_from(list(records), keys, window))
        for owner_id, records in groupby(found, key=lambda record: record[-len(keys) - 1])
    ]


def _one(id_: UUID) -> FromClause:
    """Select the only record, in a form in which a plan knows which one it is."""
    return select(literal(id_, Uuid).label("id")).subquery("owner")


def _many() -> FromClause:
    return func.unnest(uuids_argument("ids")).table_valued(column("id", Uuid)).render_derived(name="owner")
