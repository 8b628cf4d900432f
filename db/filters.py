"""Which tasks: a filter as plain data, and the SQL condition that it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import String, all_, and_, any_, literal, not_, or_
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY

from db.records import RecordKind
from db.tables import interactions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement

KNOWN_STATUSES = ("pending", "scheduled", "completed", "cancelled")
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
class LinksTest:
    """Choose by which kinds of record are linked. All given tests must hold."""

    all: tuple[RecordKind, ...] | None = None
    any: tuple[RecordKind, ...] | None = None
    none: tuple[RecordKind, ...] | None = None
    only: tuple[RecordKind, ...] | None = None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Choose tasks. All given fields must hold; a field that is None asks nothing."""

    lead_id: IdTest = field(default_factory=IdTest)
    contact_id: IdTest = field(default_factory=IdTest)
    account_id: IdTest = field(default_factory=IdTest)
    assignee_id: IdTest = field(default_factory=IdTest)
    links: LinksTest = field(default_factory=LinksTest)
    status: tuple[str, ...] | None = None


def condition(tasks: TaskFilter) -> ColumnElement[bool]:
    """Return the condition on lead_interactions that the filter means."""
    columns = interactions.c
    return and_(
        True,  # noqa: FBT003 - SQLAlchemy's neutral element
        *_by_id(columns.lead_id, tasks.lead_id),
        *_by_id(columns.contact_id, tasks.contact_id),
        *_by_id(columns.account_id, tasks.account_id),
        *_by_id(columns.user_id, tasks.assignee_id),
        *_by_links(tasks.links),
        *([] if tasks.status is None else [_one_of(columns.status, tasks.status, KNOWN_STATUSES)]),
    )


def _by_id(column: ColumnElement[UUID], test: IdTest) -> Iterator[ColumnElement[bool]]:
    if test.eq is not None:
        yield column == test.eq
    if test.any_of is not None:
        yield column == any_(literal(list(test.any_of), ARRAY(UuidType)))
    if test.ne is not None:
        yield or_(column != test.ne, column.is_(None))  # nothing at all is also another one
    if test.is_null is not None:
        yield column.is_(None) if test.is_null else column.is_not(None)


def _by_links(test: LinksTest) -> Iterator[ColumnElement[bool]]:
    linked = {kind: interactions.c[kind.column].is_not(None) for kind in RecordKind}
    if test.all is not None:
        yield from (linked[kind] for kind in RecordKind if kind in test.all)
    if test.any is not None:
        yield or_(False, *(linked[kind] for kind in RecordKind if kind in test.any))  # noqa: FBT003
    if test.none is not None:
        yield from (not_(linked[kind]) for kind in RecordKind if kind in test.none)
    if test.only is not None:
        yield from (linked[kind] if kind in test.only else not_(linked[kind]) for kind in RecordKind)


def _one_of(column: ColumnElement[str], wanted: tuple[str, ...], known: tuple[str, ...]) -> ColumnElement[bool]:
    tests: list[ColumnElement[bool]] = [column == any_(_words([word for word in wanted if word != UNKNOWN]))]
    if UNKNOWN in wanted:
        tests += [column.is_(None), column != all_(_words(known))]
    return or_(*tests)


def _words(words: Sequence[str]) -> ColumnElement[Sequence[str]]:
    return literal(list(words), ARRAY(String))
