"""The statements that read a page of timelines; each reads as many records' timelines as are asked for.

No part reads more rows than a page has, but for one index entry of each related record and a few more of those that
are on the page, however long the timelines are and however deep in them the page is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    String,
    and_,
    func,
    literal_column,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP, array

from db.interactions import ATTRIBUTES, COLUMNS, IS_ALIVE, OCCURS_AT, columns_of
from db.linked_rows import joined
from db.related_records import asked_records, related_records
from db.statements import instant_argument, of_tenant, uuid_argument, with_condition
from db.tables import interactions
from db.task_filters import IS_OPEN
from db.tasks import IS_TASK
from db.timeline_filters import is_in_time, is_wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import CTE, CompoundSelect, Select
    from sqlalchemy.sql.selectable import LateralFromClause

    from db.linked_rows import Path
    from db.records import RecordKind
    from db.statements import Statement
    from db.timeline_filters import TimelineFilter

INSTANT = TIMESTAMP(timezone=True)

# SQLAlchemy takes 20 ms for the longest of these statements, so they are compiled once, with marks in place of what
# a filter asks: of the time, which an index knows, and of the rest of the row.
TIME_MARK, ROW_MARK = "/* when */ true", "/* which */ true"
IS_IN_TIME: ColumnElement[bool] = literal_column(TIME_MARK, Boolean)
IS_WANTED: ColumnElement[bool] = literal_column(ROW_MARK, Boolean)


def filtered(statement: Statement, wanted: TimelineFilter) -> Statement:
    """Put what a filter asks in place of the marks."""
    return with_condition(in_time(statement, wanted), ROW_MARK, interactions, is_wanted(wanted))


def in_time(statement: Statement, wanted: TimelineFilter) -> Statement:
    """Put what a filter asks of the time in place of its mark, in a statement without the other one."""
    return with_condition(statement, TIME_MARK, interactions, is_in_time(wanted))


@dataclass(frozen=True, slots=True)
class Reading:
    """How timelines are read: how many entries of each, from which end, and whether two places bound them."""

    kind: RecordKind
    is_related_included: bool
    is_filtered: bool
    """By more than the time."""
    is_open_only: bool
    """Whether the filter lets nothing but open tasks through."""
    size: int
    is_backwards: bool
    """Read from the earliest entry on; otherwise from the latest."""
    has_after: bool
    has_before: bool
    is_of_one: bool = False
    """Whether the timeline of only one record is asked for."""
    attributes: tuple[str, ...] = ATTRIBUTES
    """What is read of each entry's interaction."""
    paths: tuple[Path, ...] = ()
    """Which linked rows come with each entry."""

    @property
    def limit(self) -> ColumnElement[int]:
        """The size, in the text and not among the arguments: a plan that is kept must know it is small."""
        return literal_column(str(self.size), Integer)

    @property
    def end(self) -> ColumnElement[datetime]:
        """Where no entry is any further on."""
        return literal_column(f"'{'' if self.is_backwards else '-'}infinity'::timestamptz", INSTANT)

    def sorted(self, *columns: ColumnElement[object]) -> list[ColumnElement[object]]:
        """Sort by these columns in the order of reading."""
        return [column.asc() if self.is_backwards else column.desc() for column in columns]

    def is_within(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions that entries are between the places, as an index can use them: by comparing rows.

        They come before others of the time, and with a bound of the time alone, which says nothing new: `db.keyset` has
        the reason.
        """
        columns = tuple_(OCCURS_AT, interactions.c.id)
        if self.has_after:
            time = interactions.c.occurs_at <= instant_argument("after_at")
            yield and_(time, columns < _place("after"))
        if self.has_before:
            time = interactions.c.occurs_at >= instant_argument("before_at")
            yield and_(time, columns > _place("before"))

    def is_not_beyond(self, column: ColumnElement[datetime], cut: ColumnElement[datetime]) -> ColumnElement[bool]:
        """Match what is not further on than the cut."""
        return column <= cut if self.is_backwards else column >= cut


def of_records(reading: Reading) -> Select[tuple[object, ...]]:
    """Read the timelines of the asked records themselves: their rows, in an index's order."""
    asked = asked_records(is_one=reading.is_of_one)
    entry = _entries(reading, reading.kind, asked.c.id, reading.limit, columns=columns_of(reading.attributes))
    source, linked = joined(asked.join(entry, true()), interactions.name, entry, reading.paths)
    columns = *entry.c, asked.c.id.label("record_id"), array([_word(reading.kind)]).label("via"), *linked
    order = reading.sorted(entry.c.occurs_at, entry.c.id)
    return select(*columns).select_from(source).order_by(asked.c.id, *order)


def with_related(reading: Reading) -> Select[tuple[object, ...]]:
    """Read the timelines of the asked records together with those of related ones.

    Four steps: the head of each related timeline, and the page of the record's own; the cut, beyond which nothing can
    be on the page; of each timeline with its head within the cut the keys that are within it too; and of those that
    then are the first, each once, the row. A row's place within any one timeline is never after its place in all
    of them together, so all links that brought it are met before the cut.
    """
    asked = asked_records(is_one=reading.is_of_one)
    related = related_records(reading.kind, asked)
    own = _own_keys(reading, asked).cte("own")
    heads = _heads(reading, related).cte("heads")
    cut = _cut(reading, asked, own, heads).cte("cut")
    branches = (_related_keys(reading, kind, heads, cut) for kind in related)
    keys = union_all(select(own), *branches).subquery("keys")
    entries = (
        select(keys.c.record_id, keys.c.occurs_at, keys.c.id, func.array_agg(keys.c.kind).label("via"))
        .group_by(keys.c.record_id, keys.c.occurs_at, keys.c.id)
        .subquery("entries")
    )
    order = reading.sorted(entries.c.occurs_at, entries.c.id)
    place = func.row_number().over(partition_by=entries.c.record_id, order_by=order).label("place")
    placed = select(entries, place).subquery("placed")
    row = _row(reading, placed.c.id)
    source, linked = joined(placed.join(row, true()), interactions.name, row, reading.paths)
    return (
        select(*row.c, placed.c.record_id, placed.c.via, *linked)
        .select_from(source)
        .where(placed.c.place <= reading.limit)
        .order_by(placed.c.record_id, placed.c.place)
    )


def ends(kind: RecordKind, *, is_related_included: bool) -> Select[tuple[datetime | None, datetime | None]]:
    """Select when the first and the last entry are of all asked timelines together, whatever is asked of their rows.

    One entry is read at each end of each timeline. Both are null where there is none.
    """
    asked = asked_records()
    own = {kind: select(asked.c.id.label("record_id"), asked.c.id)}
    sources = {**own, **(related_records(kind, asked) if is_related_included else {})}
    outermost = union_all(*(_heads(_any_entry(kind, is_backwards=way), sources) for way in (False, True)))
    found = outermost.subquery("outermost")
    return select(func.min(found.c.occurs_at), func.max(found.c.occurs_at))


def _any_entry(kind: RecordKind, *, is_backwards: bool) -> Reading:
    return Reading(
        kind,
        is_related_included=False,
        is_filtered=False,
        is_open_only=False,
        size=1,
        is_backwards=is_backwards,
        has_after=False,
        has_before=False,
    )


_ONE: ColumnElement[int] = literal_column("1", Integer)

# What holds for every entry, and in this form makes the planner expect few: it then walks the timeline in order, by the
# one index that knows the time. Otherwise it would take the rows of a smaller one and sort them, however many they are.
_IS_ANY_TIME = OCCURS_AT.between(
    literal_column("(SELECT '-infinity'::timestamptz)", INSTANT),
    literal_column("(SELECT 'infinity'::timestamptz)", INSTANT),
)


def _own_keys(reading: Reading, asked: CTE) -> Select[tuple[object, ...]]:
    kind = reading.kind
    key = _entries(reading, kind, asked.c.id, reading.limit)
    columns = asked.c.id.label("record_id"), _word(kind).label("kind"), *key.c
    return select(*columns).select_from(asked.join(key, true()))


def _heads(
    reading: Reading, sources: Mapping[RecordKind, Select[tuple[UUID, UUID]]]
) -> CompoundSelect[tuple[Any, ...]]:
    """Select the first entry of each related timeline, with the related record's id as `source_id`."""
    selects = []
    for kind, query in sources.items():
        related = query.subquery("related")
        head = _entries(reading, kind, related.c.id, _ONE)
        columns = related.c.record_id, _word(kind).label("kind"), head.c.occurs_at, related.c.id.label("source_id")
        selects.append(select(*columns).select_from(related.join(head, true())))
    return union_all(*selects)


def _cut(reading: Reading, asked: CTE, own: CTE, heads: CTE) -> Select[tuple[UUID, datetime]]:
    """Select for each asked record the instant that `size` different entries are not beyond.

    Heads of one kind are different entries, because an interaction has at most one link of each kind.
    """
    known = union_all(
        select(own.c.record_id, own.c.kind, own.c.occurs_at), select(heads.c.record_id, heads.c.kind, heads.c.occurs_at)
    ).subquery("known")
    order = reading.sorted(known.c.occurs_at)
    place = func.row_number().over(partition_by=(known.c.record_id, known.c.kind), order_by=order).label("place")
    placed = select(known, place).subquery("placed")
    nearest = func.min if reading.is_backwards else func.max
    last = and_(placed.c.record_id == asked.c.id, placed.c.place == reading.limit)
    return (
        select(asked.c.id, func.coalesce(nearest(placed.c.occurs_at), reading.end).label("occurs_at"))
        .select_from(asked.outerjoin(placed, last))
        .group_by(asked.c.id)
    )


def _related_keys(reading: Reading, kind: RecordKind, heads: CTE, cut: CTE) -> Select[tuple[object, ...]]:
    key = _entries(reading, kind, heads.c.source_id, reading.limit, cut)
    joined = heads.join(cut, cut.c.id == heads.c.record_id).join(key, true())
    columns = heads.c.record_id, heads.c.kind, *key.c
    is_near = reading.is_not_beyond(heads.c.occurs_at, cut.c.occurs_at)
    return select(*columns).select_from(joined).where(heads.c.kind == _word(kind), is_near)


def _entries(
    reading: Reading,
    kind: RecordKind,
    source_id: ColumnElement[UUID],
    limit: ColumnElement[int],
    cut: CTE | None = None,
    columns: Sequence[ColumnElement[Any]] = (OCCURS_AT, interactions.c.id),
) -> LateralFromClause:
    """Select the first entries of one record, their keys alone or more, beside the row that names it.

    They come in the order of an index, of which the planner can't know that it is long: so what a filter asks of the
    rows, is asked of each as it comes, behind an OFFSET that the planner doesn't look through, until there are enough.
    Open tasks of contacts and accounts have their own indexes, which are taken because the walk itself asks for them.
    """
    linked = interactions.c[kind.column] == source_id
    tests = [of_tenant(interactions), linked, *reading.is_within(), IS_IN_TIME, _IS_ANY_TIME]
    if cut is not None:
        tests.append(reading.is_not_beyond(OCCURS_AT, cut.c.occurs_at))
    if reading.is_open_only:
        tests += [IS_TASK, IS_OPEN, IS_ALIVE]
    order = reading.sorted(OCCURS_AT, interactions.c.id)
    if not reading.is_filtered:
        found = select(*columns).where(*tests, IS_ALIVE).order_by(*order)
    else:
        walk = select(*COLUMNS).where(*tests).order_by(*order).correlate_except(interactions)
        # By the table's own name, since that is what a filter asks by.
        rows = walk.offset(literal_column("0", Integer)).lateral(interactions.name)
        shown = (rows.c[column.name] for column in columns)
        found = select(*shown).where(rows.c.deleted_at.is_(None), IS_WANTED)
        found = found.order_by(*reading.sorted(rows.c.occurs_at, rows.c.id))
    return found.limit(limit).correlate_except(interactions).lateral("entry")


def _row(reading: Reading, id_: ColumnElement[UUID]) -> LateralFromClause:
    """Select a row by its id, beside what names it; the planner can't take it for many."""
    row = select(*columns_of(reading.attributes)).where(of_tenant(interactions), interactions.c.id == id_)
    return row.limit(_ONE).lateral("row_of")


def _word(kind: RecordKind) -> ColumnElement[str]:
    return literal_column(f"'{kind}'::text", String)


def _place(name: str) -> ColumnElement[tuple[object, ...]]:
    return tuple_(instant_argument(f"{name}_at"), uuid_argument(f"{name}_id"))
