"""How many interactions are on a timeline: in all, by stretches of time, by pile, by status, by links."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Integer,
    String,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    not_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, array

from db import timeline_shapes
from db.filters import UNKNOWN, equals_any
from db.interactions import IS_ALIVE, OCCURS_AT
from db.link_filters import is_linked
from db.records import RecordKind
from db.related_records import asked_records, found_first, related_records
from db.statements import Statement, compiled, instant_argument, of_tenant
from db.tables import interactions
from db.task_filters import COMPLETED, IS_OPEN, KNOWN_STATUSES
from db.tasks import IS_TASK
from db.timeline_shapes import INSTANT, IS_IN_TIME, IS_WANTED, filtered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Select, Subquery

    from db.sessions import Session
    from db.timeline_filters import Timeline

# The years that Python knows. What is earlier or later is in the first or the last stretch of each unit.
EARLIEST = literal_column("'0001-01-01 00:00:00+00'::timestamptz", INSTANT)
LATEST = literal_column("'9999-12-31 23:59:59.999999+00'::timestamptz", INSTANT)


class Sorting(Enum):
    """What a count tells apart; `_key` has the expression of each."""

    NOTHING = "nothing"
    """All have the key ''."""
    STRETCH = "stretch"
    """By the place in the argument `starts`, instants in ascending order: entries from it up to the next have it."""
    PILE = "pile"
    """By the words of DueBucket; arguments are `now`, `today_ends_at` and `week_ends_at`."""
    STATUS = "status"
    """By the known words for status, or UNKNOWN; what is no task is completed."""
    LINKS = "links"
    """By the kinds of record linked: `lead+contact`; '' for none."""


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many entries of a record's timeline have this key."""

    record_id: UUID
    key: str
    count: int


async def counts(
    session: Session, timeline: Timeline, sorting: Sorting, ids: Sequence[UUID], **arguments: object
) -> list[CountRow]:
    """Count the entries of each record's timeline, each once, by key; what has none is absent. 1 statement."""
    shape = _counts(timeline.kind, sorting, is_related_included=timeline.is_related_included)
    statement = filtered(shape, timeline.filter)
    return [CountRow(*row) for row in await session.rows(statement, ids=ids, **arguments)]


async def ends(session: Session, timeline: Timeline, ids: Sequence[UUID]) -> tuple[datetime, datetime] | None:
    """Return two instants between which all entries of these timelines are; None if there are none. 1 statement.

    Of its filter only what is asked of the time is looked at, so the entries themselves may be closer together.
    """
    shape = _ends(timeline.kind, is_related_included=timeline.is_related_included)
    statement = timeline_shapes.in_time(shape, timeline.filter)
    ((first, last),) = await session.rows(statement, ids=ids)
    return None if first is None else (first, last)


async def utc_starts(
    session: Session, timeline: Timeline, unit: str, limit: int, ids: Sequence[UUID]
) -> list[datetime]:
    """Return where the days, weeks or months of UTC begin that hold entries of any of these timelines. 1 statement.

    At most `limit`, in no order. Before the year 1 and after 9999 nothing is told apart.
    """
    shape = _utc_starts(timeline.kind, is_related_included=timeline.is_related_included)
    statement = filtered(shape, timeline.filter)
    return [row[0] for row in await session.rows(statement, ids=ids, unit=unit, limit=limit)]


@cache
def _counts(kind: RecordKind, sorting: Sorting, *, is_related_included: bool) -> Statement:
    entries = _entries(kind, is_related_included=is_related_included, key=_key(sorting))
    query = select(entries.c.record_id, cast(entries.c.key, Text), func.count())
    return compiled(query.group_by(entries.c.record_id, entries.c.key))


@cache
def _ends(kind: RecordKind, *, is_related_included: bool) -> Statement:
    return compiled(timeline_shapes.ends(kind, is_related_included=is_related_included))


@cache
def _utc_starts(kind: RecordKind, *, is_related_included: bool) -> Statement:
    known = func.least(func.greatest(OCCURS_AT, EARLIEST), LATEST)
    start = func.date_trunc(bindparam("unit", type_=String), known, "UTC")
    entries = _entries(kind, is_related_included=is_related_included, key=start)
    return compiled(select(entries.c.key).distinct().limit(bindparam("limit", type_=Integer)))


def _entries(kind: RecordKind, *, is_related_included: bool, key: ColumnElement[Any]) -> Subquery:
    """Select each entry once for each of the asked records, with a key computed from it."""
    asked = asked_records()
    own = {kind: select(asked.c.id.label("record_id"), asked.c.id)}
    sources = {**own, **(related_records(kind, asked) if is_related_included else {})}
    branches = []
    for linked, query in sources.items():
        source = query.subquery("source")
        branches.append(_linked(linked, source, key).where(*found_first(kind, linked, source.c.record_id)))
    return union_all(*branches).subquery("entries")


def _linked(kind: RecordKind, source: Subquery, key: ColumnElement[Any]) -> Select[tuple[UUID, Any]]:
    linked = interactions.c[kind.column] == source.c.id
    query = select(source.c.record_id, key.label("key")).select_from(source)
    return query.join(interactions, linked).where(of_tenant(interactions), IS_ALIVE, IS_IN_TIME, IS_WANTED)


def _key(sorting: Sorting) -> ColumnElement[Any]:
    match sorting:
        case Sorting.NOTHING:
            return _word("")
        case Sorting.STRETCH:
            starts = bindparam("starts", type_=ARRAY(INSTANT))
            return func.width_bucket(OCCURS_AT, starts) - 1
        case Sorting.PILE:
            return _pile()
        case Sorting.STATUS:
            status = interactions.c.status
            known = (equals_any(status, KNOWN_STATUSES), status)
            return case((not_(IS_TASK), _word(COMPLETED)), known, else_=_word(UNKNOWN))
        case Sorting.LINKS:
            return func.array_to_string(array([case((is_linked(kind), _word(kind))) for kind in RecordKind]), "+")


def _pile() -> ColumnElement[str]:
    due_at = interactions.c.scheduled_at
    is_open = and_(IS_TASK, IS_OPEN)
    return case(
        (is_open.is_not(true()), _word("closed")),
        (due_at.is_(None), _word("no_due_date")),
        (due_at < instant_argument("now"), _word("overdue")),
        (due_at < instant_argument("today_ends_at"), _word("today")),
        (due_at < instant_argument("week_ends_at"), _word("this_week")),
        else_=_word("later"),
    )


def _word(word: str) -> ColumnElement[str]:
    return literal_column(f"'{word}'::text", String)
