"""What a timeline shows, as plain data, and the SQL condition that its filter means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, true

from db.filters import UNKNOWN, IdTest, InstantTest, by_id, by_instant, meets, one_of
from db.interactions import OCCURS_AT
from db.link_filters import LinksTest, by_links
from db.tables import interactions
from db.task_filters import IS_OPEN, KNOWN_PRIORITIES, KNOWN_STATUSES, OPEN_STATUSES, is_due_before
from db.tasks import IS_TASK
from db.words import has_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement

    from db.records import RecordKind

KNOWN_KINDS = ("task", "call", "email", "meeting", "note", "sms", "whatsapp")
OTHER = "other"
"""Stands for every stored word that is none of the known kinds, and for no word at all."""


@dataclass(frozen=True, slots=True)
class TimelineFilter:
    """Choose interactions. All given fields must hold; a field that is None, or a test without a test, asks nothing."""

    kinds: tuple[str, ...] | None = None
    links: LinksTest = field(default_factory=LinksTest)
    status: tuple[str, ...] | None = None
    priority: tuple[str, ...] | None = None
    is_open: bool | None = None
    """Whether it is an open task. What is no task isn't."""
    is_overdue: bool | None = None
    """Whether it is an open task whose due date has passed."""
    lead_id: IdTest = field(default_factory=IdTest)
    contact_id: IdTest = field(default_factory=IdTest)
    account_id: IdTest = field(default_factory=IdTest)
    assignee_id: IdTest = field(default_factory=IdTest)
    words: tuple[str, ...] = ()
    occurs_at: InstantTest = field(default_factory=InstantTest)
    due_at: InstantTest = field(default_factory=InstantTest)
    """When a task is due. What is no task isn't asked, and meets no test."""

    @property
    def is_open_only(self) -> bool:
        """Whether it lets nothing but open tasks through."""
        is_of_open_status = self.status is not None and set(self.status) <= set(OPEN_STATUSES)
        return bool(self.is_open or self.is_overdue or is_of_open_status)


EVERYTHING = TimelineFilter()
"""Asks nothing."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the timelines of some records of one kind show: what hangs on them, and perhaps on related ones too."""

    kind: RecordKind
    is_related_included: bool = False
    filter: TimelineFilter = field(default_factory=TimelineFilter)


def is_in_time(wanted: TimelineFilter) -> ColumnElement[bool]:
    """Return what the filter asks of the time, as a condition on lead_interactions."""
    return and_(true(), *by_instant(OCCURS_AT, wanted.occurs_at))


def is_wanted(wanted: TimelineFilter) -> ColumnElement[bool]:
    """Return what else it asks, as a condition on lead_interactions. Where it doesn't hold it is false or null."""
    return and_(true(), *_of_row(wanted), *_of_task(wanted))


def _of_row(wanted: TimelineFilter) -> Iterator[ColumnElement[bool]]:
    columns = interactions.c
    if wanted.kinds is not None:
        kinds = [UNKNOWN if kind == OTHER else kind for kind in wanted.kinds]
        yield one_of(columns.interaction_type, kinds, KNOWN_KINDS)
    if wanted.words:
        yield has_words(wanted.words, columns.subject, columns.description)
    yield from by_links(wanted.links)
    yield from by_id(columns.lead_id, wanted.lead_id)
    yield from by_id(columns.contact_id, wanted.contact_id)
    yield from by_id(columns.account_id, wanted.account_id)
    yield from by_id(columns.user_id, wanted.assignee_id)


def _of_task(wanted: TimelineFilter) -> Iterator[ColumnElement[bool]]:
    columns = interactions.c
    if wanted.status is not None:
        yield and_(IS_TASK, one_of(columns.status, wanted.status, KNOWN_STATUSES))
    if wanted.priority is not None:
        yield and_(IS_TASK, one_of(columns.priority, wanted.priority, KNOWN_PRIORITIES))
    if wanted.is_open is not None:
        yield meets(and_(IS_TASK, IS_OPEN), is_wanted=wanted.is_open)
    if due := list(by_instant(columns.scheduled_at, wanted.due_at)):
        yield and_(IS_TASK, *due)
    if wanted.is_overdue is not None:
        yield meets(and_(IS_TASK, is_due_before(func.now())), is_wanted=wanted.is_overdue)
