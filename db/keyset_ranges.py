"""Where a page of a sorted list begins and ends, as conditions that let an index walk right to the place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import and_, false, literal, or_, true, tuple_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from db.keyset import Key, Place, Value


def sorted_by(keys: Sequence[Key], columns: Sequence[ColumnElement[Value]]) -> list[ColumnElement[Value]]:
    """Sort each column as its key says, within one of the ranges below.

    Where the nulls of the first key go isn't said: in such a range there are none, or nothing else, or they are where
    PostgreSQL puts them by itself. Said, it would keep an index from being read backwards.
    """
    return [
        sorted_column(column, key, is_placing_nulls=number > 0 and key.is_nullable)
        for number, (key, column) in enumerate(zip(keys, columns, strict=True))
    ]


def sorted_column(column: ColumnElement[Value], key: Key, *, is_placing_nulls: bool) -> ColumnElement[Value]:
    """Sort a column as its key says, and perhaps say where its nulls go."""
    ordered = column.desc() if key.is_descending else column.asc()
    if not is_placing_nulls:
        return ordered
    return ordered.nulls_last() if key.nulls_last else ordered.nulls_first()


def ranges_between(keys: Sequence[Key], start: Place | None, stop: Place | None) -> list[ColumnElement[bool]]:
    """Return one or two conditions, in the order of the list: together the rows strictly between two places.

    An index walks to a place only among the rows that have a value for the first key, or among those that have none.
    So these are two ranges, unless the whole list is in the index's own order, or a place leaves one of them out.
    """
    first, *others = keys
    is_in_index_order = first.nulls_last is not first.is_descending  # where PostgreSQL puts nulls by itself
    if not first.is_nullable or (is_in_index_order and start is None and stop is None):
        return [_between(keys, start, stop)]
    halves = [False, True] if first.nulls_last else [True, False]  # whether the first key is null there
    begin = halves.index(start[0] is None) if start else 0
    end = halves.index(stop[0] is None) if stop else 1
    ranges = []
    for half in range(begin, end + 1):
        its_start = start if half == begin else None
        its_stop = stop if half == end else None
        if halves[half]:
            within = _between(others, its_start and its_start[1:], its_stop and its_stop[1:])
            ranges.append(and_(first.expression.is_(None), within))
        else:
            within = _between([replace(first, is_nullable=False), *others], its_start, its_stop)
            ranges.append(and_(first.expression.is_not(None), within))
    return ranges or [false()]


def _between(keys: Sequence[Key], start: Place | None, stop: Place | None) -> ColumnElement[bool]:
    after = _beyond(keys, start) if start else true()
    before = _beyond([key.reversed() for key in keys], stop) if stop else true()
    return and_(after, before)


def _beyond(keys: Sequence[Key], place: Place) -> ColumnElement[bool]:
    """Match the rows that sort strictly after a place: beyond it in one key, and equal to it in those before.

    Keys of one direction whose values are never null, such as the last one alone, compare as rows do.
    """
    first, *others = keys
    value, *other_values = place
    if first.is_nullable:
        return or_(_later(first, value), and_(_equal(first, value), _beyond(others, tuple(other_values))))
    # Says nothing new, but this is what an index can walk to; beside a comparison of rows, see `db.keyset.reading`.
    bound = first.expression <= value if first.is_descending else first.expression >= value
    if not any(key.is_nullable or key.is_descending is not first.is_descending for key in keys):
        ours = tuple_(*(key.expression for key in keys))
        theirs = tuple_(*(literal(value, key.expression.type) for key, value in zip(keys, place, strict=True)))
        return and_(bound, ours < theirs if first.is_descending else ours > theirs)
    return and_(bound, or_(_later(first, value), and_(_equal(first, value), _beyond(others, tuple(other_values)))))


def _equal(key: Key, value: Value) -> ColumnElement[bool]:
    return key.expression.is_(None) if value is None else key.expression == value


def _later(key: Key, value: Value) -> ColumnElement[bool]:
    if value is None:
        return false() if key.nulls_last else key.expression.is_not(None)
    later = key.expression < value if key.is_descending else key.expression > value
    return or_(later, key.expression.is_(None)) if key.is_nullable and key.nulls_last else later
