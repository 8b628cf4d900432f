"""Filters, as clients write them."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry import UNSET, field

from db import task_filters
from schema.filter_limits import check_filter
from schema.links import RecordKind
from schema.plain_filters import plain_filter
from schema.tasks import TaskPriority, TaskStatus


@strawberry.input(description="Compare an identifier. All given tests must hold.")
class IDFilter:
    """Compare an identifier."""

    eq: strawberry.ID | None = field(default=UNSET, description="Is this one.")
    in_: list[strawberry.ID] | None = field(name="in", default=UNSET, description="Is one of these.")
    ne: strawberry.ID | None = field(
        default=UNSET, description="Is another one. Nothing at all also counts as another one."
    )
    is_null: bool | None = field(default=UNSET, description="True: there is none. False: there is one.")


@strawberry.input(description="Compare an instant. All given tests must hold.")
class DateTimeFilter:
    """Compare an instant."""

    eq: datetime | None = field(default=UNSET, description="Is exactly this.")
    gt: datetime | None = field(default=UNSET, description="Is later.")
    gte: datetime | None = field(default=UNSET, description="Is this or later.")
    lt: datetime | None = field(default=UNSET, description="Is earlier.")
    lte: datetime | None = field(default=UNSET, description="Is this or earlier.")
    is_null: bool | None = field(default=UNSET, description="True: there is none. False: there is one.")


@strawberry.input(description="Choose by what is linked. All given tests must hold.")
class LinksFilter:
    """Choose by what is linked."""

    all: list[RecordKind] | None = field(
        default=UNSET, description="Linked to all of these kinds, perhaps to others too."
    )
    any: list[RecordKind] | None = field(default=UNSET, description="Linked to at least one of these kinds.")
    none: list[RecordKind] | None = field(default=UNSET, description="Linked to none of these kinds.")
    only: list[RecordKind] | None = field(
        default=UNSET, description="Linked to exactly these kinds: `only: [CONTACT]` finds contact-only tasks."
    )


@strawberry.input(description="Choose tasks by a field of their lead, contact or account.")
class RecordFilter:
    """Choose by a linked record."""

    id: IDFilter | None = field(default=UNSET, description="The record's identifier.")
    search: str | None = field(default=UNSET, description="Words of the record's name, company or e-mail address.")
    status: list[str] | None = field(default=UNSET, description="The record's status is one of these.")
    owner_id: IDFilter | None = field(default=UNSET, description="The colleague responsible for the record.")


@strawberry.input(description="Choose tasks. All given fields must hold; a field that is null or absent asks nothing.")
class TaskFilter:
    """Choose tasks."""

    and_: list[TaskFilter] | None = field(name="and", default=UNSET, description="All of these must hold.")
    or_: list[TaskFilter] | None = field(
        name="or", default=UNSET, description="At least one of these must hold. An empty list finds nothing."
    )
    not_: TaskFilter | None = field(name="not", default=UNSET, description="This must not hold.")
    id: IDFilter | None = field(default=UNSET, description="The task's identifier.")
    lead_id: IDFilter | None = field(default=UNSET, description="The linked lead's identifier.")
    contact_id: IDFilter | None = field(default=UNSET, description="The linked contact's identifier.")
    account_id: IDFilter | None = field(default=UNSET, description="The linked account's identifier.")
    assignee_id: IDFilter | None = field(default=UNSET, description="Who is to do it.")
    created_by_id: IDFilter | None = field(default=UNSET, description="Who recorded it.")
    lead: RecordFilter | None = field(default=UNSET, description="Something about the linked lead.")
    contact: RecordFilter | None = field(default=UNSET, description="Something about the linked contact.")
    account: RecordFilter | None = field(default=UNSET, description="Something about the linked account.")
    links: LinksFilter | None = field(default=UNSET, description="Which kinds of record are linked.")
    orphan: bool | None = field(
        default=UNSET,
        description="True: only tasks whose every linked record is gone. False: only the others.",
    )
    search: str | None = field(default=UNSET, description="Words of the subject or description.")
    status: list[TaskStatus] | None = field(default=UNSET, description="Its status is one of these.")
    priority: list[TaskPriority] | None = field(default=UNSET, description="Its priority is one of these.")
    overdue: bool | None = field(default=UNSET, description="True: only overdue tasks. False: only the others.")
    due_at: DateTimeFilter | None = field(default=UNSET, description="When it is due.")
    completed_at: DateTimeFilter | None = field(default=UNSET, description="When it was completed.")
    created_at: DateTimeFilter | None = field(default=UNSET, description="When it was recorded.")
    include_deleted: bool | None = field(
        default=False, description="Show deleted tasks too. Counts only at the outermost level."
    )

    def plain(self) -> task_filters.TaskFilter:
        """Return the filter as plain data. Raises BadUserInput or LimitExceeded."""
        check_filter(self, "filter")
        return plain_filter(self, "filter")
