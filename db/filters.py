"""Tests of one column, as plain data, and the SQL conditions that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import String, all_, any_, literal, or_, true
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement

UNKNOWN = "unknown"
"""Stands for every stored word that is none of ours, and for no word at all."""


@dataclass(frozen=True, slots=True)
class IdTest:
    """Compare an identifier. All given tests must hold."""

    eq: UUID | None = None
    any_of: tuple[UUID, ...] | None = None
    ne: UUID | None = None
    is_null: bool | None = None


@dataclass(frozen=True, slots=True)
class InstantTest:
    """Compare an instant. All given tests must hold; where there is none, only `is_null=True` does."""

    eq: datetime | None = None
    gt: datetime | None = None
    gte: datetime | None = None
    lt: datetime | None = None
    lte: datetime | None = None
    is_null: bool | None = None


def meets(test: ColumnElement[bool], *, is_wanted: bool) -> ColumnElement[bool]:
    """Match the rows that meet a test, or all the others, those that it can say nothing of among them."""
    return test if is_wanted else test.is_not(true())


def by_id(column: ColumnElement[UUID], test: IdTest) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of a test."""
    if test.eq is not None:
        yield column == test.eq
    if test.any_of is not None:
        yield column == any_(literal(list(test.any_of), ARRAY(UuidType)))
    if test.ne is not None:
        yield or_(column != test.ne, column.is_(None))  # nothing at all is also another one
    if test.is_null is not None:
        yield column.is_(None) if test.is_null else column.is_not(None)


def by_instant(column: ColumnElement[datetime], test: InstantTest) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of a test."""
    if test.eq is not None:
        yield column == test.eq
    if test.gt is not None:
        yield column > test.gt
    if test.gte is not None:
        yield column >= test.gte
    if test.lt is not None:
        yield column < test.lt
    if test.lte is not None:
        yield column <= test.lte
    if test.is_null is not None:
        yield column.is_(None) if test.is_null else column.is_not(None)


def one_of(column: ColumnElement[str], wanted: Sequence[str], known: Sequence[str]) -> ColumnElement[bool]:
    """Match rows whose stored word is wanted; UNKNOWN wants every word that is not known, and none at all."""
    tests = [equals_any(column, [word for word in wanted if word != UNKNOWN])]
    if UNKNOWN in wanted:
        tests += [column.is_(None), column != all_(_words(known))]
    return or_(*tests)


def equals_any(column: ColumnElement[str], wanted: Sequence[str]) -> ColumnElement[bool]:
    """Match rows whose text is one of these."""
    return column == any_(_words(wanted))


def _words(words: Sequence[str]) -> ColumnElement[Sequence[str]]:
    return literal(list(words), ARRAY(String))
