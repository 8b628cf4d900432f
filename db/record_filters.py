"""Tests of the lead, contact or account behind a link, as plain data, and the SQL conditions that they mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Text, cast, exists

from db.filters import IdTest, by_id, equals_any
from db.records import RecordKind, searched_texts
from db.statements import of_tenant
from db.tables import accounts, contacts, interactions, leads
from db.words import has_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement

TABLES = {RecordKind.LEAD: leads, RecordKind.CONTACT: contacts, RecordKind.ACCOUNT: accounts}
STATUSES = {
    RecordKind.LEAD: leads.c.status,
    RecordKind.CONTACT: contacts.c.status,
    RecordKind.ACCOUNT: accounts.c.account_status,
}
OWNERS = {
    RecordKind.LEAD: leads.c.assigned_to,
    RecordKind.CONTACT: contacts.c.assigned_to,
    RecordKind.ACCOUNT: accounts.c.created_by,
}


@dataclass(frozen=True, slots=True)
class RecordTest:
    """Test a linked record. All given tests must hold, of a record that is there; without any, no link is needed."""

    id: IdTest = field(default_factory=IdTest)
    words: tuple[str, ...] = ()
    status: tuple[str, ...] | None = None
    owner_id: IdTest = field(default_factory=IdTest)


def by_record(kind: RecordKind, test: RecordTest) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of a test on the record of this kind.

    Its identifier is read from the link, so that an account marked as deleted is still found by it.
    """
    link = interactions.c[kind.column]
    if tests := list(by_id(link, test.id)):
        yield from (link.is_not(None), *tests)
    if tests := list(_of_record(kind, test)):
        table = TABLES[kind]
        tests = [of_tenant(table), table.c.id == link, *tests]
        if "deleted_at" in table.c:
            tests.append(table.c.deleted_at.is_(None))
        yield exists().where(*tests).correlate(interactions)


def _of_record(kind: RecordKind, test: RecordTest) -> Iterator[ColumnElement[bool]]:
    if test.words:
        yield has_words(test.words, *searched_texts(kind))
    if test.status is not None:
        yield equals_any(cast(STATUSES[kind], Text), test.status)  # in some databases a type of its own
    yield from by_id(OWNERS[kind], test.owner_id)
