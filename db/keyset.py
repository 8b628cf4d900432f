"""Keyset paging: a page begins right after a row's sort values, so rows that come and go don't shift the next page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Integer, and_, column, func, literal_column, select, true, union_all

from db.keyset_ranges import ranges_between, sorted_by
from db.statements import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Select

    from db.engine import Record
    from db.sessions import Session

    Value = datetime | UUID | str | int | None
    Place = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key. `kind` says what its values are; `nulls_last` where a row without a value goes."""

    name: str
    kind: Literal["instant", "uuid", "text", "number", "sequence"]
    expression: ColumnElement[Value]
    is_descending: bool = False
    is_nullable: bool = True
    nulls_last: bool = True

    def reversed(self) -> Key:
        """Return the key that sorts the other way round."""
        return replace(self, is_descending=not self.is_descending, nulls_last=not self.nulls_last)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of an ordered list: at most `limit`, counted from the start or the end, between two places."""

    limit: int
    after: Place | None = None
    before: Place | None = None
    is_from_end: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows in list order, each with its place, and whether there are more on the far side."""

    records: list[Record]
    places: list[Place]
    has_more: bool


async def page_of(
    session: Session,
    query: Select[tuple[object, ...]],
    keys: Sequence[Key],
    window: Window,
    *,
    is_planned_anew: bool = False,
) -> Page:
    """Return one page of `query` in the order of `keys`, the last of which must be unique and never null. 1 statement.

    The keys' values come after the query's own columns. One row more than the limit is read: it means there is more.
    """
    statement = replace(compiled(reading(query, keys, window)), is_planned_anew=is_planned_anew)
    return page_from(await session.rows(statement), keys, window)


def page_from(found: Sequence[Record], keys: Sequence[Key], window: Window) -> Page:
    """Make a page of the rows that `reading` has read, the keys' values last in each."""
    records = list(found[: window.limit])
    if window.is_from_end:
        records.reverse()
    places = [tuple(record[len(record) - len(keys) :]) for record in records]
    return Page(records, places, has_more=len(found) > window.limit)


def reading(query: Select[tuple[object, ...]], keys: Sequence[Key], window: Window) -> Select[tuple[object, ...]]:
    """Return the query that reads the window's rows, and one more, from the side from which they are counted."""
    start, stop = window.after, window.before
    if window.is_from_end:
        keys, start, stop = [key.reversed() for key in keys], stop, start
    query = query.add_columns(*(key.expression.label(f"key_{number}") for number, key in enumerate(keys)))
    order = sorted_by(keys, [key.expression for key in keys])
    # The size stands in the text, not among the arguments: a plan that is kept for all of them must know it is small.
    size = literal_column(str(window.limit + 1), Integer)
    # The places stand before whatever else is asked. PostgreSQL 18 begins to read an index at the first of the bounds
    # that it is given for a column. Were that a filter's, it would walk to the page from there, however far it is.
    ranges = (
        and_(range_, true() if query.whereclause is None else query.whereclause)
        for range_ in ranges_between(keys, start, stop)
    )
    parts = [select(*query.selected_columns).where(range_).order_by(*order).limit(size) for range_ in ranges]
    return parts[0] if len(parts) == 1 else _one_after_the_other(parts, keys, size)


def _one_after_the_other(
    parts: Sequence[Select[tuple[object, ...]]], keys: Sequence[Key], size: ColumnElement[int]
) -> Select[tuple[object, ...]]:
    """Read the second of two parts only as far as the first one leaves room."""
    head, tail = parts[0].cte("head"), parts[1].subquery("tail")
    room = select(size - func.count()).select_from(head).scalar_subquery()
    # Their columns are taken by a star: to name each of them in each makes SQLAlchemy ten times as slow.
    both = union_all(
        select(literal_column("head.*, 1 AS part")).select_from(head),
        select(literal_column("tail.*, 2")).select_from(tail).limit(room),
    ).subquery("both")
    columns = [column(selected.name, selected.type) for selected in parts[0].selected_columns]
    order = [literal_column("part"), *sorted_by(keys, columns[-len(keys) :])]
    # Where it stands and not at the top of the statement, so that all of it can be read within another one.
    return select(*columns).select_from(both).add_cte(head, nest_here=True).order_by(*order)
