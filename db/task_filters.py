"""Which tasks: a filter as plain data, and the SQL condition that it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, literal_column, or_, true

from db.filters import IdTest, InstantTest, by_id, by_instant, meets, one_of
from db.link_filters import LinksTest, by_links, is_orphan
from db.record_filters import RecordTest, by_record
from db.records import RecordKind
from db.tables import interactions
from db.words import has_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import ColumnElement

COMPLETED = "completed"
CANCELLED = "cancelled"
OPEN_STATUSES = ("pending", "scheduled")
KNOWN_STATUSES = (*OPEN_STATUSES, COMPLETED, CANCELLED)
KNOWN_PRIORITIES = ("low", "medium", "high")

# Null for a task without a status. In the text, not among the arguments: a plan that is kept for all of them can use
# the indexes of open tasks alone.
IS_OPEN = interactions.c.status.in_([literal_column(f"'{status}'") for status in OPEN_STATUSES])


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Choose tasks. All given fields must hold; a field that is None, or a test without a test in it, asks nothing."""

    all_of: tuple[TaskFilter, ...] = ()
    any_of: tuple[TaskFilter, ...] | None = None
    negated: TaskFilter | None = None
    id: IdTest = field(default_factory=IdTest)
    lead_id: IdTest = field(default_factory=IdTest)
    contact_id: IdTest = field(default_factory=IdTest)
    account_id: IdTest = field(default_factory=IdTest)
    assignee_id: IdTest = field(default_factory=IdTest)
    created_by_id: IdTest = field(default_factory=IdTest)
    lead: RecordTest = field(default_factory=RecordTest)
    contact: RecordTest = field(default_factory=RecordTest)
    account: RecordTest = field(default_factory=RecordTest)
    links: LinksTest = field(default_factory=LinksTest)
    is_orphan: bool | None = None
    words: tuple[str, ...] = ()
    status: tuple[str, ...] | None = None
    priority: tuple[str, ...] | None = None
    is_overdue: bool | None = None
    due_at: InstantTest = field(default_factory=InstantTest)
    completed_at: InstantTest = field(default_factory=InstantTest)
    created_at: InstantTest = field(default_factory=InstantTest)
    is_deleted_included: bool = False
    """Whether a list shows deleted tasks, too. In a filter within another it means nothing."""


def is_due_before(instant: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Match open tasks that are due before an instant; null for one without a due date. Before now is overdue."""
    return and_(IS_OPEN, interactions.c.scheduled_at < instant)


def condition(tasks: TaskFilter) -> ColumnElement[bool]:
    """Return the condition on lead_interactions that the filter means. Where it doesn't hold it is false or null."""
    return and_(
        true(), *_combined(tasks), *_by_ids(tasks), *_by_records(tasks), *_by_state(tasks), *_by_instants(tasks)
    )


def _combined(tasks: TaskFilter) -> Iterator[ColumnElement[bool]]:
    yield from (condition(part) for part in tasks.all_of)
    if tasks.any_of is not None:
        yield or_(False, *(condition(part) for part in tasks.any_of))  # noqa: FBT003 - SQLAlchemy's neutral element
    if tasks.negated is not None:
        yield meets(condition(tasks.negated), is_wanted=False)


def _by_ids(tasks: TaskFilter) -> Iterator[ColumnElement[bool]]:
    columns = interactions.c
    yield from by_id(columns.id, tasks.id)
    yield from by_id(columns.lead_id, tasks.lead_id)
    yield from by_id(columns.contact_id, tasks.contact_id)
    yield from by_id(columns.account_id, tasks.account_id)
    yield from by_id(columns.user_id, tasks.assignee_id)
    yield from by_id(columns.created_by, tasks.created_by_id)


def _by_records(tasks: TaskFilter) -> Iterator[ColumnElement[bool]]:
    yield from by_record(RecordKind.LEAD, tasks.lead)
    yield from by_record(RecordKind.CONTACT, tasks.contact)
    yield from by_record(RecordKind.ACCOUNT, tasks.account)
    yield from by_links(tasks.links)
    if tasks.is_orphan is not None:
        yield meets(is_orphan(), is_wanted=tasks.is_orphan)


def _by_state(tasks: TaskFilter) -> Iterator[ColumnElement[bool]]:
    columns = interactions.c
    if tasks.words:
        yield has_words(tasks.words, columns.subject, columns.description)
    if tasks.status is not None:
        yield one_of(columns.status, tasks.status, KNOWN_STATUSES)
    if tasks.priority is not None:
        yield one_of(columns.priority, tasks.priority, KNOWN_PRIORITIES)
    if tasks.is_overdue is not None:
        yield meets(is_due_before(func.now()), is_wanted=tasks.is_overdue)


def _by_instants(tasks: TaskFilter) -> Iterator[ColumnElement[bool]]:
    columns = interactions.c
    yield from by_instant(columns.scheduled_at, tasks.due_at)
    yield from by_instant(columns.completed_at, tasks.completed_at)
    yield from by_instant(columns.created_at, tasks.created_at)
