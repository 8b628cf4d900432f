"""Keyset paging: a page begins right after a row's sort values, so rows that come and go don't shift the next page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import and_, false, not_, or_

from db.statements import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Select

    from db.engine import Record
    from db.sessions import Session

    Value = datetime | UUID | None
    Place = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key. `kind` says what its values are; `nulls_last` where a row without a value goes."""

    name: str
    kind: Literal["instant", "uuid"]
    expression: ColumnElement[Value]
    is_descending: bool = False
    is_nullable: bool = True
    nulls_last: bool = True

    def reversed(self) -> Key:
        """Return the key that sorts the other way round."""
        return Key(self.name, self.kind, self.expression, not self.is_descending, self.is_nullable, not self.nulls_last)


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


async def page_of(session: Session, query: Select[tuple[object, ...]], keys: Sequence[Key], window: Window) -> Page:
    """Return one page of `query` in the order of `keys`, the last of which must be unique. 1 statement.

    The keys' values are appended to the query's columns. One row more than the limit is read: it means there is more.
    """
    reading = [key.reversed() for key in keys] if window.is_from_end else list(keys)
    query = query.add_columns(*(key.expression for key in keys)).order_by(*(_sorted(key) for key in reading))
    if window.after:
        query = query.where(_beyond(keys, window.after))
    if window.before:
        query = query.where(_beyond([key.reversed() for key in keys], window.before))
    found = await session.rows(compiled(query.limit(window.limit + 1)))
    records = found[: window.limit]
    if window.is_from_end:
        records.reverse()
    places = [tuple(record[len(record) - len(keys) :]) for record in records]
    return Page(records, places, has_more=len(found) > window.limit)


def _sorted(key: Key) -> ColumnElement[Value]:
    ordered = key.expression.desc() if key.is_descending else key.expression.asc()
    if not key.is_nullable:
        return ordered
    return ordered.nulls_last() if key.nulls_last else ordered.nulls_first()


def _beyond(keys: Sequence[Key], place: Place) -> ColumnElement[bool]:
    """Match the rows that sort strictly after `place`: equal in the first keys, beyond it in the next one."""
    return or_(
        *(
            and_(*(_equal(key, value) for key, value in zip(keys[:i], place, strict=False)), _after(keys[i], place[i]))
            for i in range(len(keys))
        )
    )


def _equal(key: Key, value: Value) -> ColumnElement[bool]:
    return key.expression.is_(None) if value is None else key.expression == value


def _after(key: Key, value: Value) -> ColumnElement[bool]:
    if value is None:
        return false() if key.nulls_last else not_(key.expression.is_(None))
    beyond = key.expression < value if key.is_descending else key.expression > value
    return or_(beyond, key.expression.is_(None)) if key.is_nullable and key.nulls_last else beyond
