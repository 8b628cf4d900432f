"""Which kinds of record an interaction is linked to: tests as plain data, and the SQL conditions that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, not_, or_

from db.records import RecordKind
from db.statements import of_tenant
from db.tables import accounts, interactions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement


@dataclass(frozen=True, slots=True)
class LinksTest:
    """Choose by which kinds of record are linked. All given tests must hold."""

    all: tuple[RecordKind, ...] | None = None
    any: tuple[RecordKind, ...] | None = None
    none: tuple[RecordKind, ...] | None = None
    only: tuple[RecordKind, ...] | None = None


def is_linked(kind: RecordKind) -> ColumnElement[bool]:
    """Match interactions that are linked to a record of this kind which is still there.

    A lead or contact takes its link with it when it goes; an account that is only marked as deleted leaves it.
    """
    column = interactions.c[kind.column]
    if kind is not RecordKind.ACCOUNT:
        return column.is_not(None)
    living = (of_tenant(accounts), accounts.c.id == column, accounts.c.deleted_at.is_(None))
    return exists().where(*living).correlate(interactions)


def is_orphan() -> ColumnElement[bool]:
    """Match interactions of which no linked record is left."""
    return and_(*(not_(is_linked(kind)) for kind in RecordKind))


def by_links(test: LinksTest) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of a test."""
    if test.all is not None:
        yield from (is_linked(kind) for kind in RecordKind if kind in test.all)
    if test.any is not None:
        yield or_(False, *(is_linked(kind) for kind in RecordKind if kind in test.any))  # noqa: FBT003 - neutral
    if test.none is not None:
        yield from (not_(is_linked(kind)) for kind in RecordKind if kind in test.none)
    if test.only is not None:
        yield from (is_linked(kind) if kind in test.only else not_(is_linked(kind)) for kind in RecordKind)
